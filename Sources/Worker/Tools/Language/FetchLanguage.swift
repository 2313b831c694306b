import ArgumentParser
import Experiments
import Foundation
import Glibc
import Jobs
import Layout
import Runs

extension Worker {
    /// Finds or downloads the language models and texts of configs, for `orchestrator submit`.
    struct FetchLanguage: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fetch-language",
            abstract: "Find, download and tokenize the models and texts that configs name.",
            discussion: """
                Reads configs on standard input, one JSON text per line; prints a line for each: the file that says where
                everything is, or, as JSON, the key and the reason why it is not available. Progress goes to standard
                error.
                """,
            shouldDisplay: false)

        @Option(help: ArgumentHelp("Threads for tokenizing.", valueName: "count"))
        var threads: Int?

        @Flag(help: "Download and tokenize nothing; print what is missing or wrong, as JSON.")
        var check = false

        mutating func run() throws {
            StopRequest.listen()
            let parent = getppid()
            let environment = ProcessInfo.processInfo.environment
            let progress = ProgressLine()
            defer { progress.clear() }
            let fetcher = LanguageFetcher(
                cache: try CacheFolder(environment: environment), environment: environment,
                threads: threads ?? ProcessInfo.processInfo.activeProcessorCount, say: progress.say,
                show: progress.show,
                // A `submit` that was killed takes this along: nobody waits for an answer.
                isCancelled: { StopRequest.isMade || getppid() != parent })
            while let line = readLine() {
                let config: ExperimentConfig
                do {
                    config = try ExperimentConfig.load(yaml: line, source: "config")
                } catch {
                    throw RunError.invalid("\(error)")
                }
                if check {
                    let obstacle = fetcher.obstacle(in: config)
                    print(
                        try WorkerAnswer.line(WorkerAnswer.Obstacle(key: obstacle?.key, reason: obstacle?.reason)))
                    continue
                }
                do {
                    guard let path = try fetcher.fetch(config) else { throw ExitCode(130) }
                    print(path)
                } catch let error as RunError {
                    // The caller knows the file and line that the config's keys are from.
                    let (key, reason) = LanguageFetcher.keyAndReason(of: error)
                    print(try WorkerAnswer.line(WorkerAnswer.Obstacle(key: key, reason: reason)))
                    if case .invalid = error { throw ExitCode(2) }
                    throw ExitCode(1)
                }
            }
        }
    }
}
