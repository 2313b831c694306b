import Artifacts
import Foundation
import Glibc
import JSON

/// Appends a run's rows, events and console lines to its folder, in the form in which they will be sent.
///
/// Lines are never taken back: the server could not take them back either. A run that continues from a
/// checkpoint makes the rows after it again, the same ones; those that the folder has already are skipped,
/// so `_step` always grows.
struct SpoolWriter: ~Copyable {
    let folder: SpoolFolder
    private(set) var run: SpooledRun
    /// Patterns of names that are not uploaded.
    var ignoredFiles: [String] = []
    private let clock: RunClock
    private var fence: RunFence
    private let openedAt: Double
    /// `_runtime` when this session began.
    private let earlierRuntime: Double
    private var history: AppendFile
    private var events: AppendFile
    private var output: AppendFile
    private var files: AppendFile
    /// The lines of the list of files.
    private var listed: Set<String>
    private(set) var lastStep: Int?

    /// Opens a run's folder, new or left by an earlier process.
    init(folder: SpoolFolder, description: RunDescription, clock: RunClock) throws(SpoolError) {
        let shape = try SpoolShape(folder)
        try folder.unfoldHeld()
        folder.removeUnfinished(["run.json", "exit.json", "files/"])
        let history = try AppendFile(path: folder.path(of: .history))
        let events = try AppendFile(path: folder.path(of: .events))
        let output = try AppendFile(path: folder.path(of: .output))
        let files = try AppendFile(path: folder.path(of: .files))
        let lastRow = try history.last { line -> JSONValue? in
            guard let row = try? JSONValue(parsing: line), row["_step"]?.integer != nil else { return nil }
            return row
        }
        let lastEvent = try events.last { try? JSONValue(parsing: $0) }
        var listed: Set<String> = []
        var reader = SpoolReader(folder: folder, stream: .files)
        while let line = try reader.peek() {
            listed.insert(line.text)
            reader.take()
        }
        let earlier = try Self.earlier(in: folder)
        // The stop was meant for the session that it ended.
        try folder.withdrawStop()
        let startedAt = earlier?.startedAt ?? clock.date()
        let environment = RunEnvironment.metadata(description, startedAt: startedAt)
        let session = max(earlier?.session ?? 0, try folder.exit()?.session ?? 0, try folder.sent()?.completed ?? 0)
        let run = SpooledRun(
            description: description, session: session + 1, startedAt: startedAt,
            environment: environment.text, metrics: earlier?.metrics)
        try folder.write(run)
        let fence = try RunFence(path: folder.runPath)
        // From now on the session shows that the run is not over.
        shape?.release()

        self.folder = folder
        self.run = run
        self.fence = fence
        self.clock = clock
        self.openedAt = clock.uptime()
        self.earlierRuntime = max(lastRow?["_runtime"]?.double ?? 0, lastEvent?["_runtime"]?.double ?? 0)
        self.lastStep = lastRow?["_step"]?.integer
        self.history = history
        self.events = events
        self.output = output
        self.files = files
        self.listed = listed
    }

    /// The session before; one that a power cut has damaged continues as well as it can.
    private static func earlier(in folder: SpoolFolder) throws(SpoolError) -> SpooledRun? {
        do {
            return try folder.run()
        } catch {
            guard case .damaged = error else { throw error }
            return nil
        }
    }

    /// Whether no other attempt of the run has opened the folder since.
    var isOurs: Bool { fence.isIntact }

    private func expectOurs() throws(SpoolError) {
        guard fence.isIntact else { throw .superseded(path: folder.path) }
    }

    /// Uploads what W&B's own client would say about the run in files.
    mutating func describe() throws(SpoolError) {
        try upload(Array((run.environment ?? "{}").utf8), as: "wandb-metadata.json")
        // JSON is YAML.
        try upload(Array(run.wrappedConfig.text.utf8), as: "config.yaml")
    }

    /// Gives the run a name, unless it has one.
    mutating func suggest(name: String) throws(SpoolError) {
        guard run.description.displayName == nil else { return }
        try expectOurs()
        run.description.displayName = name
        try rewriteRun()
    }

    private mutating func rewriteRun() throws(SpoolError) {
        try folder.write(run)
        fence = try RunFence(path: folder.runPath)
    }

    /// Seconds that the run took, over all its sessions.
    var runtime: Double { earlierRuntime + clock.uptime() - openedAt }

    /// Appends a history row, unless that step or a later one has a row already.
    ///
    /// Files that its media refer to are listed first, so a row never comes without them.
    mutating func log(
        step: Int, values: [(name: String, value: JSONValue)], media: [(name: String, medium: Media)] = []
    ) throws(SpoolError) {
        if let lastStep, step <= lastStep { return }
        try expectOurs()
        var values = values
        for (name, medium) in media {
            let encoded = try EncodedMedium(medium, key: name, step: step, run: run.description.id)
            switch encoded.file {
            case (let file, .file(let path, let place))?: try upload(path: path, place: place, name: file)
            case (let file, .bytes(let bytes))?: try upload(bytes, as: file, artifact: encoded.artifact)
            case nil: break
            }
            values.append((name, encoded.value))
        }
        lastStep = step
        var line = "{\"_step\":\(step),\"_timestamp\":\(clock.date()),\"_runtime\":\(runtime)"
        Self.append(values, prefix: "", to: &line)
        try history.append(line)
        guard run.metrics == nil else { return }
        run.metrics = values.filter { $0.value.double != nil }.map(\.name)
        try rewriteRun()
    }

    /// Appends a row of system measurements, named without their `system.`.
    mutating func event(_ values: [(name: String, value: JSONValue)]) throws(SpoolError) {
        try expectOurs()
        var line = "{\"_wandb\":true,\"_timestamp\":\(clock.date()),\"_runtime\":\(runtime)"
        Self.append(values, prefix: "system.", to: &line)
        try events.append(line)
    }

    /// Appends lines of the run's output; of a line that was written over (`\r`), what stayed visible.
    mutating func console(_ text: String, isError: Bool) throws(SpoolError) {
        try expectOurs()
        let time = Self.consoleTime(clock.date())
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let visible = line.split(separator: "\r").last ?? ""
            try output.append("\(isError ? "ERROR " : "")\(time) \(visible)")
        }
    }

    /// Asks for the upload of a file, or of a part of one, under a name of the run's, unless it was asked for and the file
    /// has not changed since.
    mutating func upload(
        path: String, place: Range<Int>? = nil, name: String, digest: String? = nil, artifact: SpooledArtifact? = nil
    ) throws(SpoolError) {
        guard !ignoredFiles.contains(where: { fnmatch($0, name, FNM_PATHNAME | FNM_PERIOD) == 0 }) else { return }
        try expectOurs()
        var information = stat()
        _ = stat(folder.location(of: path), &information)
        let modified = digest ?? "\(information.st_mtim.tv_sec).\(information.st_mtim.tv_nsec)"
        let file = SpooledFile(
            name: name, path: path, size: place?.count ?? Int(information.st_size), offset: place?.lowerBound,
            artifact: artifact)
        let line = file.line(modified: modified)
        guard !listed.contains(line) else { return }
        try files.append(line)
        listed.insert(line)
    }

    /// Uploads a file that is made for W&B only, unless it was uploaded as it is.
    mutating func upload(
        _ bytes: [UInt8], as name: String, artifact: (artifact: SpooledArtifact, name: String)? = nil
    ) throws(SpoolError) {
        try expectOurs()
        let path = "files/" + name
        if FileManager.default.contents(atPath: folder.path + "/" + path) != Data(bytes) {
            let parent = folder.path + "/" + path.split(separator: "/").dropLast().joined(separator: "/")
            try SpoolFolder(path: parent).create()
            try folder.write(bytes, to: path)
        }
        // By its content: a spool that was folded has its files again.
        let digest = String(SHA256.hex(bytes).prefix(20))
        try upload(path: folder.name + "/" + path, name: name, digest: digest)
        guard let artifact else { return }
        try upload(path: folder.name + "/" + path, name: artifact.name, digest: digest, artifact: artifact.artifact)
    }

    /// States that nothing follows in this session.
    ///
    /// - Parameters:
    ///   - code: 0 if all went well.
    ///   - log: what the run has said, as a file among the run's.
    /// - Throws: `SpoolError` where the folder is another attempt's, or cannot be written.
    mutating func exit(code: Int32, log: String? = nil) throws(SpoolError) {
        try expectOurs()
        try upload(Array(try summary().line(runtime: runtime).utf8), as: "wandb-summary.json")
        if let log, access(folder.location(of: log), F_OK) == 0 { try upload(path: log, name: "output.log") }
        try history.flush()
        try events.flush()
        try output.flush()
        try files.flush()
        try folder.write(SpooledExit(session: run.session, exitCode: code, runtime: runtime))
    }

    /// The rows' summary, as W&B's own client leaves it among a run's files.
    private func summary() throws(SpoolError) -> RunSummary {
        var summary = RunSummary()
        var reader = SpoolReader(folder: folder, stream: .history)
        while let line = try reader.peek() {
            if let row = line.row { summary.update(with: row) }
            reader.take()
        }
        return summary
    }

    private static func append(
        _ values: [(name: String, value: JSONValue)], prefix: String, to line: inout String
    ) {
        for (name, value) in values {
            line += ","
            JSONValue.write(quoted: prefix + name, to: &line)
            line += ":"
            value.write(to: &line)
        }
        line += "}"
    }

    /// Reads what `consoleTime` wrote.
    static func date(ofConsoleTime text: String) -> Double? {
        let parts = text.split(whereSeparator: { "-T:.".contains($0) }).compactMap { Int32($0) }
        guard parts.count == 7 else { return nil }
        var time = tm()
        time.tm_year = parts[0] - 1900
        time.tm_mon = parts[1] - 1
        time.tm_mday = parts[2]
        time.tm_hour = parts[3]
        time.tm_min = parts[4]
        time.tm_sec = parts[5]
        return Double(timegm(&time)) + Double(parts[6]) * 1e-6
    }

    /// UTC as W&B writes it before console lines: ISO 8601 with microseconds and without a Z.
    static func consoleTime(_ date: Double) -> String {
        var seconds = time_t(date.rounded(.down))
        let micros = Int((date - date.rounded(.down)) * 1e6)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return String(
            format: "%04d-%02d-%02dT%02d:%02d:%02d.%06d", Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1,
            Int(parts.tm_mday), Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec), micros)
    }
}
