import Browser
import Foundation
import JSON
import Layout
import Store
import Synchronization
import Testing

@testable import Dashboard

/// The page as a user has it: in Chromium.
@Suite(
    .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all)"))
struct InBrowserTests {
    /// A job of eight runs with rows, one of which has failed for a reason that would be markup.
    private func sweep() throws -> Scene {
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

    private func rows(_ steps: Range<Int>, of run: Int) -> String {
        steps.map { "{\"misc/step\":\($0),\"loss/total\":\(Double(run + 1) / Double($0 + 1)),\"mmcs\":0.\($0)}\n" }
            .joined()
    }

    private static let lines = "document.querySelectorAll('figure.chart')[0]?.querySelectorAll('path.line').length"

    private func click(_ tab: Tab, _ label: String, of kind: String) throws {
        try tab.evaluate(
            "[...document.querySelectorAll('\(kind)')].find(x => x.textContent === '\(label)').click()")
    }

    @Test func runsAreListedSelectedAndDrawn() async throws {
        let scene = try sweep()
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/job/1?token=\(client.token)")
            try tab.wait(until: "document.querySelectorAll('tbody tr').length === 10")
            #expect(try tab.evaluate("location.href.includes('token')") == false)
            #expect(try tab.evaluate("document.cookie") == "")

            try tab.evaluate(
                """
                (() => { const e = document.querySelector('.strip input.mono'); e.value = 'lr>0.0025 and state=done';
                  e.dispatchEvent(new Event('change')); })()
                """)
            try tab.wait(until: "document.querySelector('.strip [role=status]').textContent === '5 of 8 runs'")
            try click(tab, "Curves", of: "[role=tab]")
            try tab.wait(until: Self.lines + " === 5")
            try tab.hover("path.line", x: 0.5, y: 0.9)
            try tab.wait(until: "document.querySelector('.readout').textContent.includes('step')")

            // A row that a run appends is drawn without anybody's doing.
            try tab.evaluate("document.querySelector('.strip input.mono').value = ''")
            try tab.evaluate("document.querySelector('.strip input.mono').dispatchEvent(new Event('change'))")
            try tab.wait(until: Self.lines + " === 8")
            let before = try tab.evaluate("document.querySelector('path.line').getAttribute('d').length")
            try scene.append(rows(200..<400, of: 0), to: scene.runs[0])
            try tab.wait(
                until: "document.querySelector('path.line').getAttribute('d').length > \(before.text)")

            try click(tab, "Agents and failures", of: "[role=tab]")
            try tab.wait(until: "document.body.textContent.includes('Failures by cause (1 run)')")
            #expect(
                try tab.evaluate("document.body.textContent.includes(\"<img src=x onerror='window.hacked\")") == true)
            #expect(try tab.evaluate("window.hacked === undefined && !document.querySelector('img')") == true)
            #expect(tab.problems == [])
            #expect(tab.requests.allSatisfy { $0.hasPrefix("http://127.0.0.1:\(client.port)/") }, "\(tab.requests)")
        }
    }

    @Test func theKeyboardStaysWhereItIsWhileThePageIsDrawnAgain() async throws {
        let scene = try sweep()
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/job/1?token=\(client.token)")
            try tab.wait(until: "document.querySelectorAll('tbody tr').length === 10")
            // Each letter draws the strip again.
            try tab.evaluate("document.querySelector('.strip input[type=search]').focus()")
            for letter in ["l", "r", "=", "0"] { try tab.press(letter) }
            #expect(try tab.evaluate("document.activeElement.value") == "lr=0")
            try tab.evaluate("document.querySelector('thead th:nth-child(3) button').focus()")
            try tab.press("Enter")
            try tab.wait(until: "document.querySelector('[aria-sort=ascending]')?.textContent === 'status ▲'")
            #expect(try tab.evaluate("document.activeElement.textContent") == "status ▲")

            try tab.evaluate("document.querySelector('[role=tab]:nth-child(2)').focus()")
            try tab.press("Enter")
            try tab.wait(until: Self.lines + " === 8")
            #expect(try tab.evaluate("document.activeElement.textContent") == "Curves")
            try tab.evaluate("document.querySelector('figure.chart').focus()")
            try tab.press("ArrowRight")
            try tab.wait(until: "document.querySelector('.readout').textContent.includes('step 1 ')")
            // A row that a run appends draws the chart again, three seconds later.
            try tab.evaluate("window.before = document.querySelector('figure.chart')")
            try scene.append(rows(200..<400, of: 0), to: scene.runs[0])
            try tab.wait(until: "document.querySelector('figure.chart') !== window.before")
            #expect(try tab.evaluate("document.activeElement === document.querySelector('figure.chart')") == true)
            #expect(try tab.evaluate("document.querySelector('.readout').textContent.includes('step 1 ')") == true)
            try tab.press("+")
            try tab.wait(until: "location.hash.includes('range=')")

            try tab.evaluate("history.back()")
            try tab.wait(until: "document.querySelector('[aria-selected=true]')?.textContent === 'Runs'")
            #expect(try tab.evaluate("document.querySelector('.strip input[type=search]').value") == "lr=0")
            #expect(tab.problems == [])
        }
    }

    @Test func aServerThatIsGoneIsSaidAndWhatIsShownStays() async throws {
        let scene = try sweep()
        let tabs = Mutex<Tab?>(nil)
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/job/1?token=\(client.token)")
            try tab.wait(until: "document.querySelectorAll('tbody tr').length === 10")
            tabs.withLock { $0 = tab }
        }
        let tab = try #require(tabs.withLock { $0 })
        try tab.wait(until: "document.querySelector('.banner:not([hidden])')?.textContent.includes('does not answer')")
        #expect(try tab.evaluate("document.querySelectorAll('tbody tr').length") == 10)
    }

    @Test func everyViewCanBeTakenAway() async throws {
        let scene = try sweep()
        try await scene.serving { client in
            for (view, kinds) in [
                ("runs", ["SVG", "PDF", "CSV"]), ("curves", ["SVG", "PDF", "CSV"]),
                ("parallel", ["SVG", "PDF", "CSV"]),
                ("scatter", ["SVG", "PDF", "CSV"]), ("diff", ["SVG", "PDF", "CSV"]),
            ] {
                let tab = try Browser().open(
                    "http://127.0.0.1:\(client.port)/#/job/1?tab=\(view)&token=\(client.token)")
                try tab.wait(
                    until: "document.querySelector('[role=tabpanel] :is(tbody a, figure svg, thead a)') !== null")
                try tab.evaluate("URL.createObjectURL = (blob) => { window.saved = blob; return 'data:,'; }")
                for kind in kinds {
                    try tab.evaluate("window.saved = null")
                    try click(tab, kind, of: ".tools .column button")
                    try tab.wait(until: "window.saved !== null")
                    let text = try tab.evaluate("window.saved.text()").string ?? ""
                    if kind != "CSV" {
                        #expect(text.hasPrefix(kind == "SVG" ? "<?xml" : "%PDF-1.4"), "\(view) \(kind)")
                    }
                    // Lines' colours are those of paper, not names of the page's style sheet.
                    #expect(!text.contains("var(") && !text.contains("NaN"), "\(view) \(kind)")
                    #expect(kind != "CSV" || text.contains(scene.runs[1].rawValue), "\(view): \(text.prefix(200))")
                }
                #expect(tab.problems == [])
            }
        }
    }

    @Test func aCloserLookAtALongCurveDrawsItsRows() async throws {
        let scene = try Scene(runs: 1)
        try scene.append(rows(0..<20_000, of: 0), to: scene.runs[0])
        try await scene.serving { client in
            let points = "document.querySelector('path.line')?.getAttribute('d').split('L').length"
            let address = "http://127.0.0.1:\(client.port)/#/job/1?tab=curves&metrics=loss%252Ftotal"
            let tab = try Browser().open(address + "&token=\(client.token)")
            try tab.wait(until: points + " > 300")
            let coarse = try #require(try tab.evaluate(points).double)
            #expect(coarse < 1100)
            let closer = try Browser().open(address + "&range=1000_1200&token=\(client.token)")
            try closer.wait(until: points + " >= \(coarse + 150)")
            #expect(closer.problems == [])
        }
    }

    @Test func whatOneAxisSelectsIsSelectedEverywhereAndStaysInTheAddress() async throws {
        let scene = try sweep()
        try await scene.serving { client in
            let address = "http://127.0.0.1:\(client.port)/#/job/1?tab=parallel&in=set%253Alr%7E0.002%7E0.004"
            let tab = try Browser().open(address + "&token=\(client.token)")
            try tab.wait(until: "document.querySelector('figure svg .brush')")
            try tab.wait(until: "document.querySelector('.strip [role=status]').textContent === '3 of 8 runs'")
            try tab.click(".chip")
            try tab.wait(until: "document.querySelector('.strip [role=status]').textContent === '8 of 8 runs'")
            #expect(try tab.evaluate("location.hash.includes('in=')") == false)
            try click(tab, "Coefficients", of: "[role=tab]")
            try tab.wait(until: "document.querySelectorAll('path.point').length > 0")
            try click(tab, "Differences", of: "[role=tab]")
            try tab.wait(until: "document.querySelectorAll('thead th').length === 9")
            #expect(
                try tab.evaluate(
                    "[...document.querySelectorAll('tbody tr:not(.metric) th')].map(x => x.textContent).join()")
                    == "lr", "only what differs")
            #expect(tab.problems == [])
        }
    }

    @Test func anExportedViewNeedsNoServer() async throws {
        let scene = try sweep()
        let file = NSTemporaryDirectory() + "spd-export-\(UUID().uuidString.prefix(8)).html"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/job/1?tab=curves&token=\(client.token)")
            try tab.wait(until: Self.lines + " === 8")
            // What a click would save is kept in the place of a file.
            try tab.evaluate("URL.createObjectURL = (blob) => { window.saved = blob; return 'blob:none'; }")
            for (kind, start) in [("SVG", "<?xml"), ("PDF", "%PDF-1.4"), ("CSV", "metric,run,step,value")] {
                try tab.evaluate("window.saved = null")
                try click(tab, kind, of: ".tools .column button")
                try tab.wait(until: "window.saved !== null")
                let text = try tab.evaluate("window.saved.text()").string ?? ""
                #expect(text.hasPrefix(start), "\(kind): \(text.prefix(80))")
            }
            try tab.evaluate("window.saved = null")
            try click(tab, "This view as one HTML file", of: ".tools .column button")
            try tab.wait(until: "window.saved !== null")
            let page = try #require(try tab.evaluate("window.saved.text()").string)
            #expect(!page.contains(client.token))
            try page.write(toFile: file, atomically: true, encoding: .utf8)
        }
        let tab = try Browser().open("file://" + file)
        try tab.wait(until: Self.lines + " === 8")
        try click(tab, "Runs", of: "[role=tab]")
        try tab.wait(until: "document.querySelectorAll('tbody tr').length === 10")
        #expect(tab.problems == [])
        #expect(tab.requests == ["file://" + file])
    }

    @Test func anotherServersTokenOpensNothing() async throws {
        let scene = try sweep()
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/?token=\(Gate.randomToken())")
            try tab.wait(until: "document.querySelector('h1')?.textContent.includes('token')")
            #expect(try tab.evaluate("document.body.textContent.includes('spd-abcdefgh')") == false)
            try tab.evaluate(
                """
                (() => { document.querySelector('form input').value = 'http://127.0.0.1:1/#/?token=\(client.token)';
                  document.querySelector('form button').click(); })()
                """)
            try tab.wait(until: "document.body.textContent.includes('spd-abcdefgh')")
        }
    }

    @Test(arguments: [400, 3840]) func nothingIsWiderThanTheWindow(width: Int) async throws {
        let scene = try sweep()
        try await scene.serving { client in
            for name in ["runs", "curves", "parallel", "scatter", "diff", "figures", "agents"] {
                let tab = try Browser().open(
                    "http://127.0.0.1:\(client.port)/#/job/1?tab=\(name)&token=\(client.token)", width: width)
                try tab.wait(until: "document.querySelectorAll('[role=tabpanel] > *').length > 0")
                #expect(
                    try tab.evaluate("document.documentElement.scrollWidth <= innerWidth") == true,
                    "\(name) at \(width)")
            }
        }
    }
}
