import ArgumentParser
import JSON
import Orchestration
import Store

/// Shows what jobs take on disk.
struct DiskUsage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du",
        abstract: "Show how much disk jobs take: weights, checkpoints, figures, shared files.",
        discussion: """
            EXAMPLES
              orchestrator du
              orchestrator du 7 --json
            """)

    @Argument(help: "The job's number (default: all jobs).", completion: CompletionWords.jobs)
    var job: Int64?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let state = try await OpenStore.open(for: .looking)
        let text = try await failing {
            let report = try DiskReport(of: job.map(JobID.init), in: state)
            return json
                ? try JSONText.encode(report)
                : report.text(TerminalStyle.forStandardOutput(environment: state.environment))
        }
        print(text, terminator: "")
    }
}

/// Puts a job into one file.
struct Archive: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Pack a finished job with all its files into one file that show, export and plot read.",
        discussion: """
            EXAMPLES
              orchestrator archive 7 sweep.tar.zst
              orchestrator archive 7 sweep.tar.zst --json
              orchestrator export 7 --archive sweep.tar.zst
              orchestrator show k3j9 --archive sweep.tar.zst
              orchestrator clean 7 --yes        then, to free the space

            It is a cache folder in a tar file: unpack it, and SPD_CACHE_DIR can name it. The job stays as it is.
            """)

    @Argument(help: "The job's number.", completion: CompletionWords.jobs)
    var job: Int64

    @Argument(help: ArgumentHelp("The file to create: .tar.zst or .tar.", valueName: "file"))
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        Interruption.listen()
        let state = try await OpenStore.open(for: .looking)
        let (bytes, missing) = try await failing { try JobArchive.write(JobID(rawValue: job), to: file, in: state) }
        if json {
            struct Report: Encodable {
                let job: Int64
                let file: String
                let bytes: Int
                let missing: [String]
            }
            print(
                try JSONText.encode(Report(job: job, file: file, bytes: bytes, missing: missing)), terminator: "")
        } else {
            print("Job \(job): \(RunDetails.size(bytes)) in \(file)")
        }
        guard let first = missing.first else { return }
        // A user who then cleans the job would believe that everything is kept.
        let more = missing.count > 1 ? " and \(missing.count - 1) more" : ""
        printError(
            "\(first)\(more) \(missing.count > 1 ? "are" : "is") gone from \(state.cache.path): of what was there, "
                + "\(file) has no files")
        throw ExitCode(Failure.failed)
    }
}

/// The archive that a command reads instead of the cache.
struct ArchiveOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("Read this archive (`orchestrator archive`) instead of the cache.", valueName: "file"),
        completion: .file(extensions: ["zst", "tar"]))
    var archive: String?

    /// Opens the state to look at, does something with it, and removes what was unpacked.
    func open<T>(_ body: (OpenStore) async throws -> T) async throws -> T {
        guard let archive else { return try await body(OpenStore.open(for: .looking)) }
        let state = try OpenStore(archive: archive)
        defer { state.discard() }
        do { return try await body(state) } catch let failure as Failure {
            throw failure.worded { "\(archive): " + state.told($0) }
        }
    }
}
