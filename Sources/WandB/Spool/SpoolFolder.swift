import Artifacts
import Foundation
import Glibc
import JSON

/// The folder through which a run's writer and its sender meet; neither needs the other's process.
///
/// | file | written by | |
/// |---|---|---|
/// | `run.json` | writer | the run's description and session number |
/// | `wandb-history.jsonl`, `wandb-events.jsonl`, `output.log` | writer | lines as they will be sent, append-only |
/// | `files.jsonl` | writer | names and paths of files to upload, append-only |
/// | `exit.json` | writer | the exit code, once nothing follows |
/// | `sent.json` | sender | what the server acknowledged |
/// | `files/`, `media/` | writer | files made for W&B only |
/// | `stop` | sender | exists once the run was stopped from the web page |
/// | `sender.lock`, `sender.json` | sender | locked, and naming who sends, while someone does |
///
/// Once nothing follows, all of it is one file next to the folder (`fold`), from which everything is still read.
struct SpoolFolder: Sendable, Equatable {
    let path: String

    /// The append-only files, by the names they have on the server.
    enum Stream: String, CaseIterable, Sendable {
        case history = "wandb-history.jsonl"
        case events = "wandb-events.jsonl"
        case output = "output.log"
        /// Which files to upload; the list itself is not sent.
        case files = "files.jsonl"

        /// The streams whose lines are sent.
        static let sent: [Stream] = [.history, .events, .output]
    }

    /// The folder's own name.
    var name: String { URL(fileURLWithPath: path).lastPathComponent }
    func path(of stream: Stream) -> String { path + "/" + stream.rawValue }
    var runPath: String { path + "/run.json" }
    var stopPath: String { path + "/stop" }
    var lockPath: String { path + "/sender.lock" }

    func create() throws(SpoolError) {
        do throws(FileError) { try DurableFile.createFolder(path) } catch {
            throw .cannotCreate(path: error.path, reason: error.reason)
        }
    }

    func run() throws(SpoolError) -> SpooledRun? { try read("run.json") }
    func write(_ run: SpooledRun) throws(SpoolError) { try write(run, to: "run.json") }
    func exit() throws(SpoolError) -> SpooledExit? { try read("exit.json") }
    func write(_ exit: SpooledExit) throws(SpoolError) { try write(exit, to: "exit.json") }
    func sent() throws(SpoolError) -> SentPosition? { try read("sent.json") }
    func write(_ sent: SentPosition) throws(SpoolError) { try write(sent, to: "sent.json") }

    var isStopRequested: Bool { access(stopPath, F_OK) == 0 }

    func requestStop() throws(SpoolError) {
        let file = open(stopPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .cannotCreate(path: stopPath, reason: SpoolError.systemReason) }
        close(file)
    }

    func withdrawStop() throws(SpoolError) {
        guard unlink(stopPath) == 0 || errno == ENOENT else {
            throw .cannotWrite(path: stopPath, reason: SpoolError.systemReason)
        }
    }

    /// Where a file lies whose path may be relative to the run's folder, the one above this.
    func location(of path: String) -> String {
        path.hasPrefix("/")
            ? path : URL(fileURLWithPath: self.path).deletingLastPathComponent().path + "/" + path
    }

    func read<Value: Decodable>(_ name: String) throws(SpoolError) -> Value? {
        guard let bytes = try bytes(of: name) else { return nil }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(bytes))
        } catch {
            throw .damaged(path: path + "/" + name, reason: "\(error)")
        }
    }

    /// Replaces a file; none of them need outlast a power cut: what is lost is asked of the server.
    func write(_ value: some Encodable, to name: String) throws(SpoolError) {
        let data: Data
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            data = try encoder.encode(value)
        } catch {
            throw .cannotWrite(path: path + "/" + name, reason: "\(error)")
        }
        try write([UInt8](data), to: name)
    }

    /// Writes a temporary file and renames it, so a reader or a crash sees the old or the new file, whole.
    func write(_ bytes: [UInt8], to name: String) throws(SpoolError) {
        do throws(FileError) {
            try DurableFile.write(bytes, to: path + "/" + name, flush: .nothing)
        } catch {
            throw .cannotWrite(path: path + "/" + name, reason: error.reason)
        }
    }

    /// Removes what earlier processes that wrote the given files, or files in the given folders, had not finished.
    ///
    /// One of them that wakes up finds that it has been superseded.
    func removeUnfinished(_ owned: [String]) {
        let isOwned = { (name: String) in
            DurableFile.isUnfinished(name) && owned.contains { name.hasPrefix($0.hasSuffix("/") ? $0 : $0 + ".") }
        }
        // What cannot be listed or removed costs space, nothing else.
        for name in (FileManager.default.enumerator(atPath: path)?.allObjects as? [String] ?? []).filter(isOwned) {
            unlink(path + "/" + name)
        }
    }
}

/// `run.json`.
struct SpooledRun: Codable, Equatable, Sendable {
    var description: RunDescription
    /// Counts the times a writer opened the folder; an exit belongs to one of them.
    var session: Int
    /// When the run first started, in seconds since 1970.
    var startedAt: Double
    /// Where this session is executed, as the text of a JSON object.
    var environment: String?
    /// The names of the numbers that its rows hold, once there is one.
    var metrics: [String]?

    /// Whether the server learns the same about both.
    func looksLike(_ other: SpooledRun) -> Bool { description == other.description && metrics == other.metrics }
}

/// `exit.json`.
struct SpooledExit: Codable, Equatable, Sendable {
    var session: Int
    var exitCode: Int32
    /// Seconds the run took, over all its sessions.
    var runtime: Double
}

/// `sent.json`: what the server is known to have.
struct SentPosition: Codable, Equatable, Sendable {
    /// How far one file got: `line` of ours is `offset` of the server's.
    ///
    /// The two differ where an earlier folder of the same run was lost.
    struct File: Codable, Equatable, Sendable {
        var line = 0
        var offset = 0
    }

    var entity: String
    var project: String
    var url: String
    var history = File()
    var events = File()
    var output = File()
    /// How many files were uploaded, in their order.
    var files = File()
    /// The session whose exit was put into a request that may or may not have arrived.
    var completing: Int?
    /// The session whose exit the server acknowledged.
    var completed: Int?
    /// How many files wait although the exit has arrived: the store did not take them.
    var filesLeft: Int?

    /// Whether the server has everything up to a session's exit.
    func isWhole(_ session: Int) -> Bool { completed == session && filesLeft == nil }

    subscript(stream: SpoolFolder.Stream) -> File {
        get {
            switch stream {
            case .history: history
            case .events: events
            case .output: output
            case .files: files
            }
        }
        set {
            switch stream {
            case .history: history = newValue
            case .events: events = newValue
            case .output: output = newValue
            case .files: files = newValue
            }
        }
    }
}
