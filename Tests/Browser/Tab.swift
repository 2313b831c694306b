public import Foundation
public import JSON

/// A page in a browser.
public final class Tab: Sendable {
    // Keeps the browser alive.
    private let browser: Browser
    private let connection: DevToolsConnection
    private let target: String
    private let session: String

    init(browser: Browser, connection: DevToolsConnection, target: String, session: String) {
        self.browser = browser
        self.connection = connection
        self.target = target
        self.session = session
    }

    @discardableResult
    func send(_ method: String, _ parameters: JSONValue = .object([])) throws -> JSONValue {
        try connection.send(method, parameters, session: session)
    }

    func load(_ url: String) throws {
        let answer = try send("Page.navigate", ["url": .string(url)])
        if let reason = answer["errorText"]?.string { throw BrowserError("\(url): \(reason)") }
        try connection.wait(for: "Page.loadEventFired", session: session)
    }

    /// What a JavaScript expression comes to; a promise is waited for.
    ///
    /// - Throws: ``BrowserError`` with what it threw.
    @discardableResult
    public func evaluate(_ expression: String) throws -> JSONValue {
        let answer = try send(
            "Runtime.evaluate",
            ["expression": .string(expression), "returnByValue": true, "awaitPromise": true])
        if let details = answer["exceptionDetails"] {
            throw BrowserError("\(expression): \(details["exception"]?["description"]?.string ?? details.text)")
        }
        return answer["result"]?["value"] ?? .null
    }

    /// Waits until a JavaScript expression is true.
    ///
    /// - Throws: ``BrowserError`` if it is not within a minute.
    public func wait(until condition: String) throws {
        // Asked again after each frame, so that the page itself says when.
        let value = try evaluate(
            """
            new Promise(done => { const end = performance.now() + 60000; (function ask() {
              if (\(condition)) done(true); else if (performance.now() > end) done(false);
              else requestAnimationFrame(ask); })(); })
            """)
        guard value == true else { throw BrowserError("never true: \(condition)") }
    }

    /// Moves the mouse to the middle of an element, or to a share of its width and height.
    ///
    /// - Parameters:
    ///   - selector: The element, as style sheets name it; it is scrolled into view.
    ///   - x: The share of its width, from its left.
    ///   - y: The share of its height, from its top.
    /// - Throws: ``BrowserError`` where there is no such element.
    public func hover(_ selector: String, x: Double = 0.5, y: Double = 0.5) throws {
        let (left, top) = try place(selector, x, y)
        try mouse("mouseMoved", left, top)
    }

    /// Clicks an element in its middle.
    ///
    /// - Throws: ``BrowserError`` where there is no such element.
    public func click(_ selector: String) throws {
        let (left, top) = try place(selector, 0.5, 0.5)
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] { try mouse(kind, left, top) }
    }

    private func place(_ selector: String, _ x: Double, _ y: Double) throws -> (Double, Double) {
        let quoted = JSONValue.string(selector).text
        let place = try evaluate(
            """
            (() => { const e = document.querySelector(\(quoted)); if (!e) return null;
              e.scrollIntoView({block: 'center'}); const b = e.getBoundingClientRect();
              return [b.x + b.width * \(x), b.y + b.height * \(y)]; })()
            """)
        guard let numbers = place.elements?.compactMap(\.double), numbers.count == 2 else {
            throw BrowserError("no element \(selector)")
        }
        return (numbers[0], numbers[1])
    }

    private func mouse(_ kind: String, _ x: Double, _ y: Double) throws {
        try send(
            "Input.dispatchMouseEvent",
            [
                "type": .string(kind), "x": .number(x), "y": .number(y), "clickCount": kind == "mouseMoved" ? 0 : 1,
                "button": kind == "mouseMoved" ? "none" : "left",
            ])
    }

    /// Presses a key of the page's focused element: `ArrowRight`, `Enter`, `a`.
    public func press(_ key: String) throws {
        let codes = ["ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13, "Tab": 9]
        for kind in ["keyDown", "keyUp"] {
            var parameters: [JSONValue.Member] = [
                .init("type", .string(kind)), .init("key", .string(key)), .init("code", .string(key)),
                .init("windowsVirtualKeyCode", .number(codes[key] ?? 0)),
            ]
            let text = key == "Enter" ? "\r" : key.count == 1 ? key : nil
            if let text, kind == "keyDown" { parameters.append(.init("text", .string(text))) }
            try send("Input.dispatchKeyEvent", .object(parameters))
        }
    }

    /// Errors and warnings that the page has had so far, those of its scripts and of its console.
    public var problems: [String] {
        connection.events(of: session).compactMap { event in
            let parameters = event["params"]
            switch event["method"]?.string {
            case "Runtime.exceptionThrown":
                return parameters?["exceptionDetails"]?["exception"]?["description"]?.string ?? event.text
            case "Runtime.consoleAPICalled":
                let kind = parameters?["type"]?.string ?? ""
                guard ["error", "warning", "assert"].contains(kind) else { return nil }
                return parameters?["args"]?.elements?.map { $0["value"]?.string ?? $0.text }.joined(separator: " ")
            case "Log.entryAdded":
                guard ["error", "warning"].contains(parameters?["entry"]?["level"]?.string) else { return nil }
                return parameters?["entry"]?["text"]?.string
            default: return nil
            }
        }
    }

    /// The addresses that the page has asked for, the page itself among them; not what is written in the page (`data:`).
    public var requests: [String] {
        connection.events(of: session).compactMap { event in
            guard event["method"]?.string == "Network.requestWillBeSent",
                let url = event["params"]?["request"]?["url"]?.string, !url.hasPrefix("data:")
            else { return nil }
            return url
        }
    }

    /// Closes it: what a browser has in the background stands still.
    public func close() throws { try connection.send("Target.closeTarget", ["targetId": .string(target)]) }

    /// A picture of what is seen, as PNG.
    public func screenshot() throws -> Data {
        let answer = try send("Page.captureScreenshot", ["format": "png"])
        guard let data = answer["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
            throw BrowserError("no picture")
        }
        return data
    }
}
