import Artifacts
public import Figures
import Foundation
import JSON
import TextData

/// One page with all figures of a run or a job, which needs no server, no network and no other file.
///
/// Drawings are inline SVG. The figures that a slider chooses from, and large drawings, are packed, and unpacked by the
/// browser. Nothing that a
/// config or a run says is ever part of the page's markup or script: text is escaped, and the page runs no script but its
/// own, whatever else might get into it.
public struct FigurePage {
    /// The figures of a step, or of a run.
    public struct Frame: Sendable {
        /// The step, or the run.
        public var label: String
        /// What is shown of it.
        public var figures: [Figure]

        /// Names figures.
        public init(label: String, figures: [Figure]) {
            self.label = label
            self.figures = figures
        }
    }

    /// What stands above it.
    public var title: String
    /// Facts about the run or the job, a line each.
    public var facts: [String]
    /// What the slider chooses: `Step` or `Run`.
    public var slides: String
    /// What it chooses from; the last is shown first.
    public var frames: [Frame]
    /// Figures that stand above the slider, such as curves or a coefficient study.
    public var above: [Figure]
    /// Figures that stand below it, such as what the last weights amount to.
    public var below: [Figure]

    /// About how many bytes the figures that the slider chooses from may take.
    private static let limit = 700_000

    /// Describes a page.
    public init(
        title: String, facts: [String] = [], slides: String, frames: [Frame], above: [Figure] = [], below: [Figure] = []
    ) {
        self.title = title
        self.facts = facts
        self.slides = slides
        self.frames = frames
        self.above = above
        self.below = below
    }

    /// Writes the page.
    ///
    /// - Parameter cairo: What packs the cells of heat maps.
    /// - Returns: The page's text; the same figures give the same text.
    /// - Throws: `FigureError`, `TextDataError`.
    public func html(_ cairo: Cairo) throws -> String {
        let script = String(decoding: PackageResources.page_js, as: UTF8.self)
        let style = String(decoding: PackageResources.page_css, as: UTF8.self)
        var page = """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
            style-src 'unsafe-inline'; script-src '\(Self.hash(script))'">
            <title>\(Self.escaped(title))</title><style>\(style)</style></head><body>
            <h1>\(Self.escaped(title))</h1>

            """
        for fact in facts { page += "<p>\(Self.escaped(fact))</p>\n" }
        var (blocks, frames) = ("", frames)
        func section(_ figures: [Figure], _ name: String, heading: String) throws {
            guard !figures.isEmpty else { return }
            let drawn = try figures.map { try Drawn($0, cairo) }
            if !heading.isEmpty { page += "<h2>\(Self.escaped(heading))</h2>\n" }
            page += "<div class=\"figures\" data-block=\"\(name)\">\n\(drawn.map(\.html).joined())</div>\n"
            blocks += try Self.block(drawn.map { $0.json(withDrawing: $0.isLarge) }, name)
        }
        try section(above, "above", heading: slides == "Run" ? "Side by side" : "Over training")
        if let last = frames.last {
            let packed = try last.figures.map { try Drawn($0, cairo) }
            let size = try Self.block(packed.map { $0.json(withDrawing: true) }, "").utf8.count
            frames = frames.spread(most: max(1, Self.limit / size))
            if frames.count < self.frames.count {
                let count = "\(frames.count) of \(self.frames.count)"
                page +=
                    "<p>\(count) are shown: with all of them the page would be too large. "
                    + "A page of one figure (--figure) has room for more.</p>\n"
            }
            page += """
                <div class="bar"><label for="slider">\(Self.escaped(slides))</label>
                <input type="range" id="slider" min="0" max="\(frames.count - 1)" value="\(frames.count - 1)" autocomplete="off">
                <output id="label" for="slider">\(Self.escaped(last.label))</output></div>

                """
            for (index, frame) in frames.enumerated() {
                let drawn = index == frames.count - 1 ? packed : try frame.figures.map { try Drawn($0, cairo) }
                blocks += try Self.block(drawn.map { $0.json(withDrawing: true) }, "frame-\(index)")
                guard index == frames.count - 1 else { continue }
                page += "<div class=\"figures\" id=\"stage\">\n\(drawn.map(\.html).joined())</div>\n"
            }
        }
        try section(below, "below", heading: "What the last weights amount to")
        let labels = Self.inScript(JSONValue.array(frames.map { .string($0.label) }).text)
        page += """
            <div id="tip" role="status" hidden></div>
            <template id="figure">\(Self.frame(name: "", ""))</template>
            <script type="application/json" id="palettes">\(Self.palettes)</script>
            <script type="application/json" id="labels">\(labels)</script>
            \(blocks)<script>\(script)</script>
            </body></html>

            """
        return page
    }

    /// A figure as the page holds it.
    private struct Drawn {
        let name: String
        let svg: String
        let areas: [HoverArea]

        init(_ figure: Figure, _ cairo: Cairo) throws(FigureError) {
            (name, svg, areas) = (figure.name, try figure.svgToPaint(cairo), figure.hoverAreas)
        }

        /// Whether the drawing is packed: it is a sixth as large then.
        var isLarge: Bool { svg.utf8.count > 40_000 }

        var html: String { FigurePage.frame(name: name, isLarge ? "" : svg) }

        func json(withDrawing: Bool) -> Entry {
            Entry(name: name, svg: withDrawing ? svg : nil, areas: areas)
        }
    }

    private struct Entry: Encodable {
        let name: String
        let svg: String?
        let areas: [HoverArea]
    }

    private static func frame(name: String, _ svg: String) -> String {
        "<figure data-name=\"\(escaped(name))\">\(svg)<figcaption><button type=\"button\" data-save=\"svg\">SVG</button> "
            + "<button type=\"button\" data-save=\"csv\">CSV</button></figcaption></figure>\n"
    }

    /// Figures, packed: base64 holds nothing that ends a script.
    private static func block(_ entries: [Entry], _ name: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let packed = try Deflate.compress(Array(encoder.encode(entries)))
        return "<script type=\"text/plain\" id=\"\(name)\">\(Data(packed).base64EncodedString())</script>\n"
    }

    /// What heat maps are painted with.
    private static var palettes: String {
        let maps = ColorMap.allCases.map { map in
            JSONValue.Member(
                map.rawValue, ["table": .array(map.table().map { .string($0.hex) }), "beyond": .string(map.beyond.hex)])
        }
        return JSONValue.object(maps + [.init("missing", .string(Color.missing.hex))]).text
    }

    private static func hash(_ script: String) -> String {
        let hex = Array(SHA256.hex(script).utf8)
        let bytes = stride(from: 0, to: hex.count, by: 2).compactMap {
            UInt8(String(decoding: hex[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return "sha256-" + Data(bytes).base64EncodedString()
    }

    /// JSON in which nothing ends the script that it stands in.
    private static func inScript(_ json: String) -> String {
        json.replacing("<", with: "\\u003c").replacing(">", with: "\\u003e").replacing("&", with: "\\u0026")
            .replacing("\u{2028}", with: "\\u2028").replacing("\u{2029}", with: "\\u2029")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

extension Array {
    /// So many of them at most, evenly spread, the last among them.
    func spread(most: Int) -> [Element] {
        guard count > most else { return self }
        guard most > 1 else { return suffix(1) }
        return (0..<most).map { self[$0 * (count - 1) / (most - 1)] }
    }
}
