import Artifacts
import Experiments
import Foundation
import JSON
import Kernels
import UserMetrics

/// One observer of a run: its process, started when it is first needed, once more after a fault, and then not any more.
final class Observer {
    let config: ObserverConfig
    private let setup: ObserverProcess.Setup
    private let hello: JSONValue
    private let log: String
    private let say: (String) -> Void
    private let isTrial: Bool
    private var process: ObserverProcess?
    private var faults = 0
    private var told: Set<String> = []

    /// Starting may take this long at least: interpreters import a lot over slow networks.
    private static let startLimit = 60.0
    /// After this many faults it is off.
    private static let faultLimit = 2

    /// Prepares an observer; nothing is started yet.
    ///
    /// - Parameters:
    ///   - config: What it is.
    ///   - setup: How it is started.
    ///   - hello: The first message to it.
    ///   - isTrial: Whether it is only tried; then nothing more is said than what is wrong.
    ///   - say: Hears lines for people.
    init(
        _ config: ObserverConfig, setup: ObserverProcess.Setup, hello: JSONValue, isTrial: Bool = false,
        say: @escaping (String) -> Void
    ) {
        self.config = config
        self.isTrial = isTrial
        self.setup = setup
        self.hello = hello
        log = "\(setup.folder)/\(config.name).log"
        self.say = { say("observer \(config.name): \($0.printable)") }
    }

    /// Whether it is not asked any more.
    var isOff: Bool { faults >= Self.faultLimit }

    /// Says a line once.
    func sayOnce(_ key: String, _ text: String) {
        if told.insert(key).inserted { say(text) }
    }

    /// Asks about a step.
    ///
    /// - Parameters:
    ///   - step: The step.
    ///   - tensors: The file of its tensors.
    ///   - figures: Whether pictures are due.
    ///   - goesOn: Asked every now and then.
    /// - Returns: The answer; nil if there is none, which was said.
    func ask(step: Int, tensors: String, figures: Bool, goesOn: () -> Bool) -> JSONValue? {
        let question: JSONValue = [
            "step": .number(step), "tensors": .string(tensors), "figures": .bool(figures),
        ]
        do throws(ObserverTrouble) {
            let process = try running(goesOn)
            try process.expectSilence()
            let answer = try process.ask(question, within: .seconds(config.timeout), goesOn: goesOn)
            if let told = answer["step"], told.integer != step {
                throw ObserverTrouble(description: "gave an answer for step \(told.text.prefix(20))")
            }
            return answer
        } catch {
            var trouble = error
            // SLURM's signals reach it as well as the run.
            if !goesOn() { trouble.isStop = true }
            note(trouble, at: step)
            return nil
        }
    }

    private func running(_ goesOn: () -> Bool) throws(ObserverTrouble) -> ObserverProcess {
        if let process { return process }
        let process = try ObserverProcess(setup, log: log)
        if let trouble = process.logTrouble { sayOnce("log", "its log is not kept: \(trouble)") }
        self.process = process
        let answer = try process.ask(hello, within: .seconds(max(config.timeout, Self.startLimit)), goesOn: goesOn)
        guard case .bool(true)? = answer["ready"] else {
            throw ObserverTrouble(description: "expected {\"ready\": true} first, found \(answer.text.prefix(80))")
        }
        let given = config.needs.map(\.rawValue)
        if let other = answer["needs"]?.elements?.compactMap(\.string).first(where: { !given.contains($0) }) {
            throw ObserverTrouble(
                description: "needs \(other), and its config names \(given.joined(separator: ", ")): add it to 'needs'")
        }
        return process
    }

    private func note(_ trouble: ObserverTrouble, at step: Int) {
        let words = process?.lastWords ?? ""
        process?.kill()
        process = nil
        let reason = "\(trouble)" + (words.isEmpty ? "" : " (\(words))")
        if isTrial { return say(reason) }
        if trouble.isStop { return say("\(trouble) at step \(step); it is not asked about this step again") }
        faults += 1
        let fate = isOff ? "it is off for the rest of this attempt" : "it is started again"
        say("\(reason) at step \(step); \(fate); the run goes on")
    }

    /// Lets the process end.
    func finish() {
        process?.finish()
        process = nil
    }

    /// The first message to an observer.
    static func hello(_ config: ExperimentConfig, run: String, _ scope: Scope) -> JSONValue {
        let modules = scope.modules.map { module in
            JSONValue.Member(
                module.name,
                [
                    "C": .number(module.u[0]), "d_in": .number(module.v[0]), "d_out": .number(module.u[1]),
                ])
        }
        // A config is JSON.
        let settings = (try? JSONValue(parsing: config.json())) ?? .null
        return ["protocol": .number(1), "run": .string(run), "config": settings, "modules": .object(modules)]
    }
}
