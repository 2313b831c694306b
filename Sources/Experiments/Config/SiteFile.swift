/// A site's defaults for the SLURM options and resources of agents, written by its users or admins.
///
/// The command line and the environment override it.
public struct SiteFile: Sendable, Equatable {
    /// How many runs share an agent's node.
    public enum SlotChoice: Sendable, Equatable {
        /// What the agent finds fastest.
        case auto
        /// This many.
        case count(Int)
    }

    /// The SLURM resources of each agent, by `sbatch`'s long option names (`partition`, `mem`, `cpus-per-task`).
    public internal(set) var resources: [String: String] = [:]
    /// Further arguments for `sbatch`.
    public internal(set) var sbatchArguments: [String] = []
    /// Where each of those stands in the file.
    public private(set) var sbatchArgumentPlaces: [SourcePlace?] = []
    /// How many agents share a job's specs.
    public internal(set) var agentCount: Int?
    /// How many runs an agent trains at once.
    public internal(set) var slots: SlotChoice?
    /// Threads per run.
    public internal(set) var threads: Int?

    /// The defaults of a site that has written none down.
    public init() {}
}

extension SiteFile {
    /// Reads a site file; one that holds nothing but comments sets nothing.
    ///
    /// - Parameter path: A YAML file.
    /// - Returns: The defaults.
    /// - Throws: Why the file cannot be read, or everything that is wrong with it.
    public static func load(path: String) throws(ConfigError) -> SiteFile {
        try SiteFile(try SourceNode.parseIfNotEmpty(path: path, .verbatim), source: path)
    }

    /// Reads the text of a site file.
    ///
    /// - Parameters:
    ///   - text: The YAML text.
    ///   - source: What messages call it.
    /// - Returns: The defaults.
    /// - Throws: Everything that is wrong with the text.
    public static func load(yaml text: String, source: String) throws(ConfigError) -> SiteFile {
        try SiteFile(try SourceNode.parseIfNotEmpty(yaml: text, source: source, .verbatim), source: source)
    }

    private init(_ node: SourceNode?, source: String) throws(ConfigError) {
        guard let node, node.value != .null else { return }
        var reader = Reader(source: source)
        reader.read(node, fields: Self.fields, into: &self)
        try reader.finish()
        guard case .map(let entries) = node.content,
            let entry = entries.first(where: { ["sbatch-args", "sbatch_args"].contains($0.key) }),
            case .list(let items) = entry.value.content
        else { return }
        sbatchArgumentPlaces = items.map { $0.place ?? entry.place }
    }

    static let fields: [Field<SiteFile>] = [
        resource("partition", .slurmWord),
        resource("account", .slurmWord),
        resource("qos", .slurmWord),
        resource("time", .slurmTime),
        resource("mem", .slurmMemory),
        resource("cpus-per-task", .slurmCount),
        resource("constraint", .slurmWord),
        resource("exclude", .slurmWord),
        resource("gres", .slurmWord),
        Field("sbatch-args", \.sbatchArguments, .sbatchArguments, aliases: ["sbatch_args"]),
        Field("n-agents", \.agentCount, Rule.positiveInt.orNull, aliases: ["n_agents"]),
        Field("slots", \.slots, .slots),
        Field("threads", \.threads, .positiveInt),
    ]

    /// What a resource accepts, if it refuses a value: `minutes, or a time such as 4:00:00`.
    ///
    /// - Parameters:
    ///   - text: The value as it is on a command line or in the environment.
    ///   - resource: `sbatch`'s long name of it.
    /// - Returns: What was expected; nil for a value that is taken, and for resources that are not known.
    public static func expectation(unmetBy text: String, for resource: String) -> String? {
        guard let field = fields.named(resource) else { return nil }
        var reader = Reader(source: "")
        var site = SiteFile()
        field.read(SourceNode(.string(text)), &site, &reader)
        return reader.problems.isEmpty ? nil : field.allowed.replacing(", or null", with: "")
    }

    private static func resource(_ name: String, _ rule: Rule<String>) -> Field<SiteFile> {
        let underscored = name.replacing("-", with: "_")
        return Field(
            name, \.resources[name], rule.orNull, aliases: underscored == name ? [] : [underscored])
    }
}

extension Rule where T == String {
    /// A name or a list of names, as `sbatch` takes them; no blanks, because a batch script holds one per line.
    fileprivate static let slurmWord = text("a name as sbatch takes it, without blanks") {
        !$0.isEmpty && $0.unicodeScalars.allSatisfy { !$0.properties.isWhitespace && $0.value >= 0x20 }
    }

    fileprivate static let slurmTime = text("minutes, or a time such as 4:00:00, 30:00 or 2-12:00:00") {
        $0.wholeMatch(of: /\d{1,6}(:\d{1,2}){0,2}|\d{1,4}-\d{1,2}(:\d{1,2}){0,2}|(?i:UNLIMITED|INFINITE)/) != nil
    }

    fileprivate static let slurmMemory = text("megabytes, or a size such as 8G") {
        $0.wholeMatch(of: /[1-9]\d{0,8}[KMGTkmgt]?|0/) != nil
    }

    fileprivate static let slurmCount = text("a positive integer") {
        $0.wholeMatch(of: /[1-9]\d{0,5}/) != nil
    }

    /// Text that is left as it was written, whether or not it looks like a number.
    private static func text(_ allowed: String, where isAllowed: @escaping @Sendable (String) -> Bool) -> Rule {
        Rule(allowed: allowed) {
            switch $0 {
            case .string(let text) where isAllowed(text): text
            case .int(let number) where isAllowed(String(number)): String(number)
            default: nil
            }
        } write: {
            .string($0)
        }
    }
}

extension Rule where T == [String] {
    fileprivate static let sbatchArguments: Rule = {
        let allowed = "a list of sbatch options such as [--hint=nomultithread]"
        let argument = Rule<String>(allowed: allowed) {
            guard case .string(let text) = $0, text.hasPrefix("-"), !text.contains(where: \.isNewline) else {
                return nil
            }
            return text
        } write: {
            .string($0)
        }
        return nonEmptyList(allowed, of: argument)
    }()
}

extension Rule where T == SiteFile.SlotChoice {
    fileprivate static let slots = Rule(allowed: "a positive integer or auto") {
        switch $0 {
        case .string("auto"): .auto
        case .int(let count) where (1...4096).contains(count): .count(count)
        default: nil
        }
    } write: {
        switch $0 {
        case .auto: .string("auto")
        case .count(let count): .int(count)
        }
    }
}
