import Artifacts
import Foundation
import JSON
import Jobs
import Layout
import Orchestration
import Store
import Synchronization

extension Routes {
    /// A page's request: typed text, or rows of the run's eval split.
    private struct TextWish: Decodable {
        let text: String?
        let first: Int?
        let count: Int?
    }

    private static let mostRows = 64
    private static let mostLetters = 20_000
    /// A login node has other users.
    private static let threads = 2

    /// Which subcomponents of a language model matter at which tokens: computed by the worker, one text at a time.
    func explain(_ id: RunID, _ ask: Ask) throws -> Reply {
        let wish: TextWish
        do { wish = try JSONDecoder().decode(TextWish.self, from: ask.body) } catch {
            return .failure(400, "expected {\"text\": …} or {\"first\": …, \"count\": …}")
        }
        guard (wish.text?.count ?? 0) <= Self.mostLetters else {
            return .failure(400, "a text may have at most \(Self.mostLetters) characters")
        }
        let state = try site.openState()
        let spec = try state.spec(of: id)
        let weights = try RunWeights(of: state.run(id))
        guard site.isComputing.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else {
            return .failure(429, "another text is being processed; try again in a moment")
        }
        defer { site.isComputing.store(false, ordering: .relaxed) }
        let question = WorkerQuestion.Explanation(
            config: spec.config, target: spec.target, targetFiles: spec.targetFiles, weights: weights.path,
            text: wish.text, first: wish.first, count: min(wish.count ?? 16, Self.mostRows))
        let file = site.scratchFile("question.json")
        let line = try JSONText.line(question)
        try storing { () throws(FileError) in try DurableFile.write(line, to: file, mode: 0o600, flush: .nothing) }
        var environment = site.environment
        environment["SPD_CACHE_DIR"] = site.cache.path
        let answer = try weights.explanation(file, threads: Self.threads, environment: environment)
        return Reply(type: "application/json; charset=utf-8", body: answer)
    }
}
