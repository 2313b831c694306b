package import Experiments
import Foundation
import JSON

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
                String(Int(Self.share / .milliseconds(1))), Self.question(draft),
            ], environment: environment.merging(variables) { $1 })
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) {
            answer = try process.run(patience: max(.zero, end - .now))
        } catch {
            guard case .timedOut = error else { throw .failed("\(worker) \(error)") }
            throw .failed("a step could not be timed within \(StatusText.time(patience))")
        }
        struct Reply: Decodable {
            let secondsPerStep: Double?
            let secondsPerFigures: Double?
            let secondsPerRun: Double?
            let error: String?
        }
        let reply: Reply
        do { reply = try JSONText.decode(Data(answer.output)) } catch {
            throw .failed("this worker cannot time steps")
        }
        guard let seconds = reply.secondsPerStep else {
            throw .failed(reply.error ?? "the worker could not time a step")
        }
        return RunCost(step: seconds, figures: reply.secondsPerFigures ?? 0, once: reply.secondsPerRun ?? 0)
    }

    /// A spec as the worker reads it: its config and how its target is trained.
    static func question(_ draft: SpecDraft) -> String {
        var entries = [ConfigValue.Entry("config", .string(draft.config.json()))]
        if let target = draft.target { entries.append(.init("target", .string(target.canonicalJSON()))) }
        return ConfigValue.map(entries).json
    }
}
