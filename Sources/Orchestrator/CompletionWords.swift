import ArgumentParser
import Foundation
import Store

/// What the shell may complete an argument with, out of the state file.
enum CompletionWords {
    /// Numbers of jobs.
    static let jobs = CompletionKind.custom { _, _, _ in read { store in try jobs(store) } }
    /// Names of the latest jobs' runs.
    static let runs = CompletionKind.custom { _, _, _ in read { store in try runs(store) } }
    /// Either.
    static let jobsAndRuns = CompletionKind.custom { _, _, _ in read { store in try jobs(store) + runs(store) } }

    /// Runs of this many jobs are offered, the latest ones.
    private static let latest = 3

    private static func jobs(_ store: Store) throws -> [String] {
        try store.jobs().map { "\($0.job.id)" }.reversed()
    }

    private static func runs(_ store: Store) throws -> [String] {
        try store.jobs().suffix(latest).reversed().flatMap { summary in
            try store.snapshot(of: summary.job.id, runsAtMost: 500).runs.map(\.id.rawValue)
        }
    }

    /// A shell that is completing a word has no place for what is wrong with the state.
    private static func read(_ body: (Store) throws -> [String]) -> [String] {
        do {
            let cache = try CacheFolder(environment: ProcessInfo.processInfo.environment)
            return try Store.existing(cache).map(body) ?? []
        } catch {
            return []
        }
    }
}
