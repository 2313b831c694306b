import Foundation
import HTTP

/// The one background thread of a tracked run: measures the machine, and sends what the folder holds.
final class DeliveryThread: @unchecked Sendable {
    // @unchecked: everything mutable is read and written under `condition`, except what `run` keeps to its thread.
    private let condition = NSCondition()
    private var hurry: Hurry?
    private var isCancelled = false
    private var isDone = false
    private var isStopped = false
    private var runURL: String?
    private var problem: RunSender.Problem?
    private var isFinished = false
    /// Why files are left, once all but them has arrived.
    private var filesTrouble: String?
    private var successes = 0
    private var failures = 0
    /// When the sender makes its next attempt, once it knows that the run ends.
    private var due: ContinuousClock.Instant?

    private enum Hurry { case toExit, toEmptyFolder, preempted }

    private let folder: SpoolFolder
    private let spool: SharedSpool
    private let settings: WandBSettings
    private let pacing: SendPacing
    private let offlineFolders: String?
    private let notify: @Sendable (String) -> Void
    private let clock = ContinuousClock()

    init(
        folder: SpoolFolder, spool: SharedSpool, settings: WandBSettings, pacing: SendPacing,
        offlineFolders: String?, notify: @escaping @Sendable (String) -> Void
    ) {
        self.folder = folder
        self.spool = spool
        self.settings = settings
        self.pacing = pacing
        self.offlineFolders = offlineFolders
        self.notify = notify
    }

    func start() {
        Thread.detachNewThread {
            Thread.current.name = "wandb"
            self.run()
        }
    }

    /// Whether someone pressed stop on the run's page.
    var stopRequested: Bool { locked { isStopped } }
    /// The run's page, once the server has the run.
    var url: String? { locked { runURL } }

    /// Waits for the server to have everything up to the exit, but not for a dead server.
    func finish(isInHurry: () -> Bool) -> Delivery { end(.toExit, isInHurry) }

    /// Waits for the server to have everything the folder holds, but not for a dead server.
    func suspend(isPreempted: Bool) -> Delivery { end(isPreempted ? .preempted : .toEmptyFolder, { true }) }

    private func end(_ hurry: Hurry, _ isInHurry: () -> Bool) -> Delivery {
        condition.lock()
        defer { condition.unlock() }
        self.hurry = hurry
        condition.broadcast()
        let start = clock.now
        var lastSuccess = start
        var seen = successes
        var end = start + pacing.liveServerPatience
        while !isDone {
            let now = clock.now
            if isInHurry() { end = min(end, now + pacing.hurriedPatience) }
            if successes != seen { (seen, lastSuccess) = (successes, now) }
            let patience = pacing.patience(problem, failures: failures)
            if now - lastSuccess >= patience || now >= end { break }
            // The server is queried again only after everybody's patience has run out.
            if problem != nil, let due, due - lastSuccess > patience { break }
            _ = condition.wait(until: Date(timeIntervalSinceNow: 0.2))
        }
        // libcurl must not keep running while the process ends; it checks the flag at least once a second.
        isCancelled = true
        condition.broadcast()
        let limit = Date(timeIntervalSinceNow: 3)
        while !isDone, condition.wait(until: limit) {}
        if let filesTrouble { return .filesLeft(url: runURL, reason: filesTrouble) }
        if isFinished { return .delivered(url: runURL) }
        return .left(
            folder: folder.path,
            reason: problem.map { "\($0)" } ?? settings.offlineReason ?? "the server is slow")
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }

    // MARK: - On the thread

    private func run() {
        work()
        if locked({ hurry }) == .toExit, spool.isOurs { fold() }
        locked {
            isDone = true
            condition.broadcast()
        }
    }

    /// Folds a finished run's spool into one file.
    private func fold() {
        do throws(SpoolError) {
            try folder.fold()
        } catch {
            notify("W&B: \(error); the files in \(folder.path) stay as they are")
        }
    }

    private func work() {
        let sender = makeSender()
        let probe = PeriodicProbe(spool: spool, interval: pacing.systemInterval)
        var announcer = Announcer(folder: folder.path, notify: notify)
        while true {
            let (hurry, isCancelled) = locked { (self.hurry, self.isCancelled) }
            let isOurs = spool.isOurs
            if isCancelled || spool.isSuperseded || ([.toEmptyFolder, .preempted].contains(hurry) && !isOurs) { break }
            guard isOurs else {
                sleep(until: clock.now + pacing.longestSleep, unlessHurried: hurry)
                continue
            }
            probe.measureIfDue()
            if hurry == .preempted { sender?.preempt() }
            if hurry != nil { sender?.hurry() }
            let next = sender?.step(at: clock.now) {
                probe.measureIfDue()
                return self.locked { self.isCancelled } || !self.spool.isOurs
            }
            if let sender { announcer.follow(sender) }
            let isThrough = isThrough(sender, hurry: hurry)
            publish(sender, isFinished: isThrough && sender != nil, due: hurry == nil ? nil : next)
            if isThrough { break }
            sleep(
                until: min(next ?? probe.due, probe.due, clock.now + pacing.longestSleep),
                unlessHurried: hurry)
        }
        sender?.release()
    }

    /// Whether nothing is left to do; without a sender that is so as soon as the run ends.
    private func isThrough(_ sender: RunSender?, hurry: Hurry?) -> Bool {
        switch hurry {
        case nil: sender?.isFinished ?? false
        case .toExit: sender.map { $0.isFinished || $0.leavesFiles } ?? true
        case .toEmptyFolder, .preempted: sender.map { $0.isFinished || $0.isDrained } ?? true
        }
    }

    private func makeSender() -> RunSender? {
        guard settings.offlineReason == nil, let key = settings.apiKey else { return nil }
        do {
            return RunSender(
                folder: folder.path, settings: settings, key: key, client: try settings.makeClient(), pacing: pacing,
                offlineFolders: offlineFolders)
        } catch {
            notify("W&B: offline (\(error)); rows stay in \(folder.path)")
            return nil
        }
    }

    private func publish(_ sender: RunSender?, isFinished: Bool, due: ContinuousClock.Instant?) {
        let isStopped = sender?.isStopped == true || folder.isStopRequested
        let url = sender == nil ? relayedURL : sender?.runURL
        locked {
            self.isStopped = self.isStopped || isStopped
            self.isFinished = isFinished
            self.due = due
            runURL = url ?? runURL
            problem = sender?.problem
            filesTrouble = sender.flatMap { $0.hasEnded ? $0.uploadTrouble : nil }
            successes = sender?.successes ?? 0
            failures = sender?.failures ?? 0
            condition.broadcast()
        }
    }

    /// The run's page as a relay found it.
    private var relayedURL: String? {
        do {
            return try folder.sent()?.url
        } catch {
            // A link is not worth a word.
            return nil
        }
    }

    private func sleep(until instant: ContinuousClock.Instant, unlessHurried known: Hurry?) {
        condition.lock()
        defer { condition.unlock() }
        while hurry == known, !isCancelled {
            let rest = (instant - clock.now).seconds
            guard rest > 0 else { return }
            _ = condition.wait(until: Date(timeIntervalSinceNow: rest))
        }
    }
}
