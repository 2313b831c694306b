import Browser
import Foundation
import JSON
import Store
import Testing

@testable import Dashboard

/// Importance maps, the component explorer, and names that nobody would give on purpose, in Chromium.
@Suite(.serialized, InBrowser.all)
struct ScienceInBrowserTests {
    private static let bad = "<script>hacked = 1</script>'\"><img src=x onerror=hacked=1>"
    private static let turned = "\u{202E}gnp.exe\u{2066}"

    /// What the worker would have drawn and computed.
    private static func worker(_ ask: Ask) -> Reply? {
        guard ask.path.count >= 3, ask.path[1] == "runs" else { return nil }
        return switch (ask.path.dropFirst(3).first, ask.path.last) {
        case (nil, let run?):
            // A run whose config is a whole one of a language model.
            .json(
                """
                {"job":1,"attempts":[{"attempt":1,"host":\(quoted(bad)),"started":1,"ended":2,"outcome":"done","reason":\(quoted(turned))}],
                 "files":[{"name":"a","bytes":1}],"has_tokens":true,"config":{"task_config":{"task_name":"lm"},\(quoted(bad)):\(quoted(turned))},
                 "run":{"run":"\(run)","status":"done","experiment":\(quoted(bad)),"step":5,"steps":5,"started":1,"ended":2,
                  "metrics":{\(quoted(bad)):1},"losses":{},"overrides":{\(quoted(turned)):\(quoted(bad))},"folder":\(quoted(bad)),
                  "error":\(quoted(bad + turned))}}
                """)
        case ("figures", "figures"):
            .json(#"[{"step":0,"figures":["causal_importances_upper_leaky","subcomponents_active"]}]"#)
        case ("figures", "numbers"):
            .json(
                """
                {"causal_importances_upper_leaky/linear1/values":{"shape":[2,3],"values":[0,0.5,1.25,1,0,null]},
                 "causal_importances_upper_leaky/linear1/columns":{"shape":[3],"values":[7,2,5]},
                 "subcomponents_active/counts":{"shape":[2],"values":[1,2]}}
                """)
        case ("explain", "explain"):
            .json(
                """
                {"rows":[["one",\(quoted(bad))," two\\n",\(quoted(" " + turned))]],"subcomponents":8,
                 "modules":[{"name":"<b>mlp","places":[[[3,0.9,1,0.2],[1,0.4],[],[3,0.3]]]}]}
                """)
        case ("figures", _):
            Reply(
                type: "image/png",
                body: Data(
                    base64Encoded:
                        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
                ) ?? Data())
        default: nil
        }
    }

    private static func quoted(_ text: String) -> String { JSONValue.string(text).text }

    private func open(_ address: String, _ client: Client, in browser: Browser, width: Int = 1280) throws -> Tab {
        let separator = address.contains("?") ? "&" : "?"
        return try browser.open(
            "http://127.0.0.1:\(client.port)/#\(address)\(separator)token=\(client.token)", width: width)
    }

    @Test func importanceMapsAreReadAndTakenAway() async throws {
        let scene = try Scene(runs: 1)
        try await scene.serving(instead: Self.worker) { client in
            let browser = try Browser()
            let tab = try open("/job/1?tab=maps", client, in: browser)
            try tab.wait(until: "document.querySelector('canvas.map')")
            #expect(
                try tab.evaluate("[...document.querySelectorAll('[role=tabpanel] option')].map(x => x.value).join()")
                    == "causal_importances_upper_leaky", "only figures that are maps")
            try tab.hover("canvas.map", x: 0.9, y: 0.1)
            try tab.wait(
                until: "document.querySelector('.readout').textContent === 'feature 0 · subcomponent 5 · 1.25'")
            try tab.evaluate("document.querySelector('canvas.map').focus()")
            for key in ["ArrowDown", "ArrowLeft"] { try tab.press(key) }
            try tab.wait(
                until: "document.querySelector('.readout').textContent === 'feature 1 · subcomponent 2 · 0'")
            let svg = try tab.saved("SVG")
            #expect(svg.hasPrefix("<?xml") && svg.contains(">linear1") || svg.contains("linear1<"))
            #expect(svg.contains(">7<") && !svg.contains("var("), "true indices")
            #expect(try tab.saved("PDF").hasPrefix("%PDF-1.4"))
            #expect(
                try tab.saved("CSV").contains(
                    "\(scene.runs[0]),0,causal_importances_upper_leaky,linear1/values,0,2,1.25"))
            try tab.asFile(in: browser) { try $0.wait(until: "document.querySelectorAll('canvas.map').length === 1") }
            #expect(tab.problems == [])
        }
    }

    @Test(arguments: [(1200, false), (1600, false), (400, true)])
    func figuresAreMovedSidewaysInNarrowWindowsOnly(width: Int, isMoved: Bool) async throws {
        let scene = try Scene(runs: 2)
        let wide: @Sendable (Ask) -> Reply? = { ask in
            guard ask.path.last?.hasSuffix(".png") == true else { return Self.worker(ask) }
            let picture = #"<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="600"/>"#
            return Reply(type: "image/svg+xml", body: Data(picture.utf8))
        }
        try await scene.serving(instead: wide) { client in
            let tab = try open("/job/1?tab=figures", client, in: Browser(), width: width)
            try tab.wait(until: "document.querySelector('.pictures img')?.naturalWidth === 2000")
            let boxes = "[...document.querySelectorAll('.pictures .scroll')].map(x => x.scrollWidth > x.clientWidth)"
            #expect(try tab.evaluate(boxes + ".every(x => x === \(isMoved))") == true)
        }
    }

    @Test func subcomponentsOfALanguageModelAreReadAndTakenAway() async throws {
        let scene = try Scene(runs: 1, task: #"{"task_name":"lm"}"#)
        try await scene.serving(instead: Self.worker) { client in
            let browser = try Browser()
            let tab = try open("/run/\(scene.runs[0])?tab=components", client, in: browser)
            try tab.wait(until: "document.querySelectorAll('.token').length === 4")
            #expect(try tab.evaluate("document.querySelectorAll('.token.matters').length") == 3)
            try tab.evaluate("document.querySelector('.tokens').focus()")
            try tab.press("ArrowRight")
            try tab.wait(until: "document.querySelector('h3 code')?.textContent === '\"one\"'")
            try tab.evaluate(
                "[...document.querySelectorAll('section button')].find(x => x.textContent === '3 0.90').click()")
            try tab.wait(until: "document.body.textContent.includes('over 0.1 at 2 of 4 tokens read')")
            try tab.wait(until: "location.hash.includes('component=3')")
            let csv = try tab.saved("CSV")
            #expect(csv.contains("0,0,one,<b>mlp,3,0.9\r\n") && csv.contains(",<b>mlp,3,0\r\n"), "\(csv)")
            let svg = try tab.saved("SVG")
            #expect(svg.hasPrefix("<?xml") && svg.contains("&lt;script&gt;") && !svg.contains("<script"))
            #expect(try tab.saved("PDF").hasPrefix("%PDF-1.4"))
            try tab.asFile(in: browser) { page in
                try page.wait(until: "document.body.textContent.includes('over 0.1 at 2 of 4 tokens read')")
                #expect(try page.evaluate("window.hacked === undefined") == true)
            }
            #expect(tab.problems == [])
        }
    }

    @Test func aTextThatIsStillComputedIsTakenAwayOnceItIs() async throws {
        let scene = try Scene(runs: 1, task: #"{"task_name":"lm"}"#)
        let held = HeldAnswers()
        let isSlow: @Sendable (Ask) -> Reply? = { ask in
            if ask.path.last == "explain" { held.wait() }
            return Self.worker(ask)
        }
        try await scene.serving(instead: isSlow) { client in
            defer { held.letGo(after: 0) }
            let browser = try Browser()
            let tab = try open("/run/\(scene.runs[0])?tab=components", client, in: browser)
            try tab.wait(until: "document.querySelector('.tools .column button') !== null")
            #expect(try tab.evaluate("document.querySelectorAll('.token').length") == 0, "it has come already")
            held.letGo(after: 0.5)
            try tab.asFile(in: browser) { try $0.wait(until: "document.querySelectorAll('.token').length === 4") }
        }
    }

    @Test func whateverANameHoldsItStaysTextInEveryView() async throws {
        let long = String(repeating: "long", count: 100)
        let scene = try Scene(runs: 3, experiment: Self.bad + Self.turned, task: #"{"task_name":"lm"}"#) { index in
            let name = Self.quoted([Self.bad, Self.turned + "\n\t", long][index])
            return "[[\(name),\(name)]]"
        }
        let store = try Store(scene.cache)
        let agent = try store.registerAgent(
            AgentIdentity(host: Self.bad, pid: 1, slurm: SlurmPlace(environment: [:])), for: JobID(rawValue: 1))
        let second = try #require(try store.claimNext(of: JobID(rawValue: 1), by: agent, lease: .seconds(600)))
        try store.complete(second, metrics: ["loss/total": 1, Self.bad: 2, Self.turned: 3, long: 4])
        let third = try #require(try store.claimNext(of: JobID(rawValue: 1), by: agent, lease: .seconds(600)))
        _ = try store.fail(third, error: Self.bad + "\n" + Self.turned + long, retry: false)
        for run in scene.runs {
            let rest = [Self.bad, Self.turned, long].map { ",\(Self.quoted($0)):1.5" }.joined()
            try scene.append((0..<5).map { "{\"misc/step\":\($0),\"loss/total\":\($0)\(rest)}\n" }.joined(), to: run)
            try (Self.bad + Self.turned).write(
                toFile: scene.cache.folder(of: run).log, atomically: true, encoding: .utf8)
        }
        let views =
            ["/"]
            + ["runs", "curves", "parallel", "scatter", "diff", "figures", "maps", "agents"].map { "/job/1?tab=\($0)" }
            + ["overview", "curves", "maps", "components", "log"].map { "/run/\(scene.runs[1])?tab=\($0)" }
        try await scene.serving(instead: Self.worker) { client in
            let browser = try Browser()
            for view in views {
                let tab = try open(view, client, in: browser, width: 400)
                try tab.wait(
                    until:
                        "[...document.querySelectorAll('.tools .column button')].some(x => x.textContent === '\(InBrowser.page)')"
                )
                // Every export carries the names once more.
                try tab.asFile(in: browser) { page in
                    try page.wait(until: "document.querySelector('main .note')")
                    #expect(try page.evaluate("window.hacked === undefined") == true, "\(view)")
                }
                #expect(
                    try tab.evaluate(
                        "window.hacked === undefined && !document.querySelector('main img[src=x], main script')")
                        == true, "\(view)")
                #expect(
                    try tab.evaluate("document.documentElement.scrollWidth <= innerWidth") == true,
                    "\(view) is too wide")
                #expect(tab.problems == [], "\(view)")
                try tab.close()
            }
        }
    }
}
