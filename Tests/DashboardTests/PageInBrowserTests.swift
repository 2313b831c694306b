import Browser
import Foundation
import JSON
import Layout
import Store
import Testing

@testable import Dashboard

/// What the page is for, in Chromium: few enough for every `make test`.
@Suite(.serialized, InBrowser.few)
struct PageInBrowserTests {
    @Test func runsAreListedSelectedAndDrawn() async throws {
        let scene = try Scene.sweep()
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
            try tab.click("Curves", of: "[role=tab]")
            try tab.wait(until: InBrowser.lines + " === 5")
            try tab.hover("path.line", x: 0.5, y: 0.9)
            try tab.wait(until: "document.querySelector('.readout').textContent.includes('step')")

            // A row that a run appends is drawn without anybody's doing.
            try tab.evaluate("document.querySelector('.strip input.mono').value = ''")
            try tab.evaluate("document.querySelector('.strip input.mono').dispatchEvent(new Event('change'))")
            try tab.wait(until: InBrowser.lines + " === 8")
            let before = try tab.evaluate("document.querySelector('path.line').getAttribute('d').length")
            try scene.append(Scene.rows(200..<400, of: 0), to: scene.runs[0])
            try tab.wait(
                until: "document.querySelector('path.line').getAttribute('d').length > \(before.text)")

            try tab.click("Agents and failures", of: "[role=tab]")
            try tab.wait(until: "document.body.textContent.includes('Failures by cause (1 run)')")
            #expect(
                try tab.evaluate("document.body.textContent.includes(\"<img src=x onerror='window.hacked\")") == true)
            #expect(try tab.evaluate("window.hacked === undefined && !document.querySelector('img')") == true)
            #expect(tab.problems == [])
            #expect(tab.requests.allSatisfy { $0.hasPrefix("http://127.0.0.1:\(client.port)/") }, "\(tab.requests)")
        }
    }

    @Test func whatOneAxisSelectsIsSelectedEverywhereAndStaysInTheAddress() async throws {
        let scene = try Scene.sweep()
        try await scene.serving { client in
            let address = "http://127.0.0.1:\(client.port)/#/job/1?tab=parallel&in=set%253Alr%7E0.002%7E0.004"
            let tab = try Browser().open(address + "&token=\(client.token)")
            try tab.wait(until: "document.querySelector('figure svg .brush')")
            try tab.wait(until: "document.querySelector('.strip [role=status]').textContent === '3 of 8 runs'")
            try tab.click(".chip")
            try tab.wait(until: "document.querySelector('.strip [role=status]').textContent === '8 of 8 runs'")
            #expect(try tab.evaluate("location.hash.includes('in=')") == false)
            try tab.click("Coefficients", of: "[role=tab]")
            try tab.wait(until: "document.querySelectorAll('path.point').length > 0")
            try tab.click("Differences", of: "[role=tab]")
            try tab.wait(until: "document.querySelectorAll('thead th').length === 9")
            #expect(
                try tab.evaluate(
                    "[...document.querySelectorAll('tbody tr:not(.metric) th')].map(x => x.textContent).join()")
                    == "lr", "only what differs")
            #expect(tab.problems == [])
        }
    }

    @Test func anExportedViewNeedsNoServer() async throws {
        let scene = try Scene.sweep()
        try await scene.serving { client in
            let browser = try Browser()
            let tab = try browser.open("http://127.0.0.1:\(client.port)/#/job/1?tab=curves&token=\(client.token)")
            try tab.wait(until: InBrowser.lines + " === 8")
            for (kind, start) in [("SVG", "<?xml"), ("PDF", "%PDF-1.4"), ("CSV", "metric,run,step,value")] {
                let text = try tab.saved(kind)
                #expect(text.hasPrefix(start), "\(kind): \(text.prefix(80))")
            }
            #expect(try !tab.saved(InBrowser.page).contains(client.token))
            try tab.asFile(in: browser) { page in
                try page.wait(until: InBrowser.lines + " === 8")
                try page.click("Runs", of: "[role=tab]")
                try page.wait(until: "document.querySelectorAll('tbody tr').length === 10")
            }
            #expect(tab.problems == [])
        }
    }

    /// How high the first line of the first chart is, in pixels of 234.
    private static let heightOfALine = "document.querySelector('path.line').getBBox().height"

    /// What the first chart says of lines that leave it.
    private static let corner =
        "[...document.querySelectorAll('figure')[0].querySelectorAll('text.beyond')].map(x => x.textContent).join('|')"

    @Test func aRunThatWentAstrayLeavesTheOthersReadable() async throws {
        let scene = try Scene(runs: 4)
        for (index, run) in scene.runs.enumerated() {
            try scene.append(
                (0..<100).map { step in
                    let value =
                        switch index {
                        case 2 where step >= 30: "1e30"
                        case 3 where step >= 90: "NaN"
                        default: "\(Double(step + index) / 100)"
                        }
                    return "{\"misc/step\":\(step),\"astray\":\(value)}\n"
                }.joined(), to: run)
        }
        let store = try Store(scene.cache)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: JobID(rawValue: 1))
        for value in [0.1, 0.2, 1e30] {
            let claim = try #require(try store.claimNext(of: JobID(rawValue: 1), by: agent, lease: .seconds(600)))
            try store.complete(claim, metrics: ["astray": value])
        }
        try await scene.serving { client in
            let address = "http://127.0.0.1:\(client.port)/#/job/1?token=\(client.token)"
            let tab = try Browser().open(address + "&tab=curves&metrics=astray")
            try tab.wait(until: InBrowser.lines + " === 4")
            for choice in ["as the metric", "linear"] {
                try tab.evaluate(
                    """
                    (() => { const all = [...document.querySelectorAll('select')];
                      const e = all.find(x => x.textContent.includes('as the metric'));
                      e.value = [...e.options].find(x => x.textContent === '\(choice)').value;
                      e.dispatchEvent(new Event('change')); })()
                    """)
                try tab.wait(until: Self.heightOfALine + " > 100")
                let words = try #require(try tab.evaluate(Self.corner).string)
                #expect(words == "▲ 1 of 4 lines beyond, up to 1e+30|× 1 of 4 lines not finite")
                #expect(try tab.evaluate("document.querySelectorAll('path.beyond.up').length").double ?? 0 > 0)
                #expect(try tab.evaluate("document.querySelectorAll('path.beyond.cross').length").double ?? 0 > 0)
            }
            // A chart takes its width in the next frame, and reading goes on where it was.
            try tab.evaluate(
                """
                (async () => { const all = [...document.querySelectorAll('select')];
                  all.find(x => x.textContent.includes('as the metric')).dispatchEvent(new Event('change'));
                  const figure = document.querySelector('figure.chart');
                  for (const key of ['ArrowRight', 'ArrowDown']) figure.dispatchEvent(new KeyboardEvent('keydown', { key }));
                  for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame); })()
                """)
            let reading = "document.querySelector('figure.chart').reading"
            let name = try tab.evaluate(reading + ".name")
            try tab.evaluate("document.querySelector('figure.chart').focus()")
            try tab.press("ArrowRight")
            #expect(try tab.evaluate(reading + ".place") == 2 && tab.evaluate(reading + ".name") == name)
            try tab.press("Escape")
            // What is astray can be read at the edge.
            try tab.evaluate("document.querySelector('figure.chart').focus()")
            for key in ["ArrowRight", "ArrowDown", "ArrowDown"] { try tab.press(key) }
            for _ in 0..<85 { try tab.press("ArrowRight") }
            try tab.wait(until: "document.querySelector('.readout').textContent.endsWith('1e+30')")
            #expect(try tab.evaluate("Number(document.querySelector('.dot').getAttribute('cy'))") == 8)
            for kind in ["SVG", "PDF"] {
                #expect(try tab.saved(kind).contains("1 of 4 lines beyond, up to 1e+30"), "\(kind)")
            }

            try tab.click("Coefficients", of: "[role=tab]")
            let places = "[...document.querySelectorAll('path.point')].map(x => x.getBBox())"
            try tab.wait(until: "document.querySelectorAll('path.point').length > 0")
            try tab.wait(until: "Math.max(...\(places).map(x => x.height)) > 50")
            #expect(
                try tab.evaluate(Self.corner) == "▲ 1 of 3 runs beyond, up to 1e+30")
            try tab.click("Parallel", of: "[role=tab]")
            try tab.wait(
                until:
                    "document.querySelector('figure').textContent.includes('astray: ▲ 1 of 3 runs beyond')")
            #expect(tab.problems == [])
        }
    }

    @Test func anotherServersTokenOpensNothing() async throws {
        let scene = try Scene.sweep()
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

    @Test func whatHasNotComeYetIsWaitedForBeforeItIsTakenAway() async throws {
        let scene = try Scene.sweep()
        let held = HeldAnswers()
        let isSlow: @Sendable (Ask) -> Reply? = { ask in
            if [["api", "jobs"], ["api", "curves"]].contains(ask.path) { held.wait() }
            return nil
        }
        try await scene.serving(instead: isSlow) { client in
            defer { held.letGo(after: 0) }
            let browser = try Browser()
            for (view, isWhole) in [
                ("/?", "document.querySelector('main .note') && document.querySelector('tbody a') !== null"),
                ("/job/1?tab=curves&", InBrowser.lines + " === 8"),
            ] {
                held.hold()
                let tab = try browser.open("http://127.0.0.1:\(client.port)/#\(view)token=\(client.token)")
                try tab.wait(until: "document.querySelector('.tools .column button') !== null")
                #expect(try tab.evaluate(isWhole) != true, "it has come already")
                held.letGo(after: 0.5)
                try tab.asFile(in: browser) { try $0.wait(until: isWhole) }
                try tab.close()
            }
        }
    }

    @Test func aBuildWithoutChartsSaysSoAndShowsTheRest() async throws {
        let scene = try Scene.sweep()
        let hasNoCharts: @Sendable (Ask) -> Reply? = {
            $0.path == ["d3.js"] ? .failure(404, "there is no 'd3.js'") : nil
        }
        try await scene.serving(instead: hasNoCharts) { client in
            let tab = try Browser().open("http://127.0.0.1:\(client.port)/#/job/1?token=\(client.token)")
            try tab.wait(until: "document.querySelectorAll('tbody tr').length === 10")
            for view in ["Curves", "Parallel", "Coefficients"] {
                try tab.click(view, of: "[role=tab]")
                try tab.wait(until: "document.querySelector('.empty')?.textContent.includes('install node-d3')")
            }
            try tab.click("Differences", of: "[role=tab]")
            try tab.wait(until: "document.querySelectorAll('thead th').length === 9")
        }
    }
}
