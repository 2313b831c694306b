import Foundation

/// One thread of a relay with the runs that are its own: at most one request at a time.
final class RelayLane: @unchecked Sendable {
    // @unchecked: what stands before `entries` is guarded by `condition`, the rest belongs to the thread.

    /// What the lane tells.
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

    private final class Entry {
        var run: RelayedRun
        let folder: SpoolFolder
        let order: Int
        var standing = RelayStanding.waiting
        var sender: RunSender?
        var marks: SpoolMarks?
        var due: ContinuousClock.Instant
        /// The last time it had its turn.
        var served: ContinuousClock.Instant
        var pause = RelayLane.shortestPause
        var collisions = 0

        init(_ run: RelayedRun, order: Int, now: ContinuousClock.Instant) {
            self.run = run
            self.order = order
            folder = SpoolFolder(path: run.folder)
            due = now
            served = now
        }

        /// Whether nothing more will come.
        var isEnded: Bool { run.end != nil || marks?.hasExit == true }
        var requestsLeft: Int {
            switch standing {
            case .sent, .untracked, .upToDate, .failed: 0
            case .waiting, .sending, .elsewhere, .troubled: max(1, (marks?.requests ?? 3) - (sender?.successes ?? 0))
            }
        }
    }

    private static let shortestPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(30)
    /// Runs that are over and open at the same time.
    private static let window = 8
    /// Attempts at a run that is refused, before a sync goes on without it.
    private static let attempts = 4

    private let options: Relay.Options
    private let budget: RequestBudget
    private let condition = NSCondition()
    private var inbox: [RelayedRun] = []
    private var report = Report()
    private var isStopped = false
    private var isDone = false
    private var mayAsk = false
    private var settings: WandBSettings

    private var entries: [Entry] = []
    private var indices: [String: Int] = [:]
    private var client: HTTPClient?
    private var turn = 0
    /// When the budget may have room again.
    private var heldUntil = ContinuousClock.now

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

    /// Adds runs, or tells news of known ones.
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
        for entry in entries { entry.sender = nil }
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
                entries.append(Entry(run, order: entries.count, now: now))
                look(entries[entries.count - 1], now)
                publish(entries[entries.count - 1])
                locked { report.looked = entries.count }
                continue
            }
            let entry = entries[index]
            let hasChanged = (entry.run.end == nil) != (run.end == nil)
            entry.run = run
            guard hasChanged || (run.end != nil && entry.standing == .upToDate) else { continue }
            // It has ended, or was taken up again.
            entry.due = now
            entry.pause = Self.shortestPause
            look(entry, now)
            publish(entry)
        }
    }

    /// Runs that are over go first, those with the least left before others; every other turn is for the live run
    /// that has waited longest.
    private func next(_ now: ContinuousClock.Instant) -> Entry? {
        guard locked({ mayAsk }) else { return nil }
        let due = entries.filter { $0.due <= now && !isThrough($0) }
        let open = entries.lazy.filter { $0.isEnded && $0.sender != nil }.count
        let ended = due.filter { $0.isEnded && ($0.sender != nil || open < Self.window) }
            .min { ($0.requestsLeft, $0.order) < ($1.requestsLeft, $1.order) }
        let live = due.filter { !$0.isEnded }.min { ($0.served, $0.order) < ($1.served, $1.order) }
        turn += 1
        return turn % 2 == 0 ? ended ?? live : live ?? ended
    }

    private func isThrough(_ entry: Entry) -> Bool {
        switch entry.standing {
        case .sent, .failed: true
        case .upToDate, .elsewhere, .untracked: !options.isLive
        case .waiting, .sending, .troubled: false
        }
    }

    /// Finds out, without a request, whether there is anything to send.
    private func look(_ entry: Entry, _ now: ContinuousClock.Instant) {
        let marks = SpoolMarks(of: entry.folder)
        defer { entry.marks = marks }
        do throws(SpoolError) {
            guard marks.hasRun, let run = try entry.folder.run() else {
                entry.standing = .untracked
                return rest(entry, now)
            }
            let isOver = try closeIfOrphaned(entry, run)
            let sent = try entry.folder.sent()
            // Without a position of ours the mark is that of W&B's own client.
            let isUploaded = sent == nil && isOver && OfflineRun(of: run, in: entry.folder).isSynced
            if isUploaded || sent.map({ $0.completed == run.session }) == true {
                entry.standing = .sent
                entry.sender = nil
            } else if !isOver, try entry.folder.relayed() == marks {
                entry.standing = .upToDate
                rest(entry, now)
            } else if entry.standing != .sending {
                entry.standing = .waiting
            }
        } catch {
            entry.standing = .failed(error.description)
        }
    }

    /// Writes the exit of a run whose process died before it could.
    ///
    /// - Returns: whether the run's present session has an exit.
    private func closeIfOrphaned(_ entry: Entry, _ run: SpooledRun) throws(SpoolError) -> Bool {
        if try entry.folder.exit()?.session == run.session { return true }
        guard let end = entry.run.end, end.age >= options.grace.seconds else { return false }
        try entry.folder.write(
            SpooledExit(
                session: run.session, exitCode: end.exitCode,
                runtime: max(0, Date().timeIntervalSince1970 - end.age - run.startedAt)))
        return true
    }

    /// Nothing to do for a while, which grows.
    private func rest(_ entry: Entry, _ now: ContinuousClock.Instant) {
        entry.due = now + entry.pause
        entry.pause = min(entry.pause * 2, Self.longestPause)
    }

    private func serve(_ entry: Entry, _ now: ContinuousClock.Instant) {
        entry.served = now
        if entry.sender == nil || entry.standing == .upToDate {
            let isQuiet = entry.sender != nil && entry.run.end == nil && entry.marks == SpoolMarks(of: entry.folder)
            if isQuiet { return rest(entry, now) }
            look(entry, now)
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
            let due = sender.step(at: now) { [self] in locked { isStopped } }
            if sender.requests == before.requests { budget.refund(now) }
            judge(entry, sender, due: due, hasSucceeded: sender.successes > before.successes, now)
        } catch {
            budget.refund(now)
            entry.standing = .failed(error.description)
        }
    }

    private func makeSender(_ entry: Entry) throws(HTTPError) -> RunSender {
        let shared = if let client { client } else { try HTTPClient() }
        client = shared
        let sender = RunSender(
            folder: entry.folder.path, settings: locked { settings }, key: options.key, client: shared,
            pacing: options.pacing, presence: options.presence, budget: budget)
        if !options.isLive { sender.hurry() }
        return sender
    }

    private func judge(
        _ entry: Entry, _ sender: RunSender, due: ContinuousClock.Instant?, hasSucceeded: Bool,
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
            } else if sender.hasCaughtUp {
                caughtUp(entry, sender, now)
            } else {
                entry.standing = .sending
                if hasSucceeded { entry.pause = Self.shortestPause }
            }
        case .sentElsewhere:
            entry.sender = nil
            entry.collisions += 1
            // An agent that tries a server it cannot reach has the lock for moments.
            let isLasting = entry.collisions > Self.attempts
            entry.standing = options.isLive || isLasting ? .elsewhere : .waiting
            entry.due = now + (options.isLive ? .seconds(10) : options.pacing.firstRetry)
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
    private func giveUp(_ entry: Entry, _ sender: RunSender, _ reason: String) {
        let mayChange = options.isLive && entry.run.end == nil
        guard sender.failures >= Self.attempts, !mayChange else {
            entry.standing = .troubled(reason)
            return
        }
        entry.standing = .failed(reason)
        entry.sender = nil
    }

    private func caughtUp(_ entry: Entry, _ sender: RunSender, _ now: ContinuousClock.Instant) {
        count(sender)
        entry.standing = .upToDate
        if let marks = entry.marks {
            do throws(SpoolError) {
                try entry.folder.write(marks)
            } catch {
                entry.standing = .troubled(error.description)
            }
        }
        if !options.isLive { entry.sender = nil }
        entry.pause = Self.shortestPause
        entry.due = max(entry.due, now + entry.pause)
    }

    private func count(_ sender: RunSender) {
        let rows = sender.takeSentRows()
        locked { report.rows += rows }
    }

    private func publish(_ entry: Entry) {
        if let sender = entry.sender { count(sender) }
        let left = entries.reduce(0) { $0 + $1.requestsLeft }
        locked {
            report.standings[entry.run.id] = entry.standing
            report.requestsLeft = left
        }
    }
}
