import Foundation
import JSON
import Synchronization

/// Chromium without a window, spoken to over its DevTools pipe: for tests that open a page as a user would.
///
/// Commands are answered one after another; what the pages say in between is kept (``Tab/problems``).
/// Protocol: <https://chromedevtools.github.io/devtools-protocol/>
public final class Browser: Sendable {
    private let process: Process
    private let profile: URL
    private let connection: DevToolsConnection

    /// Where Chromium is on this machine; nil where there is none.
    public static var program: String? {
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
            .first(where: FileManager.default.isExecutableFile(atPath:))
    }

    /// Starts Chromium with a profile of its own.
    ///
    /// - Throws: ``BrowserError`` where there is none.
    public init() throws {
        guard let program = Self.program else {
            throw BrowserError("there is no Chromium: scripts/install-packages test-all installs it")
        }
        profile = FileManager.default.temporaryDirectory.appending(path: "spd-browser-" + UUID().uuidString.prefix(8))
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        let (commands, answers) = (Pipe(), Pipe())
        process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        // The pipe is at descriptors 3 and 4, which Foundation does not hand on by itself. Root has no sandbox.
        process.arguments = [
            "-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", program, "--headless", "--no-sandbox",
            "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
            "--user-data-dir=" + profile.path, "about:blank",
        ]
        process.standardInput = commands
        process.standardOutput = answers
        process.standardError = FileHandle.nullDevice
        connection = DevToolsConnection(
            reading: answers.fileHandleForReading, writing: commands.fileHandleForWriting)
        do { try process.run() } catch {
            try? FileManager.default.removeItem(at: profile)
            throw error
        }
        connection.start()
    }

    deinit {
        // The pipe's end ends Chromium too, but later.
        process.terminate()
        process.waitUntilExit()
        // Its helpers outlive it by a moment, and write into the profile until then.
        for _ in 0..<100 where FileManager.default.fileExists(atPath: profile.path) {
            try? FileManager.default.removeItem(at: profile)
            if FileManager.default.fileExists(atPath: profile.path) { Thread.sleep(forTimeInterval: 0.02) }
        }
    }

    /// Opens a page and waits until it has been loaded.
    ///
    /// - Parameters:
    ///   - url: Its address, such as `file:///tmp/page.html`.
    ///   - width: The width of what is seen of it, in pixels.
    ///   - height: The height of what is seen of it.
    ///   - isDark: Whether the user has asked for dark windows.
    /// - Returns: The page.
    /// - Throws: ``BrowserError`` where it can't be loaded.
    public func open(_ url: String, width: Int = 1000, height: Int = 800, isDark: Bool = false) throws -> Tab {
        let target = try connection.send("Target.createTarget", ["url": "about:blank"])
        guard let id = target["targetId"]?.string else { throw BrowserError("no tab: \(target.text)") }
        let attached = try connection.send(
            "Target.attachToTarget", ["targetId": .string(id), "flatten": true])
        guard let session = attached["sessionId"]?.string else { throw BrowserError("no session: \(attached.text)") }
        let tab = Tab(browser: self, connection: connection, target: id, session: session)
        for domain in ["Page", "Runtime", "Log", "Network"] { try tab.send(domain + ".enable") }
        try tab.send(
            "Emulation.setDeviceMetricsOverride",
            ["width": .number(width), "height": .number(height), "deviceScaleFactor": 1, "mobile": false])
        try tab.send(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": .string(isDark ? "dark" : "light")]]])
        try tab.load(url)
        return tab
    }
}

/// What went wrong with a browser or a page.
public struct BrowserError: Error, CustomStringConvertible {
    /// One readable line.
    public let description: String

    init(_ description: String) { self.description = description }
}
