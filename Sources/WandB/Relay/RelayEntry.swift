import Foundation
import HTTP

/// A run in a relay's lane: what is known of its folder, and who sends it.
final class RelayEntry {
    static let shortestPause: Duration = .seconds(1)
    private static let longestPause: Duration = .seconds(30)

    var run: RelayedRun
    let folder: SpoolFolder
    /// Its place in the lane.
    let order: Int
    var standing = RelayStanding.waiting
    /// Who sends it, while it is open.
    var sender: RunSender?
    /// The folder as it was before the last step.
    var marks: SpoolMarks?
    /// When it has its next turn.
    var due: ContinuousClock.Instant
    /// When it had its last turn.
    var served: ContinuousClock.Instant
    /// How long it is left alone while nothing happens.
    var pause = RelayEntry.shortestPause
    /// How often in a row another process had its lock.
    var collisions = 0
    /// How often in a row its folder could not be read.
    private var faults = 0
    /// Whether the run's present session has its exit.
    private var hasExit = false

    init(_ run: RelayedRun, order: Int, now: ContinuousClock.Instant) {
        self.run = run
        self.order = order
        folder = SpoolFolder(path: run.folder)
        due = now
        served = now
    }

    /// Whether nothing more will come.
    var isEnded: Bool { run.end != nil || hasExit }

    /// About how many requests it takes yet.
    var requestsLeft: Int {
        switch standing {
        case .sent, .untracked, .upToDate, .failed: 0
        case .waiting, .sending, .elsewhere, .troubled: max(1, (marks?.requests ?? 3) - (sender?.successes ?? 0))
        }
    }

    /// Finds out, without a request, whether there is anything to send.
    func look(_ now: ContinuousClock.Instant, _ options: Relay.Options) {
        guard run.hasBegun else {
            standing = .untracked
            // News of it comes through the inbox.
            due = now + .seconds(86_400)
            return
        }
        let marks = SpoolMarks(of: folder)
        defer { self.marks = marks }
        do throws(SpoolError) {
            try look(marks, now, options)
            faults = 0
        } catch {
            faults += 1
            let mayPass = options.isLive && run.end == nil || faults < RelayLane.attempts
            standing = mayPass ? .troubled(error.description) : .failed(error.description)
            rest(now)
        }
    }

    private func look(
        _ marks: SpoolMarks, _ now: ContinuousClock.Instant, _ options: Relay.Options
    ) throws(SpoolError) {
        guard marks.hasRun, let session = try folder.run() else {
            standing = .untracked
            return rest(now)
        }
        hasExit = try closeIfOrphaned(session, grace: options.grace)
        let sent = try folder.sent()
        // Without a position of ours the mark is that of W&B's own client.
        let isUploaded = sent == nil && hasExit ? try isUploadedByWandBSync(session) : false
        if isUploaded || sent.map({ $0.isWhole(session.session) }) == true {
            sender = nil
            // One that was put back will continue.
            standing = options.isLive && run.end == nil ? .upToDate : .sent
            if standing == .sent { fold() }
            rest(now)
        } else if !hasExit, try folder.relayed() == marks {
            standing = .upToDate
            rest(now)
        } else if standing != .sending {
            standing = .waiting
        }
    }

    private func isUploadedByWandBSync(_ session: SpooledRun) throws(SpoolError) -> Bool {
        for offline in OfflineRun.all(of: session, in: folder, run.offlineFolders) where try offline.isSynced(session) {
            return true
        }
        return false
    }

    /// Writes the exit of a run whose process died before it could.
    ///
    /// - Returns: whether the run's present session has an exit.
    private func closeIfOrphaned(_ session: SpooledRun, grace: Duration) throws(SpoolError) -> Bool {
        if try folder.exit()?.session == session.session { return true }
        guard let end = run.end, end.age >= grace.seconds else { return false }
        try folder.write(
            SpooledExit(
                session: session.session, exitCode: end.exitCode,
                runtime: max(0, Date().timeIntervalSince1970 - end.age - session.startedAt)))
        return true
    }

    /// Folds sent data into one file; a failure only costs files.
    func fold() { _ = try? folder.fold() }

    /// Nothing to do for a while, which grows.
    func rest(_ now: ContinuousClock.Instant) {
        due = now + pause
        pause = max(pause, min(pause * 2, Self.longestPause))
    }

    /// Releases the folder, with a note for the next relay if nothing is left in it.
    func close() {
        guard sender != nil else { return }
        sender = nil
        guard standing == .upToDate, let marks else { return }
        do throws(SpoolError) {
            try folder.write(marks)
        } catch {
            // The note would only have saved two requests.
        }
    }
}
