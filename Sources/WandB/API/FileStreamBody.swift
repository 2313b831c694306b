import JSON

/// One file_stream request being assembled, within a limit of bytes.
struct FileStreamBody {
    private let maximumBytes: Int
    private var files: [(stream: SpoolFolder.Stream, offset: Int, lines: String)] = []
    private var summary: String?
    private(set) var byteCount = 0

    /// Names of uploaded files to report to the server.
    var uploaded: [String] = []
    /// Whether the run is about to be taken off its machine, and will continue elsewhere.
    var isPreempting = false
    /// The exit code, in the run's last request.
    var exitCode: Int32?

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    var isEmpty: Bool { files.isEmpty && summary == nil && uploaded.isEmpty && !isPreempting && exitCode == nil }

    /// Adds a line at its offset if it still fits; a line too long for any request goes alone.
    ///
    /// - Returns: whether it was added.
    mutating func add(_ line: String, to stream: SpoolFolder.Stream, offset: Int) -> Bool {
        var quoted = ""
        JSONValue.write(quoted: line, to: &quoted)
        let count = quoted.utf8.count + 1
        guard byteCount == 0 || byteCount + count <= maximumBytes else { return false }
        byteCount += count
        if files.last?.stream == stream {
            files[files.count - 1].lines += ",\(quoted)"
        } else {
            files.append((stream, offset, quoted))
        }
        return true
    }

    /// Sets the summary line, which replaces the server's.
    mutating func setSummary(_ line: String) {
        var quoted = ""
        JSONValue.write(quoted: line, to: &quoted)
        summary = quoted
    }

    /// The request's text; `{}`, a heartbeat, when nothing was added.
    var bytes: [UInt8] {
        var parts: [String] = []
        var contents = files.map {
            #""\#($0.stream.rawValue)":{"offset":\#($0.offset),"content":[\#($0.lines)]}"#
        }
        if let summary { contents.append(#""wandb-summary.json":{"offset":0,"content":[\#(summary)]}"#) }
        if !contents.isEmpty { parts.append("\"files\":{\(contents.joined(separator: ","))}") }
        if !uploaded.isEmpty {
            parts.append("\"uploaded\":\(JSONValue.array(uploaded.map { .string($0) }).text)")
        }
        if isPreempting { parts.append("\"preempting\":true") }
        if let exitCode { parts.append("\"complete\":true,\"exitcode\":\(exitCode)") }
        return Array("{\(parts.joined(separator: ","))}".utf8)
    }
}
