import Artifacts
package import Experiments
import Foundation
import Jobs
package import Store

/// Observers run once at submit, on dummy tensors: a mistake costs seconds, not a night.
package struct ObserverTrials {
    /// A spec whose observers are tried.
    package struct Case {
        package let draft: SpecDraft
        /// Its config with the observers' digests.
        package let config: ExperimentConfig
    }

    package let worker: String
    package let environment: [String: String]

    /// Tries each case's observers.
    ///
    /// - Parameters:
    ///   - cases: The specs.
    ///   - bundles: The observers' files.
    ///   - cache: Where models are.
    /// - Returns: A line for people about each observer.
    /// - Throws: What is wrong with them.
    package func run(
        _ cases: [Case], bundles: [ObserverBundle], cache: CacheFolder
    ) throws(Failure) -> [String] {
        guard !cases.isEmpty else { return [] }
        let folder = FileManager.default.temporaryDirectory.path + "/spd-observers-\(UUID().uuidString.prefix(8))"
        defer { FileRemoval.discard(folder) }
        do throws(FileError) {
            for bundle in bundles { try bundle.write(below: folder) }
        } catch {
            throw .failed("\(error)")
        }
        var lines: [String] = []
        var problems: [String] = []
        for trial in cases {
            try Interruption.check()
            for answer in try ask(trial, folder, cache) {
                if let error = answer.error {
                    problems.append(trial.draft.problem("observers", error, isReported: true))
                } else {
                    let metrics =
                        answer.metrics.isEmpty ? "no metrics" : answer.metrics.prefix(6).joined(separator: ", ")
                    let more = answer.metrics.count > 6 ? " and \(answer.metrics.count - 6) more" : ""
                    let time = String(format: "%.1f s", answer.seconds)
                    lines.append(
                        "observer \(answer.observer) was tried with \(trial.draft.experiment)'s shapes: \(metrics)\(more), in \(time)"
                    )
                }
            }
        }
        guard problems.isEmpty else { throw .badInput(problems.joined(separator: "\n")) }
        return lines
    }

    private func ask(
        _ trial: Case, _ folder: String, _ cache: CacheFolder
    ) throws(Failure) -> [WorkerAnswer.ObserverTrial] {
        let question = try WorkerQuestion.Spec(trial.draft, config: trial.config).line
        let process = ChildProcess(
            command: [worker, "try-observers", "--observers", folder, question],
            environment: environment.merging([CacheFolder.variable: cache.path]) { $1 })
        let patience = trial.config.observers.reduce(20) { $0 + max(60, $1.timeout) + $1.timeout }
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) {
            answer = try process.run(patience: .seconds(patience))
        } catch {
            throw .failed("\(worker) \(error)")
        }
        guard answer.code == 0 else {
            throw .badInput(
                trial.draft.problem(
                    "observers", answer.error.split(separator: "\n").last.map(String.init) ?? "cannot be tried",
                    isReported: true))
        }
        do {
            return try answer.text.split(separator: "\n").map { try WorkerAnswer.read($0) }
        } catch {
            throw .failed("this worker cannot try observers: \(error)")
        }
    }
}

extension Submission {
    /// Tries the observers that specs name, once for each experiment.
    ///
    /// - Throws: What is wrong with them.
    package func tryObservers() throws(Failure) {
        guard !plan.observerTrials.isEmpty else { return }
        let trials = ObserverTrials(worker: try Program.worker(environment: environment), environment: environment)
        for line in try trials.run(plan.observerTrials, bundles: plan.observers, cache: cache) { printError(line) }
    }
}
