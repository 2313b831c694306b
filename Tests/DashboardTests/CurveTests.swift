import Foundation
import Layout
import Testing

@testable import Dashboard

struct CurveTests {
    private func row(_ step: Int, _ value: String) -> String {
        "{\"misc/step\":\(step),\"loss/total\":\(value),\"loss/x\":7}\n"
    }

    @Test func aGrowingFileIsReadOnFromWhereItEnded() throws {
        let scene = try Scene(runs: 1)
        let (run, cache) = (scene.runs[0], CurveCache())
        let folder = scene.cache.folder(of: run)
        #expect(try cache.curve("loss/total", of: run, in: folder).steps.isEmpty, "no file yet")
        try scene.append(row(0, "0.5") + row(10, "NaN") + "{\"misc/step\":20,\"loss/to", to: run)
        #expect(try cache.curve("loss/total", of: run, in: folder).steps == [0, 10])
        try scene.append("tal\":0.25,\"loss/x\":7}\n", to: run)
        let curve = try cache.curve("loss/total", of: run, in: folder)
        #expect(curve.steps == [0, 10, 20])
        #expect(curve.values[0] == 0.5 && curve.values[1].isNaN && curve.values[2] == 0.25)
        #expect(try cache.curve("loss/x", of: run, in: folder).values == [7, 7, 7])
        #expect(try cache.curve("loss/none", of: run, in: folder).steps.isEmpty)

        // An attempt that goes on from a checkpoint begins another file of that name.
        try FileManager.default.removeItem(atPath: folder.metrics)
        try scene.append(row(0, "0.5") + row(5, "0.125"), to: run)
        #expect(try cache.curve("loss/total", of: run, in: folder).steps == [0, 5])
    }

    @Test func whatIsKeptStaysWithinItsLimit() throws {
        let scene = try Scene(runs: 3)
        let cache = CurveCache(limit: 3000)
        for run in scene.runs { try scene.append((0..<100).map { row($0, "1") }.joined(), to: run) }
        for _ in 0..<2 {
            for run in scene.runs {
                #expect(try cache.curve("loss/total", of: run, in: scene.cache.folder(of: run)).steps.count == 100)
            }
        }
    }

    @Test func thinningKeepsWhatStandsOut() {
        var curve = Curve()
        for step in 0..<1_000_000 {
            curve.steps.append(Int32(step))
            curve.values.append(step == 123_456 ? 9 : step == 700_001 ? -9 : Double(step % 7) / 10)
        }
        let thinned = Thinning(curve, columns: 400, isLogarithmic: false)
        #expect(thinned.steps.count == 400)
        #expect(thinned.highs.max() == 9 && thinned.lows.min() == -9)
        #expect(thinned.means.allSatisfy { abs($0 - 0.3) < 0.02 })
        let logarithmic = Thinning(curve, columns: 400, isLogarithmic: true)
        #expect(logarithmic.steps.count <= 400 && logarithmic.highs.max() == 9)
        #expect(logarithmic.steps.prefix(10).contains(5), "early steps keep columns of their own")
        let short = Thinning(Curve(steps: [0, 5], values: [1, 2]), columns: 400, isLogarithmic: false)
        #expect(short.steps == [0, 5] && short.lows.isEmpty)
    }

    @Test func aCloserLookSendsTheRowsOfThoseStepsAlone() async throws {
        let scene = try Scene(runs: 1)
        let run = scene.runs[0]
        try scene.append((0..<5000).map { row($0, "\($0)") }.joined(), to: run)
        try await scene.serving { client in
            func steps(_ range: String) throws -> [Int] {
                let body = "{\"runs\":[\"\(run)\"],\"metric\":\"loss/total\",\"columns\":20\(range)}"
                let answer = try client.ask("/api/curves", method: "POST", body: body)
                let text = try #require(answer.body.components(separatedBy: "\"steps\":[").last)
                return text.prefix { $0 != "]" }.split(separator: ",").compactMap { Int($0) }
            }
            let whole = try steps("")
            #expect(whole.count == 20)
            let near = try steps(",\"from\":99.5,\"to\":110")
            #expect(near == Array(99...111), "one row more on either side")
            let long = try steps(",\"from\":1000,\"to\":3000")
            #expect(long.count == 20)
            let last = try steps(",\"from\":4998")
            #expect(last == [4997, 4998, 4999])
            let between = try steps(",\"from\":100.25,\"to\":100.75")
            #expect(between == [100, 101], "between two rows")
            let beyond = try steps(",\"from\":6000,\"to\":7000")
            #expect(beyond.isEmpty)
            let backwards = try steps(",\"from\":20,\"to\":10")
            #expect(backwards.isEmpty)
        }
    }
}
