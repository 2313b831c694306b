import Foundation
package import Store
package import WandB

/// One sync from its first look at the folders to the summary.
package struct SyncSession {
    package let relay: Relay
    package let selection: SyncSelection
    package let store: Store
    package let isLive: Bool
    package let perMinute: Int
    /// Finds out what is wrong with the server or the key.
    package let explain: (String) -> String?
    package var view: SyncView?

    /// How often to query the state for finished runs.
    package let renewal: Duration

    package init(
        relay: Relay, selection: SyncSelection, store: Store, isLive: Bool, perMinute: Int,
        explain: @escaping (String) -> String?, view: SyncView? = nil, renewal: Duration
    ) {
        self.relay = relay
        self.selection = selection
        self.store = store
        self.isLive = isLive
        self.perMinute = perMinute
        self.explain = explain
        self.view = view
        self.renewal = renewal
    }

    private static let pause: Duration = .milliseconds(100)
    private static let pulse: Duration = .seconds(5)

    /// Sends until all is sent, nothing can be, or ^C.
    package func run() async throws -> SyncSummary {
        var view = view
        let started = ContinuousClock.now
        var runs = try selection.current(in: store)
        var (renewed, pulsed) = (started, started)
        relay.take(runs)
        relay.start()
        defer { relay.stop() }
        var trouble: String?
        var sentBefore: Set<String>?
        var door = Door(isLive: isLive)
        var failure: String?
        while true {
            try await Task.sleep(for: Self.pause)
            let now = ContinuousClock.now
            if now - pulsed >= Self.pulse {
                try relay.pulse()
                pulsed = now
            }
            let progress = relay.progress
            if sentBefore == nil, progress.hasLooked {
                sentBefore = Set(progress.standings.filter { $0.value == .sent }.keys)
            }
            if Interruption.isRequested { break }
            if isLive, now - renewed >= renewal {
                renewed = now
                // What is known about the runs stays good enough while the state is out of reach.
                do throws(StoreError) {
                    runs = try selection.current(in: store)
                    relay.take(runs)
                    trouble = nil
                } catch { trouble = error.description }
            }
            let isOver = Self.isOver(runs, progress, isLive: isLive)
            view?.show(progress, of: runs.count, perMinute: perMinute, trouble: door.trouble ?? trouble)
            if isOver { break }
            if progress.hasLooked, !door.isOpen, progress.requestsLeft > 0 {
                if let reason = door.knock(relay) {
                    failure = explain(reason) ?? reason
                    break
                }
            }
            if let reason = relay.hopelessness(progress) {
                failure = explain(reason) ?? reason
                break
            }
        }
        relay.stop()
        view?.clear()
        note(relay.progress, runs)
        return SyncSummary(
            runs: runs, progress: relay.progress, sentBefore: sentBefore ?? [], failure: failure,
            took: ContinuousClock.now - started, isInterrupted: Interruption.isRequested)
    }

    /// Lets `status` know what W&B has.
    private func note(_ progress: RelayProgress, _ runs: [RelayedRun]) {
        var (sent, unsent): ([RunID], [RunID]) = ([], [])
        for run in runs where run.end != nil {
            guard let id = RunID(rawValue: run.id) else { continue }
            switch progress.standings[run.id] {
            case .sent: sent.append(id)
            case .sending, .troubled, .failed, .waiting: if progress.hasLooked { unsent.append(id) }
            case .upToDate, .untracked, .elsewhere, nil: continue
            }
        }
        do throws(StoreError) {
            try store.note(sent, areUnsent: false)
            try store.note(unsent, areUnsent: true)
        } catch {
            printError("could not record what was sent: \(error)")
        }
    }

    private static func isOver(_ runs: [RelayedRun], _ progress: RelayProgress, isLive: Bool) -> Bool {
        guard progress.hasLooked else { return false }
        return runs.allSatisfy { run in
            switch progress.standings[run.id] {
            case .failed: true
            // A run may be taken up again.
            case .sent: !isLive || run.end != nil
            case .untracked: !isLive || run.end != nil
            case .upToDate, .elsewhere: !isLive
            case .waiting, .sending, .troubled, nil: false
            }
        }
    }

    /// The first contact with the server.
    private struct Door {
        let isLive: Bool
        private(set) var isOpen = false
        private(set) var trouble: String?
        private var failures = 0
        private var due = ContinuousClock.now
        private var began: ContinuousClock.Instant?
        /// How long to retry a server that gives no answer: each try takes as long as an answer may.
        private static let patience: Duration = .seconds(20)

        init(isLive: Bool) { self.isLive = isLive }

        /// Tries to open the relay, if it is time.
        ///
        /// - Returns: why there is no use in trying again.
        mutating func knock(_ relay: Relay) -> String? {
            guard ContinuousClock.now >= due else { return nil }
            let start = began ?? .now
            began = start
            guard let refusal = relay.open(isCancelled: { Interruption.isRequested }) else {
                isOpen = true
                trouble = nil
                return nil
            }
            failures += 1
            trouble = refusal.reason
            // Now and then a server refuses by mistake.
            let attempts =
                switch refusal.kind {
                case .lasting: 2
                case .unreachable: isLive ? Int.max : .now - start > Self.patience ? 1 : 3
                case .passing: isLive ? Int.max : 6
                }
            if failures >= attempts { return refusal.reason }
            due = .now + .seconds(min(60, 1 << min(failures - 1, 6)))
            return nil
        }
    }
}
