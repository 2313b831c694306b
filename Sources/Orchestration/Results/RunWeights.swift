import Artifacts
package import Experiments
package import Foundation
import JSON
package import Metrics
package import Store

/// A finished decomposition's weights, and the worker that knows what they amount to.
///
/// The worker is asked because the numerics need OpenBLAS, which the orchestrator does without: it starts in
/// milliseconds and runs on login nodes.
package struct RunWeights {
    /// The file.
    package let path: String

    private static let patience = Duration.seconds(120)

    /// The latest weights of a run.
    ///
    /// - Throws: ``Failure/badInput(_:)`` where it has none yet.
    package init(of run: Run) throws(Failure) {
        guard let latest = try Self.files(of: run).last else {
            guard !run.status.isSettled else {
                let place =
                    run.attempt == 0
                    ? "it has not started"
                    : FolderListing.isMissing(run.folder.path)
                        ? "its folder \(run.folder.path) is gone" : "none are kept"
                throw .badInput("run \(run.id) has no weights (it is \(run.status.rawValue)): \(place)")
            }
            throw .badInput(
                "run \(run.id) has no weights yet (it is \(run.status.rawValue), step \(run.progress.step) of "
                    + "\(run.progress.steps)): model_<step>.safetensors appears at its end, or every save_freq steps")
        }
        self.init(path: latest.path)
    }

    /// What the command line names: a file of weights, a folder that holds some, or a run's name or its beginning.
    ///
    /// - Throws: `StoreError` for a run that does not exist; ``Failure``.
    package init(named name: String, in state: @autoclosure () async throws -> OpenStore) async throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) else {
            let store = try await state().store
            self = try RunWeights(of: store.run(store.run(startingWith: name.lowercased())))
            return
        }
        guard try !isFolder.boolValue || !Self.files(in: name).isEmpty else {
            throw Failure.badInput("\(name) holds no weights: expected model_<step>.safetensors or .pth")
        }
        self.init(path: isFolder.boolValue ? try (Self.files(in: name).last?.path ?? name) : name)
    }

    private init(path: String) { self.path = path }

    /// All weights that a run has kept, by step.
    package static func files(of run: Run) throws(Failure) -> [(step: Int, path: String)] {
        FileManager.default.fileExists(atPath: run.folder.path) ? try files(in: run.folder.path) : []
    }

    private static func files(in folder: String) throws(Failure) -> [(step: Int, path: String)] {
        try SizedFile.all(in: folder).map(\.name).compactMap { name in
            RunFolder.step(ofModel: name).map { ($0, folder + "/" + name) }
        }.sorted { $0.step < $1.step }
    }

    /// What the worker says about these weights, or about these and others: JSON text.
    package func report(and other: RunWeights? = nil, environment: [String: String]) throws(Failure) -> Data {
        try Self.ask(["weights", path] + (other.map { [$0.path] } ?? []), environment: environment)
    }

    /// Which subcomponents of these weights, a language model's, matter at which tokens: JSON text.
    ///
    /// - Parameters:
    ///   - question: A file that says which spec and text, as `worker explain` reads it.
    ///   - threads: Threads.
    ///   - environment: The worker's.
    /// - Returns: What the worker said.
    /// - Throws: ``Failure``, also where it takes longer than a minute.
    package func explanation(
        _ question: String, threads: Int, environment: [String: String]
    ) throws(Failure) -> Data {
        try Self.ask(
            ["explain", question, "--threads", String(threads)], patience: .seconds(60), environment: environment)
    }

    /// Asks the worker.
    ///
    /// - Parameters:
    ///   - arguments: The worker's command.
    ///   - patience: How long it may take.
    ///   - environment: The worker's.
    /// - Returns: What it said.
    /// - Throws: ``Failure`` with what was wrong, in the worker's words.
    static func ask(
        _ arguments: [String], patience: Duration = patience, environment: [String: String]
    ) throws(Failure) -> Data {
        let worker = try Program.worker(environment: environment)
        var process = ChildProcess(command: [worker] + arguments, environment: environment)
        process.outputLimit = 256 << 20
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) { answer = try process.run(patience: patience) } catch {
            throw .failed("\(worker) \(error)")
        }
        let said = answer.error.split(separator: "\n").map { line in
            line.hasPrefix("worker: ") ? line.dropFirst("worker: ".count) : line
        }
        guard answer.code == 0 else {
            let reason = said.joined(separator: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
            throw answer.code == 2 ? .badInput(reason) : .failed(reason.isEmpty ? "\(worker) failed" : reason)
        }
        // What it says besides, such as which runs it had to leave out.
        for line in said { printError(String(line)) }
        return Data(answer.output)
    }
}

extension RecoveryReport {
    /// Asks the worker how well a run has recovered its target's features.
    ///
    /// - Returns: nil for kinds of target whose weights do not tell, and for runs without weights.
    package static func told(
        of run: Run, _ config: ExperimentConfig, environment: [String: String]
    ) throws(Failure) -> RecoveryReport? {
        guard config.taskConfig.kind.hasRecovery, try !RunWeights.files(of: run).isEmpty else { return nil }
        let said = try RunWeights(of: run).report(environment: environment)
        do {
            let answer: Answer = try JSONText.decode(said)
            return answer.recovery
        } catch {
            throw .failed("the worker's answer cannot be read: \(error)")
        }
    }

    /// For people.
    package var lines: [String] {
        func text(_ value: Double) -> String { String(format: "%.4f", value) }
        return numbers.map { number in
            "  \(number.name): " + (number.mean.map(text) ?? "not a number")
                + (number.deviation.map { " ± " + text($0) } ?? "")
        } + ["  (\(note))"]
    }
}
