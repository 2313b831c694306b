import Browser
import Foundation
import JSON
import Store
import Synchronization
import Testing

@testable import Dashboard

/// When tests that open the page are passed.
enum InBrowser {
    /// What `make test` passes where there is a Chromium, which it does not install.
    static let few = ConditionTrait.enabled(
        if: Browser.program != nil, "no Chromium on this machine: scripts/install-packages test-all brings it")
    /// What `make test-all` passes.
    static let all = ConditionTrait.enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)")
    /// How many lines the first chart has.
    static let lines =
        "document.querySelectorAll('figure.chart')[0]?.querySelectorAll('path.line').length"
    /// An entry of the take-away menu.
    static let page = "This view as one HTML file"
}

extension Scene {
    /// A job of eight runs with rows, one of which has failed for a reason that would be markup.
    static func sweep() throws -> Scene {
        let scene = try Scene(runs: 8)
        for (index, run) in scene.runs.enumerated() {
            try scene.append(rows(0..<200, of: index), to: run)
        }
        let store = try Store(scene.cache)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: JobID(rawValue: 1))
        for index in 1..<8 {
            let claim = try #require(
                try store.claimNext(of: JobID(rawValue: 1), by: agent, lease: .seconds(600)))
            if index == 3 {
                _ = try store.fail(claim, error: "<img src=x onerror='window.hacked = 1'>", retry: false)
            } else {
                try store.complete(claim, metrics: ["loss/total": Double(index) / 100, "mmcs": 1 - Double(index) / 50])
            }
        }
        return scene
    }

    static func rows(_ steps: Range<Int>, of run: Int) -> String {
        steps.map { "{\"misc/step\":\($0),\"loss/total\":\(Double(run + 1) / Double($0 + 1)),\"mmcs\":0.\($0)}\n" }
            .joined()
    }
}

extension Tab {
    /// Clicks the element of a kind with these words.
    func click(_ label: String, of kind: String) throws {
        try evaluate("[...document.querySelectorAll('\(kind)')].find(x => x.textContent === '\(label)').click()")
    }

    /// What an entry of the take-away menu saves.
    func saved(_ kind: String) throws -> String {
        try evaluate("URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }; window.saved = null")
        try click(kind, of: ".tools .column button")
        try wait(until: "window.saved !== null")
        return try #require(try evaluate("window.saved.text()").string)
    }

    /// Opens this view as the file that it is taken away as, which has no server and asks for nothing.
    func asFile(in browser: Browser, _ body: (Tab) throws -> Void) throws {
        let file = NSTemporaryDirectory() + "spd-export-\(UUID().uuidString.prefix(8)).html"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try saved(InBrowser.page).write(toFile: file, atomically: true, encoding: .utf8)
        let opened = try browser.open("file://" + file)
        try body(opened)
        #expect(opened.problems == [])
        #expect(opened.requests.allSatisfy { $0 == "file://" + file || $0.hasPrefix("blob:") }, "\(opened.requests)")
        try opened.close()
    }
}

/// Holds answers of a server back until they are let go.
final class HeldAnswers: Sendable {
    private let isHolding = Mutex(true)

    /// Waits, as an answer does.
    func wait() {
        while isHolding.withLock({ $0 }) { Thread.sleep(forTimeInterval: 0.01) }
    }

    /// Holds those to come.
    func hold() { isHolding.withLock { $0 = true } }

    /// Lets them go, after a while in which whoever waits for them has begun to.
    func letGo(after seconds: Double) {
        DispatchQueue.global().asyncAfter(deadline: .now() + seconds) { self.isHolding.withLock { $0 = false } }
    }
}
