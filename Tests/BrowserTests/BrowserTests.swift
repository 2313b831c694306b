import Browser
import Foundation
import JSON
import Testing

/// What opens pages for other tests has to notice what is wrong with them.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"))
struct BrowserTests {
    @Test func aPageIsOpenedMovedOverClickedAndItsMistakesAreNoticed() throws {
        let page = """
            <title>t</title><button id=b onclick="this.textContent = 'clicked'">b</button><div id=d>d</div>
            <input id=i type=range min=0 max=3 value=0>
            <script>d.onmousemove = e => d.textContent = 'seen'; console.error('one'); setTimeout(() => { throw Error('two'); });
            </script>
            """
        let path = NSTemporaryDirectory() + "spd-page-\(UUID().uuidString.prefix(8)).html"
        try page.write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }

        let tab = try Browser().open("file://" + path)

        #expect(try tab.evaluate("document.title") == "t")
        try tab.hover("#d")
        try tab.wait(until: "d.textContent == 'seen'")
        try tab.click("#b")
        try tab.wait(until: "b.textContent == 'clicked'")
        try tab.evaluate("i.focus()")
        try tab.press("ArrowRight")
        #expect(try tab.evaluate("i.value") == "1")
        try tab.wait(until: "performance.now() > 0")
        let problems = tab.problems
        #expect(problems.contains("one") && problems.contains { $0.contains("two") }, "\(problems)")
        #expect(tab.requests == ["file://" + path])
        #expect(try tab.screenshot().count > 100)
        #expect(throws: BrowserError.self) { try tab.hover("#missing") }
    }
}
