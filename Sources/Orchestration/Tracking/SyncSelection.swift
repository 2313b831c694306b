import Foundation
package import Store
package import WandB

/// Which runs a sync is for.
package struct SyncSelection {
    private var jobs: [JobID] = []
    private var runs: Set<RunID> = []
    private var runJobs: Set<JobID> = []
    private let cache: CacheFolder

    /// Looks the names up; none means everything.
    package init(_ names: [String], in store: Store, cache: CacheFolder) throws {
        self.cache = cache
        for name in names {
            switch Reference(name) {
            case .job(let id):
                if !jobs.contains(id) { jobs.append(try store.job(id).id) }
            case .run(let prefix):
                let run = try store.run(store.run(startingWith: prefix))
                runs.insert(run.id)
                runJobs.insert(run.job)
            case .agent:
                throw Failure.badInput("'\(name)' is an agent; what can be sent are jobs and runs")
            }
        }
    }

    /// The runs' current states.
    package func current(in store: Store) throws(StoreError) -> [RelayedRun] {
        let now = Date().timeIntervalSince1970
        var places: [RunPlace] = []
        if jobs.isEmpty, runs.isEmpty { places = try store.places() }
        for job in jobs { places += try store.places(of: job) }
        for job in runJobs.subtracting(jobs).sorted(by: { $0.rawValue < $1.rawValue }) {
            places += try store.places(of: job).filter { runs.contains($0.id) }
        }
        return places.map { RelayedRun($0, now: now, offlineFolders: cache.wandb) }
    }
}

extension RelayedRun {
    /// A run as the state has it; a cancelled one ends like one that was stopped.
    package init(_ place: RunPlace, now: Double, offlineFolders: String) {
        let exitCode: Int32? =
            switch place.status {
            case .pending, .running: nil
            case .done, .stopped: 0
            case .failed: 1
            case .cancelled: 255
            }
        self.init(
            id: place.id.rawValue, folder: place.folder.spool, hasBegun: place.hasBegun,
            end: exitCode.map { End(exitCode: $0, age: place.ended.map { now - $0.rawValue } ?? 0) },
            offlineFolders: offlineFolders)
    }
}

/// The server and the key that a sync sends with.
package struct SyncAccess {
    package let settings: WandBSettings
    package let key: APIKey

    /// Reads W&B's settings; that runs were to stay offline is no reason not to send them now.
    package init(environment: [String: String]) throws(Failure) {
        do throws(WandBSettingsError) {
            settings = try WandBSettings.read(
                environment: Self.online(environment), workingDirectory: FileManager.default.currentDirectoryPath,
                homeDirectory: environment["HOME"])
        } catch {
            throw .badInput("\(error)")
        }
        for notice in settings.notices { printError("W&B: \(notice)") }
        guard let key = settings.apiKey else {
            throw .badInput(Self.explain(nil, environment: environment) ?? "there is no W&B API key; set WANDB_API_KEY")
        }
        self.key = key
    }

    /// What is wrong with the server or the key, and what to do about it.
    package static func explain(_ reason: String?, environment: [String: String]) -> String? {
        let remarks = WandBCheck.remarks(
            environment: online(environment), workingDirectory: FileManager.default.currentDirectoryPath,
            homeDirectory: environment["HOME"])
        // Notes on the settings, other than on the key, are no reason.
        let remark = remarks.first { $0.severity == .problem || ($0.severity == .note && $0.subject == "key") }
        guard let remark else { return reason }
        return remark.message + (remark.advice.map { "; \($0)" } ?? "")
    }

    private static func online(_ environment: [String: String]) -> [String: String] {
        environment.merging(["WANDB_MODE": "online"]) { $1 }
    }
}
