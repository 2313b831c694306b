import Artifacts
import Experiments
import Foundation
import JSON
import Jobs
package import Store

/// A finished run's observers, asked afterwards on this machine.
package struct RunObservation {
    /// An observer that the user names in place of the run's own.
    package struct Asked {
        package var path: String
        package var needs: [String]
        package var timeout: Double?

        package init(path: String, needs: [String], timeout: Double?) {
            (self.path, self.needs, self.timeout) = (path, needs, timeout)
        }
    }

    private let run: Run
    private let spec: Spec
    private let config: ExperimentConfig
    private let bundles: [ObserverBundle]
    private let jobObservers: String
    private let environment: [String: String]

    /// Finds a run's config, with its own observers or another.
    ///
    /// - Parameters:
    ///   - run: The run.
    ///   - program: The observer to ask; nil for the run's own.
    ///   - store: Where the run is.
    ///   - environment: The worker's.
    /// - Throws: What is wrong with the program.
    package init(
        of run: Run, asking program: Asked?, in store: Store, environment: [String: String]
    ) throws(Failure) {
        self.run = run
        self.environment = environment
        do {
            spec = try store.spec(of: run.id)
            jobObservers = try store.job(run.job).folder.observers
        } catch { throw Failure(error) }
        var config: ExperimentConfig
        do { config = try ExperimentConfig.load(yaml: spec.config, source: "the spec of run \(spec.run)") } catch {
            throw Failure(error)
        }
        var files = ObserverFiles()
        if let program {
            var entries = [ConfigValue.Entry("run", .string(program.path))]
            if !program.needs.isEmpty { entries.append(.init("needs", .list(program.needs.map(ConfigValue.string)))) }
            if let timeout = program.timeout { entries.append(.init("timeout", .number(timeout))) }
            do { config = try config.setting("observers", to: .list([.map(entries)])) } catch { throw Failure(error) }
            do throws(ObserverFiles.Trouble) {
                let digests = [try files.bundle(config.observers[0], relativeTo: "").digest]
                config = config.settingObservers(digests)
            } catch { throw .badInput(error.reason) }
        }
        self.config = config
        bundles = files.bundles
        let secrets = Secrets(environment)
        for bundle in bundles { try bundle.refuse(secrets) }
    }

    /// Asks, and prints a line of JSON for each step.
    ///
    /// - Parameters:
    ///   - steps: The steps; all whose weights were kept if empty.
    ///   - out: The folder in which observers work and their answers are kept.
    ///   - cache: The cache.
    /// - Throws: ``Failure`` in the worker's words.
    package func perform(steps: [Int], out: String, cache: CacheFolder) throws(Failure) {
        let out = URL(filePath: out).path
        let copies = bundles.isEmpty ? jobObservers : out + "/observers"
        let file = out + "/question.json"
        do throws(FileError) {
            try DurableFile.createFolder(out)
            for bundle in bundles { try bundle.write(below: copies) }
            try DurableFile.write(try question(steps, out, copies), to: file)
        } catch { throw .failed("\(error)") }
        let command = [try Program.worker(environment: environment), "observe-steps", file]
        let variables = environment.merging([CacheFolder.variable: cache.path]) { $1 }
        let status: Int32
        do throws(Spawn.Reason) {
            status = try ForegroundProcess(command, environment: variables).run().status
        } catch { throw .failed("the worker cannot be started: \(error)") }
        guard status == 0 else {
            throw status == 2
                ? .badInput("run \(run.id) was not observed") : .failed("run \(run.id) was not fully observed")
        }
    }

    private func question(_ steps: [Int], _ out: String, _ copies: String) throws(FileError) -> String {
        let trial = WorkerQuestion.TrialSpec(
            run: run.id.rawValue, experiment: run.experiment, config: config.json(), target: spec.target,
            targetFiles: spec.targetFiles, folder: run.folder.path)
        do {
            return try JSONText.encode(
                WorkerQuestion.Observation(run: trial, out: out, observers: copies, steps: steps))
        } catch { throw FileError(.write, out, reason: "\(error)") }
    }
}
