import CDashboard
import Foundation

/// The page itself, which is inside the program.
struct PageFiles: Sendable {
    private let replies: [String: Reply]
    /// Scripts in the order in which they import each other, imported ones first.
    private let modules: [String]
    private let licence: String

    /// Whether the build had the charting library.
    var hasCharts: Bool { replies[Self.chartsName] != nil }

    private static let chartsName = "d3.js"

    init() {
        var replies: [String: Reply] = [:]
        var modules: [String] = []
        var count = 0
        let files = spd_page_files(&count)
        for index in 0..<count {
            guard let file = files?[index], let name = file.name.map({ String(cString: $0) }) else { continue }
            replies[name] = Self.reply(name, file)
            if name.hasSuffix(".js") { modules.append(name) }
        }
        let charts = spd_charts()
        if charts.count > 0 { replies[Self.chartsName] = Self.reply(Self.chartsName, charts) }
        let text = spd_charts_licence()
        licence = String(decoding: UnsafeBufferPointer(start: text.bytes, count: text.count), as: UTF8.self)
        if text.count > 0 { replies["d3-licence.txt"] = .text(licence) }
        self.replies = replies.mapValues { reply in
            var reply = reply
            reply.mayBeKept = true
            return reply
        }
        self.modules = modules
    }

    private static func reply(_ name: String, _ file: spd_page_file) -> Reply {
        let type =
            switch name.split(separator: ".").last {
            case "html": "text/html; charset=utf-8"
            case "css": "text/css; charset=utf-8"
            case "js": "text/javascript; charset=utf-8"
            case "svg": "image/svg+xml"
            default: "application/octet-stream"
            }
        return Reply(type: type, body: Data(UnsafeBufferPointer(start: file.bytes, count: file.count)))
    }

    /// A file by its path in the page's folder; the page itself for none.
    func reply(to path: [String]) -> Reply? {
        replies[path.isEmpty ? "index.html" : path.joined(separator: "/")]
    }

    /// The page as one file that needs no server: a browser puts the answers that it has in place of `<!--record-->`.
    func shell() -> Reply {
        func text(_ name: String) -> String { String(decoding: replies[name]?.body ?? Data(), as: UTF8.self) }
        func safe(_ script: String) -> String { script.replacing("</script", with: "<\\/script") }
        let own = modules.map { Self.withoutModules(text($0)) }.joined(separator: "\n")
        let policy =
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src blob: data:"
        let page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>spd</title>
            <style>
            \(text("style.css"))
            </style>
            </head>
            <body>
            <div id="page"></div>
            <!--record-->
            <script>\(licence.isEmpty ? "" : "/* d3:\n\(licence.replacing("*/", with: "* /"))*/\n")\(safe(text(Self.chartsName)))</script>
            <script>"use strict";
            (() => {
            \(safe(own))
            })();</script>
            </body>
            </html>

            """
        return Reply(type: "text/html; charset=utf-8", body: Data(page.utf8))
    }

    /// A module's text as part of one script: what it imports stands before it, under the same names.
    private static func withoutModules(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("import ") }
            .map { $0.hasPrefix("export ") ? $0.dropFirst("export ".count) : $0 }
            .joined(separator: "\n")
    }
}
