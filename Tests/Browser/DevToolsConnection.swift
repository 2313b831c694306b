import Foundation
import JSON
import Synchronization

/// Commands and answers over Chromium's DevTools pipe: JSON texts that end in a zero byte.
final class DevToolsConnection: Sendable {
    private struct State {
        var number = 0
        var answers: [Int: JSONValue] = [:]
        var events: [JSONValue] = []
        var isOver = false
    }

    private let reading: FileHandle
    private let writing: FileHandle
    private let state = Mutex(State())
    private let isNew = NSCondition()
    /// How long an answer may take on a machine that is busy with other things.
    private static let patience: TimeInterval = 180

    init(reading: FileHandle, writing: FileHandle) {
        self.reading = reading
        self.writing = writing
    }

    /// Reads what comes, on a thread of its own, until the browser ends.
    func start() {
        let thread = Thread { [self] in
            var rest = Data()
            while true {
                let chunk = reading.availableData
                guard !chunk.isEmpty else { break }
                rest += chunk
                while let end = rest.firstIndex(of: 0) {
                    let message = try? JSONValue(parsing: [UInt8](rest[rest.startIndex..<end]))
                    rest = rest[rest.index(after: end)...]
                    if let message { take(message) }
                }
            }
            isNew.lock()
            state.withLock { $0.isOver = true }
            isNew.broadcast()
            isNew.unlock()
        }
        thread.name = "browser"
        thread.start()
    }

    private func take(_ message: JSONValue) {
        isNew.lock()
        state.withLock { state in
            if let number = message["id"]?.integer {
                state.answers[number] = message
            } else {
                state.events.append(message)
            }
        }
        isNew.broadcast()
        isNew.unlock()
    }

    /// Sends a command and waits for its answer.
    @discardableResult
    func send(_ method: String, _ parameters: JSONValue = .object([]), session: String? = nil) throws -> JSONValue {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        var members: [JSONValue.Member] = [
            .init("id", .number(number)), .init("method", .string(method)), .init("params", parameters),
        ]
        if let session { members.append(.init("sessionId", .string(session))) }
        try writing.write(contentsOf: Data(JSONValue.object(members).text.utf8) + [0])
        let answer = try wait(for: method) { $0.answers.removeValue(forKey: number) }
        if let error = answer["error"] { throw BrowserError("\(method): \(error["message"]?.string ?? error.text)") }
        return answer["result"] ?? .null
    }

    /// Waits for an event of a session.
    func wait(for event: String, session: String) throws {
        _ = try wait(for: event) { state in
            state.events.first { $0["method"]?.string == event && $0["sessionId"]?.string == session }
        }
    }

    /// What has come of a session so far without being asked for.
    func events(of session: String) -> [JSONValue] {
        state.withLock { $0.events.filter { $0["sessionId"]?.string == session } }
    }

    private func wait(for what: String, _ found: (inout State) -> JSONValue?) throws -> JSONValue {
        let end = Date(timeIntervalSinceNow: Self.patience)
        isNew.lock()
        defer { isNew.unlock() }
        while true {
            let (answer, isOver) = state.withLock { state in (found(&state), state.isOver) }
            if let answer { return answer }
            if isOver { throw BrowserError("\(what): Chromium has ended") }
            if !isNew.wait(until: end) { throw BrowserError("\(what): no answer in \(Int(Self.patience)) s") }
        }
    }
}
