import Foundation
import Jobs
package import Layout
package import Orchestration
import Slurm
package import Store
import Synchronization

/// What the page shows: a cache folder, read-only.
package final class Site: Sendable {
    package let cache: CacheFolder
    package let environment: [String: String]
    /// A folder of this server's own, in which it keeps what must not be asked for all the time.
    private let scratch: String
    private let store = Mutex<Store?>(nil)
    let curves = CurveCache()
    /// Whether the worker computes something for a page.
    let isComputing = Atomic(false)
    let reports = Recent<JobID, Reply>(seconds: 2)
    let analyses = Recent<JobID, Reply>(seconds: 10)

    /// Looks at a cache folder.
    ///
    /// - Throws: ``Failure``, if no folder for scratch files can be made.
    package init(cache: CacheFolder, environment: [String: String]) throws(Failure) {
        self.cache = cache
        self.environment = environment
        var template = Array((NSTemporaryDirectory() + "/spd-ui-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .failed("cannot make a folder in \(NSTemporaryDirectory()): \(String(cString: strerror(errno)))")
        }
        scratch = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }

    deinit { removeScratch() }

    /// A file in a folder that only this user can look into.
    package func scratchFile(_ name: String) -> String { scratch + "/" + name }

    /// Takes away what the server kept for itself.
    package func removeScratch() { try? FileManager.default.removeItem(atPath: scratch) }

    /// The state; nil while nothing was ever submitted.
    package func state() throws(StoreError) -> Store? {
        if let open = store.withLock({ $0 }) { return open }
        let opened = try Store.existing(cache, for: .watching)
        store.withLock { $0 = opened }
        return opened
    }

    /// The state, which must exist.
    func openState() throws -> Store {
        guard let state = try state() else { throw Failure.badInput("nothing was ever submitted to \(cache.path)") }
        return state
    }

    /// Asks SLURM at most once a minute, and keeps the answer to itself.
    func agents(_ state: Store) -> AgentsWatch {
        let slurm = SlurmCommands(environment: environment)
        return AgentsWatch(
            queue: QueueCache(cache: cache, slurm: slurm, file: scratchFile("squeue.json")), slurm: slurm, store: state)
    }
}
