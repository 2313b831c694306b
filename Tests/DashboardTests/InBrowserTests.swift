import Browser
import Foundation
import JSON
import Layout
import Store
import Synchronization
import Testing

@testable import Dashboard

/// The page as a user has it: in Chromium.
@Suite(.serialized, InBrowser.all)
struct InBrowserTests {
    @Test func theKeyboardStaysWhereItIsWhileThePageIsDrawnAgain() async throws {
        let scene = try Scene.sweep()
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
            try tab.wait(until: InBrowser.lines + " === 8")
            #expect(try tab.evaluate("document.activeElement.textContent") == "Curves")
            try tab.evaluate("document.querySelector('figure.chart').focus()")
            try tab.press("ArrowRight")
            try tab.wait(until: "document.querySelector('.readout').textContent.includes('step 1 ')")
            // A row that a run appends draws the chart again, three seconds later.
            try tab.evaluate("window.before = document.querySelector('figure.chart')")
            try scene.append(Scene.rows(200..<400, of: 0), to: scene.runs[0])
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
        let scene = try Scene.sweep()
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
        let scene = try Scene.sweep()
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
                    try tab.click(kind, of: ".tools .column button")
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
        try scene.append(Scene.rows(0..<20_000, of: 0), to: scene.runs[0])
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

    /// The least contrast that lines have with what is behind them, as WCAG counts it.
    private static let leastContrast = """
        (() => { const light = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(x => x / 255)
            .map(x => x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
            .reduce((sum, x, index) => sum + x * [0.2126, 0.7152, 0.0722][index], 0);
          return Math.min(...[...document.querySelectorAll('figure svg path[stroke]')].map(path => {
            const pair = [light(getComputedStyle(path).stroke), light(getComputedStyle(path.closest('.card')).backgroundColor)];
            return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05); })); })()
        """

    @Test(arguments: [false, true]) func linesAreSeenOnLightAndOnDarkPaper(isDark: Bool) async throws {
        let scene = try Scene.sweep()
        try await scene.serving { client in
            let browser = try Browser()
            for name in ["curves", "parallel", "scatter"] {
                let tab = try browser.open(
                    "http://127.0.0.1:\(client.port)/#/job/1?tab=\(name)&token=\(client.token)", isDark: isDark)
                try tab.wait(until: "document.querySelectorAll('figure svg path[stroke]').length > 5")
                let contrast = try #require(try tab.evaluate(Self.leastContrast).double)
                #expect(contrast >= 3, "\(name)")
                try tab.close()
            }
        }
    }

    @Test func barsOfDeviationsStayWithinTheirAxes() async throws {
        let scene = try Scene(runs: 3, overrides: { "[[\"seed\",\($0)]]" })
        let store = try Store(scene.cache)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: JobID(rawValue: 1))
        for value in [1.0, 1.1] {
            let claim = try #require(try store.claimNext(of: JobID(rawValue: 1), by: agent, lease: .seconds(600)))
            try store.complete(claim, metrics: ["loss/total": value])
        }
        try await scene.serving { client in
            let tab = try Browser().open(
                "http://127.0.0.1:\(client.port)/#/job/1?tab=scatter&sx=attempt&token=\(client.token)")
            let bar = "document.querySelector('figure svg > path[stroke-width]')"
            try tab.wait(until: bar + " !== null")
            #expect(
                try tab.evaluate(
                    "(() => { const box = \(bar).getBBox(); return box.y >= 8 && box.y + box.height <= 280 - 38; })()")
                    == true)
        }
    }

    @Test func powersOfTenHaveShortNames() async throws {
        let scene = try Scene(runs: 1)
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/?token=\(client.token)")
            // What d3 computes for three times 1e-5.
            let words = try tab.evaluate(
                "import('./charts/lines.js').then(lines => [0.000030000000000000004, 1e-4, 0.02, 1e5].map(lines.logLabel).join())"
            )
            #expect(words == "3e-5,1e-4,0.02,1e5")
        }
    }

    @Test func anAxisLeavesOutWhatWentAstrayAndNoRunOfAnotherSize() async throws {
        let scene = try Scene(runs: 1)
        try await scene.serving { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/?token=\(client.token)")
            for (lines, isLog, reach) in [
                ("{ values: [1e-9] }, { values: [0.01] }", false, "Infinity"),
                ("{ values: [1, 0.5] }, { values: [0.9, 1e30, 1e30] }", true, "1"),
                ("{ values: [1, 0.5] }, { values: [0.9, 1e5, 1e5] }", true, "Infinity"),
                ("{ values: [1, 2] }, { values: [1000], hasFailed: true }", false, "2"),
                ("{ values: [1] }, { values: [2] }, { values: [900] }", false, "2"),
                ("{ values: [0] }, { values: [3, NaN] }", false, "Infinity"),
            ] {
                let found = try tab.evaluate(
                    "import('./charts/reach.js').then(reach => String(reach.reachOf([\(lines)], \(isLog))))")
                #expect(found == .string(reach), "\(lines)")
            }
        }
    }

    @Test(arguments: [400, 3840]) func nothingIsWiderThanTheWindow(width: Int) async throws {
        let scene = try Scene.sweep()
        try await scene.serving { client in
            let browser = try Browser()
            for name in ["runs", "curves", "parallel", "scatter", "diff", "figures", "agents"] {
                let tab = try browser.open(
                    "http://127.0.0.1:\(client.port)/#/job/1?tab=\(name)&token=\(client.token)", width: width)
                try tab.wait(until: "document.querySelectorAll('[role=tabpanel] > *').length > 0")
                #expect(
                    try tab.evaluate("document.documentElement.scrollWidth <= innerWidth") == true,
                    "\(name) at \(width)")
                try tab.close()
            }
        }
    }
}
