import ArgumentParser
import Experiments
import Foundation
import Jobs
import Layout
import Runs

extension Worker {
    /// Estimates how much memory language-model runs take, for `orchestrator submit`.
    struct TellMemory: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tell-memory",
            abstract: "Estimate how much memory runs take.",
            discussion: #"""
                Reads lines on standard input, {"config": "…", "target": "…"}, both JSON texts as the state file holds
                them; prints a line for each: {"bytes": 100000000}, or {"error": "…"}.
                """#,
            shouldDisplay: false)

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let fetcher = LanguageFetcher(
                cache: try CacheFolder(environment: environment), environment: environment, threads: 1,
                say: { _ in }, show: { _ in }, isCancelled: { false })
            while let line = readLine() {
                print(try WorkerAnswer.line(Self.answer(line, fetcher)))
            }
        }

        private static func answer(_ line: String, _ fetcher: LanguageFetcher) -> WorkerAnswer.Memory {
            do {
                let spec = try StoredSpec(WorkerQuestion.Spec(parsing: line))
                return .init(bytes: try fetcher.memory(of: spec.config, training: spec.target))
            } catch {
                return .init(error: "\(error)")
            }
        }
    }
}
