import Foundation
import HTTP

/// One thread of a relay with the runs that are its own: at most one request at a time.
final class RelayLane: @unchecked Sendable {
    // @unchecked: what stands before `entries` is guarded by `condition`, the rest belongs to the thread.

    /// What the lane reports.
    struct Report: Sendable {
        var standings: [String: RelayStanding] = [:]
        var requestsLeft = 0
        var rows = 0
        var lastSuccess: ContinuousClock.Instant?
        /// Refusals in a row, over all runs.
        var refusals = 0
        /// How many runs were looked at.
        var looked = 0
    }

    /// Runs that are over and open at the same time.
    private static let window = 8
    /// Attempts at a run that is refused, before a sync continues without it.
    static let attempts = 4

    private let options: Relay.Options
    private let budget: RequestBudget
    private let condition = NSCondition()
    private var inbox: [RelayedRun] = []
    private var report = Report()
    private var isStopped = false
    private var isDone = false
    private var mayAsk = false
    private var settings: WandBSettings

    private var entries: [RelayEntry] = []
    private var indices: [String: Int] = [:]
    private var client: HTTPClient?
    private var turn = 0
    /// When the budget may have room again.
    private var heldUntil = ContinuousClock.now
    /// When others may have a turn during an upload.
    private var besideDue = ContinuousClock.now

    init(options: Relay.Options, budget: RequestBudget) {
        self.options = options
        self.budget = budget
        settings = options.settings
    }

    func start() {
        let thread = Thread { self.work() }
        thread.name = "wandb-relay"
        thread.start()
    }

    /// Adds runs, or updates known ones.
    func take(_ runs: [RelayedRun]) {
        locked {
            inbox += runs
            for run in runs where report.standings[run.id] == nil { report.standings[run.id] = .waiting }
        }
    }

    /// Lets requests go out, for that account.
    func open(entity: String?) {
        locked {
            settings.entity = entity
            mayAsk = true
        }
    }

    func stop() { locked { isStopped = true } }

    func join() {
        condition.lock()
        while !isDone { condition.wait() }
        condition.unlock()
    }

    var latest: Report { locked { report } }

    private func locked<Value>(_ body: () -> Value) -> Value {
        condition.lock()
        defer {
            condition.broadcast()
            condition.unlock()
        }
        return body()
    }

    // MARK: - On the thread

    private func work() {
        while !locked({ isStopped }) {
            let now = ContinuousClock.now
            takeInbox(now)
            guard now >= heldUntil, let entry = next(now) else {
                Thread.sleep(forTimeInterval: min(max((heldUntil - now).seconds, 0.01), 0.1))
                continue
            }
            serve(entry, now)
            publish(entry)
        }
        // Locks are given back here, not when the process ends.
        for entry in entries { entry.close() }
        locked { isDone = true }
    }

    private func takeInbox(_ now: ContinuousClock.Instant) {
        let news = locked {
            defer { inbox = [] }
            return inbox
        }
        for run in news where !locked({ isStopped }) {
            guard let index = indices[run.id] else {
                indices[run.id] = entries.count
                let entry = RelayEntry(run, order: entries.count, now: now)
                entries.append(entry)
                entry.look(now, options)
                publish(entry)
                locked { report.looked = entries.count }
                continue
            }
            let entry = entries[index]
            let hasChanged = (entry.run.end == nil) != (run.end == nil) || entry.run.hasBegun != run.hasBegun
            entry.run = run
            guard hasChanged || (run.end != nil && entry.standing == .upToDate) else { continue }
            // It has ended, or was taken up again.
            entry.due = now
            entry.pause = RelayEntry.shortestPause
            entry.look(now, options)
            publish(entry)
        }
    }

    /// Runs that are over go first, those with the least left before others; every other turn is for the live run
    /// that has waited longest.
    private func next(_ now: ContinuousClock.Instant) -> RelayEntry? {
        guard locked({ mayAsk }) else { return nil }
        let due = entries.filter { $0.due <= now && !isThrough($0) }
        let open = entries.lazy.filter { $0.isEnded && $0.sender != nil }.count
        let ended = due.filter { $0.isEnded && ($0.sender != nil || open < Self.window) }
            .min { ($0.requestsLeft, $0.order) < ($1.requestsLeft, $1.order) }
        let live = due.filter { !$0.isEnded }.min { ($0.served, $0.order) < ($1.served, $1.order) }
        turn += 1
        return turn % 2 == 0 ? ended ?? live : live ?? ended
    }

    private func isThrough(_ entry: RelayEntry) -> Bool {
        switch entry.standing {
        case .sent, .failed: true
        case .upToDate, .elsewhere, .untracked: !options.isLive
        case .waiting, .sending, .troubled: false
        }
    }

    /// Rows and heartbeat of the lane's other runs, while a file of one of them is on its way.
    private func serveBeside(_ uploading: RelayEntry) {
        let now = ContinuousClock.now
        guard now >= heldUntil, now >= besideDue else { return }
        besideDue = now + .milliseconds(250)
        let others = entries.filter { $0 !== uploading && !$0.isEnded && $0.due <= now && !isThrough($0) }
        guard let entry = others.min(by: { ($0.served, $0.order) < ($1.served, $1.order) }) else { return }
        serve(entry, now, mayUpload: false)
        publish(entry)
    }

    private func serve(_ entry: RelayEntry, _ now: ContinuousClock.Instant, mayUpload: Bool = true) {
        entry.served = now
        if entry.sender == nil || entry.standing == .upToDate {
            let isQuiet = entry.sender != nil && entry.run.end == nil && entry.marks == SpoolMarks(of: entry.folder)
            if isQuiet { return entry.rest(now) }
            entry.look(now, options)
            guard entry.standing == .waiting || entry.standing == .sending else { return }
        } else {
            entry.marks = SpoolMarks(of: entry.folder)
        }
        if let later = budget.reserve(at: now) {
            heldUntil = later
            return
        }
        do throws(HTTPError) {
            let sender = if let open = entry.sender { open } else { try makeSender(entry) }
            entry.sender = sender
            let before = (requests: sender.requests, successes: sender.successes)
            sender.besideUpload = { [unowned self, unowned entry] in serveBeside(entry) }
            let due = sender.step(at: now, mayUpload: mayUpload) { [self] in locked { isStopped } }
            if sender.requests == before.requests { budget.refund(now) }
            judge(entry, sender, due: due, hasSucceeded: sender.successes > before.successes, now)
        } catch {
            budget.refund(now)
            entry.standing = .failed(error.description)
        }
    }

    private func makeSender(_ entry: RelayEntry) throws(HTTPError) -> RunSender {
        let shared = if let client { client } else { try options.settings.makeClient() }
        client = shared
        let sender = RunSender(
            folder: entry.folder.path, settings: locked { settings }, key: options.key, client: shared,
            pacing: options.pacing, presence: options.presence, budget: budget,
            offlineFolders: entry.run.offlineFolders)
        if !options.isLive { sender.hurry() }
        return sender
    }

    private func judge(
        _ entry: RelayEntry, _ sender: RunSender, due: ContinuousClock.Instant?, hasSucceeded: Bool,
        _ now: ContinuousClock.Instant
    ) {
        entry.due = due ?? now
        if hasSucceeded {
            locked {
                report.lastSuccess = now
                report.refusals = 0
            }
        }
        switch sender.problem {
        case nil:
            entry.collisions = 0
            if sender.isFinished {
                count(sender)
                entry.standing = .sent
                entry.sender = nil
                sender.release()
                entry.fold()
            } else if sender.leavesFiles {
                count(sender)
                entry.standing = .failed("all but files is sent: \(sender.uploadTrouble ?? "they were not taken")")
                entry.sender = nil
                sender.release()
                entry.fold()
            } else if let trouble = sender.uploadTrouble {
                // Nobody waits for a store while the run continues.
                let isLeft = sender.uploads.isHeldUp && !entry.isEnded && !options.isLive
                entry.standing = isLeft ? .failed(trouble) : .troubled(trouble)
                if isLeft { entry.sender = nil }
            } else if sender.hasCaughtUp {
                caughtUp(entry, sender, now)
            } else {
                entry.standing = .sending
                if hasSucceeded { entry.pause = RelayEntry.shortestPause }
            }
        case .sentElsewhere:
            entry.sender = nil
            entry.collisions += 1
            // An agent that tries a server it cannot reach has the lock for moments.
            let isLasting = entry.collisions > Self.attempts
            entry.standing = options.isLive || isLasting ? .elsewhere : .waiting
            entry.due = now + (options.isLive ? options.pacing.poll * 5 : options.pacing.firstRetry)
        case .refused(let reason):
            locked { report.refusals += 1 }
            giveUp(entry, sender, reason)
        case .folder(let error):
            giveUp(entry, sender, error.description)
        case .unreachable(let reason), .failing(let reason):
            entry.standing = .troubled(reason)
        }
    }

    /// A live run is asked for again after a pause, unless it is over.
    private func giveUp(_ entry: RelayEntry, _ sender: RunSender, _ reason: String) {
        let mayChange = options.isLive && entry.run.end == nil
        guard sender.failures >= Self.attempts, !mayChange else {
            entry.standing = .troubled(reason)
            return
        }
        entry.standing = .failed(reason)
        entry.sender = nil
    }

    private func caughtUp(_ entry: RelayEntry, _ sender: RunSender, _ now: ContinuousClock.Instant) {
        count(sender)
        entry.standing = .upToDate
        if !options.isLive || entry.run.end != nil { entry.close() }
        // Nothing could be sent earlier.
        entry.pause = max(RelayEntry.shortestPause, options.pacing.interval)
        entry.due = now + entry.pause
    }

    private func count(_ sender: RunSender) {
        let rows = sender.takeSentRows()
        locked { report.rows += rows }
    }

    private func publish(_ entry: RelayEntry) {
        if let sender = entry.sender { count(sender) }
        let left = entries.reduce(0) { $0 + $1.requestsLeft }
        locked {
            report.standings[entry.run.id] = entry.standing
            report.requestsLeft = left
        }
    }
}
