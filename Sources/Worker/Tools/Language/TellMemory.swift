import ArgumentParser
import Experiments
import Foundation
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

        private struct Question: Decodable {
            let config: String
            let target: String?
        }

        private struct Answer: Encodable {
            var bytes: Int?
            var error: String?
        }

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let fetcher = LanguageFetcher(
                cache: try CacheFolder(environment: environment), environment: environment, threads: 1,
                say: { _ in }, show: { _ in }, isCancelled: { false })
            while let line = readLine() {
                print(String(decoding: try JSONEncoder().encode(Self.answer(line, fetcher)), as: UTF8.self))
            }
        }

        private static func answer(_ line: String, _ fetcher: LanguageFetcher) -> Answer {
            do {
                let question = try JSONDecoder().decode(Question.self, from: Data(line.utf8))
                let config = try ExperimentConfig.load(yaml: question.config, source: "config")
                let target = try question.target.map { try TargetConfig.load(yaml: $0, source: "target") }
                return Answer(bytes: try fetcher.memory(of: config, training: target))
            } catch {
                return Answer(error: "\(error)")
            }
        }
    }
}
