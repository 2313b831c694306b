import Artifacts
import Experiments
import Foundation
import JSON
import Jobs
package import Store

/// One spec that is trained in the foreground, without a job, to look at what it does.
package struct ForegroundTrial {
    /// The spec.
    package let spec: NewSpec
    /// Where its files go.
    package let folder: String
    /// Its observers' files.
    private let observers: [ObserverBundle]

    /// The trial of an experiment.
    ///
    /// - Parameters:
    ///   - experiment: Its name or file.
    ///   - settings: Values for keys of its config, `key=value` each.
    ///   - folder: Where its files go; nil for a new folder below the cache's `trials`.
    ///   - cache: The cache, whose targets it shares.
    ///   - environment: The worker's.
    /// - Throws: ``Failure`` with what is wrong with the experiment or a setting.
    package init(
        of experiment: String, settings: [String], into folder: String?, cache: CacheFolder,
        environment: [String: String]
    ) throws(Failure) {
        let secrets = Secrets(environment)
        try SweepPlan.refuse(secrets, experiments: [experiment], sweep: nil, settings: settings)
        let plan = try SweepPlan(
            experiments: [experiment], sweep: nil, settings: settings, project: nil, runs: cache.runs)
        try plan.refuse(secrets)
        guard let draft = plan.drafts.first, plan.specs.count == 1 else {
            throw .badInput("'\(experiment)' names \(plan.specs.count) experiments; expected one")
        }
        try RemoteTargets(cache: cache, environment: environment).fetch(plan.remoteTargets)
        try plan.checkDownloads(in: cache.runs)
        let worker = try Program.worker(environment: environment)
        var targets = TargetCopies(in: cache)
        let specs = try LanguageModels(worker: worker, cache: cache, environment: environment)
            .taking(TextCopies(in: cache).taking(try targets.taking(plan.specs), of: [draft]), of: [draft])
        spec = specs[0]
        observers = plan.observers
        if !plan.observerTrials.isEmpty {
            let trials = ObserverTrials(worker: worker, environment: environment)
            for line in try trials.run(plan.observerTrials, bundles: observers, cache: cache) { printError(line) }
        }
        self.folder = Self.folder(folder, in: cache)
    }

    /// The trial of a spec that a job has, or had.
    ///
    /// - Parameters:
    ///   - spec: The spec.
    ///   - settings: Values for keys of its config, `key=value` each.
    ///   - job: The job's folder, which has its observers' files.
    ///   - folder: Where its files go; nil for a new folder below the cache's `trials`.
    ///   - cache: The cache.
    /// - Throws: ``Failure`` with what is wrong with a setting.
    package init(
        of spec: Spec, settings: [String], of job: JobFolder, into folder: String?, cache: CacheFolder
    ) throws(Failure) {
        do {
            var config = try ExperimentConfig.load(yaml: spec.config, source: "the spec of run \(spec.run)")
            for pair in settings {
                let (path, value) = try SweepFile.pair(pair)
                config = try config.setting(path, to: value)
            }
            observers = try Self.observers(of: config, job)
            if !observers.isEmpty { config = config.settingObservers(observers.map(\.digest)) }
            self.spec = NewSpec(
                experiment: spec.experiment, config: config.json(), overrides: spec.overrides, target: spec.target,
                targetFiles: spec.targetFiles, steps: config.steps)
        } catch let error as ConfigError {
            throw Failure(error)
        } catch let error as Failure {
            throw error
        } catch { throw .failed("\(error)") }
        self.folder = Self.folder(folder, in: cache)
    }

    /// A config's observers: as their job has copied them, or named again by a setting.
    private static func observers(of config: ExperimentConfig, _ job: JobFolder) throws(Failure) -> [ObserverBundle] {
        var (files, bundles): (ObserverFiles, [ObserverBundle]) = (ObserverFiles(), [])
        for observer in config.observers {
            do throws(ObserverFiles.Trouble) {
                bundles.append(
                    try observer.digest == nil
                        ? files.bundle(observer, relativeTo: "") : ObserverBundle(observer, copiedInto: job.observers))
            } catch { throw .badInput("observers: \(error.reason)") }
        }
        return bundles
    }

    private static func folder(_ folder: String?, in cache: CacheFolder) -> String {
        if let folder { return URL(filePath: folder).path }
        var generator = SystemRandomNumberGenerator()
        return cache.folder(ofTrial: RunID.random(using: &generator)).path
    }

    /// Makes this process the worker that trains it; returns only if that can't be done.
    ///
    /// - Parameters:
    ///   - threads: Threads; nil for all cores.
    ///   - isTracked: Whether W&B gets to know of it.
    ///   - cache: The cache.
    ///   - environment: The worker's.
    /// - Returns: Never.
    /// - Throws: ``Failure`` with what keeps it from being started; for a folder that holds another run.
    package func perform(
        threads: Int?, isTracked: Bool, cache: CacheFolder, environment: [String: String]
    ) throws(Failure) -> Never {
        let worker = try Program.worker(environment: environment)
        let place = RunFolder(path: folder)
        let file = place.spec
        do {
            try write(try text(), to: file)
            for bundle in observers { try bundle.write(below: place.observers) }
        } catch { throw Failure(error) }
        var arguments = [worker, "run-alone", file]
        if let threads { arguments += ["--threads", String(threads)] }
        if isTracked { arguments.append("--wandb") }
        setenv("SPD_CACHE_DIR", cache.path, 1)
        for (name, value) in LocalAgents.threadVariables(threads ?? LocalAgents.cores) { setenv(name, value, 1) }
        signal(SIGINT, SIG_DFL)
        signal(SIGTERM, SIG_DFL)
        // Threads that tasks run on take no signals, and what a thread blocks stays blocked in the program it becomes.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        var pointers = arguments.map { strdup($0) } + [nil]
        execv(worker, &pointers)
        throw .failed("\(worker) cannot be started: \(String(cString: strerror(errno)))")
    }

    /// Writes the spec into its folder, unless it is there already.
    private func write(_ text: String, to file: String) throws {
        try DurableFile.createFolder(folder)
        if try FolderListing.holds(file) {
            let present = String(decoding: try DurableFile.read(file, limit: 1 << 24), as: UTF8.self)
            guard present == text else {
                throw Failure.badInput("\(folder) holds a run of another spec; --out names a folder for this one")
            }
            guard try !FolderListing.holds(RunFolder(path: folder).model(step: spec.steps)) else {
                throw Failure.badInput("\(folder) holds this run, and it is done; --out names another folder")
            }
        } else {
            guard try FolderListing.names(in: folder).isEmpty else {
                throw Failure.badInput("\(folder) is not empty, and not a run's; --out must name a new folder")
            }
            try DurableFile.write(text, to: file)
        }
    }

    /// The spec as the worker reads it.
    private func text() throws(Failure) -> String {
        let file = WorkerQuestion.TrialSpec(
            run: URL(filePath: folder).lastPathComponent, experiment: spec.experiment, config: spec.config,
            target: spec.target, targetFiles: spec.targetFiles, folder: folder)
        do { return try JSONText.encode(file) } catch { throw .failed("the spec cannot be written: \(error)") }
    }
}
