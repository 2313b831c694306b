import Foundation
import JSON
import Layout
import Orchestration
import Store

extension Routes {
    /// What a browser wants to draw.
    private struct Wish: Decodable {
        let runs: [String]
        let metric: String
        /// How many columns of pixels there are.
        let columns: Int?
        /// Whether the axis of steps runs in powers of ten.
        let log: Bool?
        /// The steps that are looked at; all of them if there is none.
        let from: Double?
        let to: Double?
    }

    /// After so long the rest is left for another request: what is there can be shown meanwhile.
    private static let patience = Duration.milliseconds(400)
    private static let mostRuns = 20_000

    /// One metric of many runs, thinned out to what can be seen.
    func curves(_ ask: Ask) throws -> Reply {
        let wish: Wish
        do { wish = try JSONDecoder().decode(Wish.self, from: ask.body) } catch {
            return .failure(400, "expected {\"runs\": […], \"metric\": …, \"columns\": …}")
        }
        guard wish.runs.count <= Self.mostRuns else { return .failure(400, "at most \(Self.mostRuns) runs at once") }
        let runs = try wish.runs.map(Self.run)
        let columns = min(max(wish.columns ?? 400, 10), 4000)
        let end = ContinuousClock.now + Self.patience
        var done: [RunID] = []
        var curves: [String] = []
        var problems: [String] = []
        for run in runs {
            guard ContinuousClock.now < end || done.isEmpty else { break }
            done.append(run)
            // A run's path follows from its name; another cache's run has no file here.
            var curve: Curve
            do { curve = try site.curves.curve(wish.metric, of: run, in: site.cache.folder(of: run)) } catch {
                // One run's file does not block the others.
                problems.append("\(error)")
                continue
            }
            if wish.from != nil || wish.to != nil {
                curve = curve.part(from: wish.from ?? -.infinity, to: wish.to ?? .infinity)
            }
            let thinned = Thinning(curve, columns: columns, isLogarithmic: wish.log ?? false)
            curves.append(Self.text(run, thinned, rows: curve.steps.count))
        }
        let paces = try site.openState().paces(of: done)
        let knots = done.map { run in
            "\"\(run)\":[" + (paces[run] ?? []).map { "[\($0.step),\($0.seconds)]" }.joined(separator: ",") + "]"
        }
        let left = JSONValue.array(runs.dropFirst(done.count).map { .string($0.rawValue) }).text
        return .json(
            "{\"metric\":\(JSONValue.string(wish.metric).text),\"left\":\(left),"
                + "\"problems\":\(JSONValue.array(problems.map(JSONValue.string)).text),\"paces\":{\(knots.joined(separator: ","))},\"curves\":[\(curves.joined(separator: ",\n"))]}"
        )
    }

    private static func text(_ run: RunID, _ curve: Thinning, rows: Int) -> String {
        var text = "{\"run\":\"\(run)\",\"rows\":\(rows),\"steps\":["
        write(curve.steps.map(String.init), to: &text)
        for (name, values) in [("values", curve.means), ("lows", curve.lows), ("highs", curve.highs)] {
            if values.isEmpty, name != "values" { continue }
            text += "],\"\(name)\":["
            write(values.map { $0.isFinite ? "\($0)" : "null" }, to: &text)
        }
        return text + "]}"
    }

    private static func write(_ words: [String], to text: inout String) {
        for (index, word) in words.enumerated() {
            if index > 0 { text += "," }
            text += word
        }
    }
}
