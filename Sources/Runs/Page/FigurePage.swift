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

    /// The page's title.
    public var title: String
    /// Facts about the run or the job, one line each.
    public var facts: [String]
    /// What the slider chooses: `Step` or `Run`.
    public var slides: String
    /// What it chooses from; the last is shown first.
    public var frames: [Frame]
    /// Figures that stand above the slider, such as curves or a coefficient study.
    public var above: [Figure]
    /// Figures that stand below it, such as what the last weights amount to.
    public var below: [Figure]

    /// How many bytes a page may take, if its last step and what does not move leave room for that.
    var limit = 980_000
    /// In this many steps of their range large heat maps are given, of the last frame and of those before it: a
    /// hundred, or fewer where not all would have room.
    private static let steps = [(100, 100), (40, 40), (40, 20), (20, 10), (10, 5)]

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
        let (top, bottom) = (
            try section(above, "above", heading: slides == "Run" ? "Side by side" : "Over training", cairo),
            try section(below, "below", heading: "Computed from the last weights", cairo)
        )
        page += top.html
        var blocks = top.block
        var frames: [Frame] = []
        if let last = self.frames.last {
            let room =
                limit - page.utf8.count - blocks.utf8.count - bottom.html.utf8.count
                - bottom.block.utf8.count - script.utf8.count - Self.palettes.utf8.count
            let stage = try stage(within: room, cairo)
            frames = stage.frames.map { self.frames[$0] }
            for fact in stage.facts { page += "<p>\(fact)</p>\n" }
            page += """
                <div class="bar"><label for="slider">\(Self.escaped(slides))</label>
                <input type="range" id="slider" min="0" max="\(frames.count - 1)" value="\(frames.count - 1)" autocomplete="off">
                <output id="label" for="slider">\(Self.escaped(last.label))</output></div>

                """
            page += "<div class=\"figures\" id=\"stage\">\n\(stage.html)</div>\n"
            blocks += stage.blocks
        }
        page += bottom.html
        blocks += bottom.block
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

    /// Figures that do not move.
    private func section(_ figures: [Figure], _ name: String, heading: String, _ cairo: Cairo) throws -> (
        html: String, block: String
    ) {
        guard !figures.isEmpty else { return ("", "") }
        let drawn = try figures.map { try Drawn($0, cairo) }
        return (
            (heading.isEmpty ? "" : "<h2>\(Self.escaped(heading))</h2>\n")
                + "<div class=\"figures\" data-block=\"\(name)\">\n\(drawn.map(\.html).joined())</div>\n",
            try Self.block(drawn.map { $0.json(withDrawing: $0.isLarge) }, name)
        )
    }

    /// The slider's choices, as far as there is room: the last one, and as many others as fit.
    private func stage(within room: Int, _ cairo: Cairo) throws -> (
        frames: [Int], html: String, blocks: String, facts: [String]
    ) {
        let last = frames.count - 1
        var drawn: [Int: [Drawn]] = [:]
        var packed: [[Int]: String] = [:]
        func pack(_ index: Int, _ steps: (last: Int, others: Int)) throws -> String {
            let key = [index, index == last ? steps.last : steps.others]
            if let its = packed[key] { return its }
            let figures = try drawn[index] ?? frames[index].figures.map { try Drawn($0, cairo) }
            drawn[index] = figures
            let its = try Self.packed(Drawn.entries(figures, steps: key[1]))
            packed[key] = its
            return its
        }
        func size(_ chosen: [Int], _ steps: (last: Int, others: Int)) throws -> Int {
            try chosen.reduce(0) { try $0 + pack($1, steps).utf8.count + 60 }
        }
        _ = try pack(last, Self.steps[0])
        let html = drawn[last]?.map(\.html).joined() ?? ""
        let room = room - html.utf8.count
        var (steps, count) = (Self.steps[0], frames.count)
        for coarser in Self.steps {
            steps = coarser
            // If the last step alone leaves no room, the others need not be considered.
            if try size([last], steps) <= room, try size(Array(frames.indices), steps) <= room { break }
        }
        var chosen = Array(frames.indices)
        while count > 1, try size(chosen, steps) > room {
            count -= 1
            chosen = Array(frames.indices).spread(most: count)
        }
        var facts: [String] = []
        if steps.0 < Self.steps[0].0 {
            facts.append(
                "Values of large heat maps are given in \(steps.0) steps of their range"
                    + (count > 1 && steps.1 < steps.0 ? ", those before the last in \(steps.1)" : "")
                    + "; --figure leaves room for more.")
        }
        if count < frames.count {
            facts.append(
                "\(count) of \(frames.count) are shown: with all of them the page would be too large. "
                    + "A page of one figure (--figure) has room for more.")
        }
        let blocks = try chosen.enumerated().map { Self.script(try pack($1, steps), "frame-\($0)") }
        return (chosen, html, blocks.joined(), facts)
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
        var isLarge: Bool { svg.utf8.count > 12_000 }

        var html: String { FigurePage.frame(name: name, isLarge ? "" : svg) }

        func json(withDrawing: Bool) -> Entry {
            Entry(
                name: name, svg: withDrawing ? svg : nil, areas: areas.map { $0.coded(inSteps: FigurePage.steps[0].0) })
        }

        /// Figures that are shown together: maps that have the same numbers, such as lower and upper leaky importances, have
        /// them once.
        static func entries(_ figures: [Drawn], steps: Int) -> [Entry] {
            figures.enumerated().map { place, figure in
                let areas = figure.areas.enumerated().map { index, area in
                    figures.dropFirst(place + 1).lazy.compactMap { other in
                        other.areas.indices.contains(index) ? area.like(other.name, index, other.areas[index]) : nil
                    }.first ?? area.coded(inSteps: steps)
                }
                return Entry(name: figure.name, svg: figure.svg, areas: areas)
            }
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
    private static func block(_ entries: [Entry], _ name: String) throws -> String { script(try packed(entries), name) }

    private static func packed(_ entries: [Entry]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Data(try Deflate.compress(Array(encoder.encode(entries)))).base64EncodedString()
    }

    private static func script(_ packed: String, _ name: String) -> String {
        "<script type=\"text/plain\" id=\"\(name)\">\(packed)</script>\n"
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

    /// JSON in which nothing ends the script that it is in.
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
    /// This many of them at most, evenly spread, the last among them.
    func spread(most: Int) -> [Element] {
        guard count > most else { return self }
        guard most > 1 else { return suffix(1) }
        return (0..<most).map { self[$0 * (count - 1) / (most - 1)] }
    }
}
