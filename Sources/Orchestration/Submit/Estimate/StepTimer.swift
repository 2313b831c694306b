package import Experiments
import Foundation
import Jobs

/// What a run's time is made of.
package struct RunCost: Equatable {
    /// The seconds of a step.
    package let step: Double
    /// The seconds of a set of figures.
    package var figures = 0.0
    /// The seconds that every run takes once.
    package var once = 0.0

    /// The seconds of a whole run.
    package func seconds(of config: ExperimentConfig) -> Double {
        step * Double(config.steps) + figures * Double(config.figureSets()) + once
    }
}

/// Lets the worker time steps and figures on this machine, for a moment.
package struct StepTimer {
    package let worker: String
    package let environment: [String: String]
    package let threads: Int

    /// The longest that the timing of one experiment may take.
    package var patience = Duration.seconds(3)
    /// How long each config is timed.
    private static let share = Duration.milliseconds(500)

    /// What the worker says about each config: its cost, or why it is not known.
    ///
    /// - Throws: ``Failure/interrupted`` on ^C.
    package func times(_ drafts: [SpecDraft]) throws(Failure) -> [Result<RunCost, Failure>] {
        let end = ContinuousClock.now + patience
        var answers: [Result<RunCost, Failure>] = []
        for draft in drafts {
            try Interruption.check()
            do throws(Failure) {
                answers.append(.success(try time(draft, until: end)))
            } catch {
                answers.append(.failure(error))
            }
        }
        try Interruption.check()
        return answers
    }

    private func time(_ draft: SpecDraft, until end: ContinuousClock.Instant) throws(Failure) -> RunCost {
        let variables = LocalAgents.threadVariables(threads).map { ($0.name, $0.value) }
        let process = ChildProcess(
            command: [
                worker, "time-steps", "--threads", String(threads), "--milliseconds",
                String(Int(Self.share / .milliseconds(1))), try WorkerQuestion.Spec(draft).line,
            ], environment: environment.merging(variables) { $1 })
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) {
            answer = try process.run(patience: max(.zero, end - .now))
        } catch {
            guard case .timedOut = error else { throw .failed("\(worker) \(error)") }
            throw .failed("a step could not be timed within \(StatusText.time(patience))")
        }
        let reply: WorkerAnswer.Timing
        do { reply = try WorkerAnswer.read(answer.text) } catch {
            throw .failed("this worker cannot time steps")
        }
        guard let seconds = reply.secondsPerStep else {
            throw .failed(reply.error ?? "the worker could not time a step")
        }
        return RunCost(step: seconds, figures: reply.secondsPerFigures ?? 0, once: reply.secondsPerRun ?? 0)
    }
}

extension WorkerQuestion.Spec {
    /// Asks about a spec, with its config as it is or as it will be stored.
    init(_ draft: SpecDraft, config: ExperimentConfig? = nil) {
        self.init(config: (config ?? draft.config).json(), target: draft.target?.canonicalJSON())
    }

    /// The question as the worker reads it.
    var line: String {
        get throws(Failure) {
            do { return try text } catch { throw .failed("\(error)") }
        }
    }
}
