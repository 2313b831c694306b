import Foundation
import JSON
import Layout
import Orchestration
import Store

extension Routes {
    func ofRun(_ id: RunID, _ path: [String], _ ask: Ask) throws -> Reply? {
        let state = try site.openState()
        switch path {
        case []:
            return .json(
                try RunDetails(
                    startingWith: id.rawValue, in: state, cache: site.cache, environment: site.environment
                ).json())
        case ["logged"]:
            return .json(
                JSONValue.array(try RowReader.names(in: state.run(id).folder.metrics).map(JSONValue.string)).text)
        case ["config"]: return try .json(state.spec(of: id).knownConfig)
        case ["log"]:
            let run = try state.run(id)
            return try LogPart(run.folder.log, ask, isOver: run.status.isSettled).reply()
        default:
            guard path.first == "figures" else { return nil }
            return try FigureRoutes(folder: state.run(id).folder).reply(Array(path.dropFirst()))
        }
    }

    /// An agent's log: `api/agents/7.2/log`.
    func log(named name: String, last: String, _ ask: Ask) throws -> Reply? {
        guard last == "log", case .agent(let job, let number) = Reference(name) else { return nil }
        let state = try site.openState()
        let source = try LogSource(.agent(job, number: number), as: name, in: state)
        guard let file = try source.files(in: state).first?.path else { return nil }
        return try LogPart(file, ask, isOver: source.isOver(in: state)).reply()
    }
}

/// A piece of a log: from a byte given in an earlier answer, or the last bytes.
private struct LogPart {
    private let text: String
    private let from: Int
    private let next: Int
    private let size: Int
    private let isOver: Bool

    /// No answer has more, so a log of gigabytes costs no more than one of a page.
    private static let most = 256 << 10

    init(_ path: String, _ ask: Ask, isOver: Bool) throws {
        self.isOver = isOver
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard file >= 0 else {
            guard errno == ENOENT else { throw FileTrouble(path: path) }
            (text, from, next, size) = ("", 0, 0, 0)
            return
        }
        defer { close(file) }
        var info = stat()
        guard fstat(file, &info) == 0 else { throw FileTrouble(path: path) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw FileTrouble(notPlain: path) }
        size = Int(info.st_size)
        let wanted = ask.query["from"].flatMap { Int($0) } ?? max(0, size - Self.most / 4)
        // A file that was cut short is read again.
        from = wanted < 0 || wanted > size ? 0 : wanted
        var bytes = [UInt8](repeating: 0, count: min(Self.most, size - from))
        let count = pread(file, &bytes, bytes.count, off_t(from))
        guard count >= 0 else { throw FileTrouble(path: path) }
        // A letter of several bytes may be written half.
        var end = count
        while end > 0, end > count - 4, from + end == size, Self.isCut(bytes[..<end]) { end -= 1 }
        text = String(decoding: bytes[..<end], as: UTF8.self)
        next = from + end
    }

    /// Whether the last letter lacks bytes.
    private static func isCut(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let start = bytes.lastIndex(where: { $0 & 0xC0 != 0x80 }) else { return false }
        let length = bytes[start] >= 0xF0 ? 4 : bytes[start] >= 0xE0 ? 3 : bytes[start] >= 0xC0 ? 2 : 1
        return bytes.endIndex - start < length
    }

    func reply() throws -> Reply {
        struct Part: Encodable {
            let text: String
            let from, next, size: Int
            let isOver: Bool
        }
        return try .json(Part(text: text, from: from, next: next, size: size, isOver: isOver))
    }
}
