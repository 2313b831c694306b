import ArgumentParser
import Orchestration
import Store

/// Writes a note to a job or a run.
struct Note: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "note",
        abstract: "Attach a note to a job or run, for --where and --columns too.",
        discussion: """
            EXAMPLES
              orchestrator note 7 "rerun with the fixed data"
              orchestrator note k3j9 "look at figure 3"
              orchestrator note 7 ""                      removes it
            """)

    @Argument(
        help: ArgumentHelp("A job's number, or a run's name or its beginning.", valueName: "job-or-run"),
        completion: CompletionWords.jobsAndRuns)
    var name: String

    @Argument(help: "The note, on one line.")
    var text: String

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws { try MarkText.check(text, "a note", atMost: 1000) }

    func run() async throws {
        var marks = Marks()
        marks.note = text
        try await NamedChange(names: [name], json: json).perform(text.isEmpty ? "note removed" : "noted") {
            try $0.mark($1, marks)
        }
    }
}

/// Tags jobs or runs.
struct Tag: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag",
        abstract: "Tag jobs and runs, or remove tags, for --where and --columns too.",
        discussion: """
            EXAMPLES
              orchestrator tag 7 --add paper --add final
              orchestrator tag k3j9 x0qa --add odd
              orchestrator tag 7 --remove final
              orchestrator best 7 --where 'tags ~ paper'
            """)

    @OptionGroup var named: NamedArguments

    @Option(help: ArgumentHelp("A tag to add; repeatable.", valueName: "tag"))
    var add: [String] = []

    @Option(help: ArgumentHelp("A tag to remove; repeatable.", valueName: "tag"))
    var remove: [String] = []

    func validate() throws {
        if add.isEmpty, remove.isEmpty { throw ValidationError("name a tag with --add or --remove") }
        for tag in add + remove {
            try MarkText.check(tag, "a tag", atMost: 64, isName: true)
            if tag.isEmpty || tag.contains(where: \.isWhitespace) {
                throw ValidationError("the tag '\(tag)' is empty or has blanks in it; expected a word")
            }
        }
        if let both = add.first(where: remove.contains) {
            throw ValidationError("--add and --remove name the same tag '\(both)'")
        }
    }

    func run() async throws {
        var marks = Marks()
        (marks.adding, marks.removing) = (add, remove)
        try await named.change("tagged") { try $0.mark($1, marks) }
    }
}

/// Gives a job a name.
struct Rename: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rename",
        abstract: "Give a job a name to show in lists.",
        discussion: """
            EXAMPLES
              orchestrator rename 7 "sparsity sweep, second try"
              orchestrator rename 7 ""                    back to its original name

            SLURM and W&B keep its original name.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @Argument(help: "The name, on one line.")
    var title: String

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws { try MarkText.check(title, "a name", atMost: 100, isName: true) }

    func run() async throws {
        let done = title.isEmpty ? "has its original name again" : "renamed"
        try await NamedChange(names: [String(job)], json: json).perform(done) { store, _ in
            try store.rename(JobID(rawValue: job), title.isEmpty ? nil : title)
        }
    }
}

/// Users' notes on jobs and runs.
enum MarkText {
    /// Refuses anything that would not fit on one line of a table.
    static func check(_ text: String, _ what: String, atMost limit: Int, isName: Bool = false) throws {
        try Secrets.validate(text, as: what, isName: isName)
        guard text.count <= limit else {
            throw ValidationError("\(what) has \(limit) characters at most, not \(text.count)")
        }
        let isPlain = text.unicodeScalars.allSatisfy {
            ![.control, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        guard isPlain else { throw ValidationError("\(what) stands on one line, without control characters") }
    }
}
