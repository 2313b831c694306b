import Foundation
import Glibc
import HTTP

/// Sends what many runs keep in their folders, from a machine that reaches the server.
///
/// Runs are distributed over a few threads, each of which sends for one run at a time, so one slow answer
/// holds up few; all share one budget of requests. Nothing here remembers anything that the folders do not:
/// killed at any moment, the next relay continues where the server is.
public final class Relay: Sendable {
    /// What a relay needs to know.
    public struct Options: Sendable {
        /// Where the server is.
        public var settings: WandBSettings
        /// The API key.
        public var key: APIKey
        /// Whether to continue for active runs.
        public var isLive = false
        /// How often and how patiently to send.
        public var pacing = SendPacing()
        /// A file that shows other machines that this relay lives.
        public var presence: String
        /// How long a run may be over without its own exit before the relay gives it one.
        public var grace: Duration = .seconds(60)
        /// How long to continue without any success.
        public var patience: Duration = .seconds(300)
        /// How many requests may be under way, each for another run.
        public var lanes = 4

        /// The usual ways, for that server.
        public init(settings: WandBSettings, key: APIKey, presence: String) {
            self.settings = settings
            self.key = key
            self.presence = presence
        }
    }

    private let options: Options
    private let budget: RequestBudget
    private let lanes: [RelayLane]
    private let started = ContinuousClock.now

    /// Makes a relay that has no runs yet.
    ///
    /// - Throws: `SpoolError` if its presence cannot be shown.
    public init(_ options: Options, budget: RequestBudget) throws(SpoolError) {
        self.options = options
        self.budget = budget
        lanes = (0..<max(1, options.lanes)).map { _ in RelayLane(options: options, budget: budget) }
        try Self.touch(options.presence)
        Self.raiseFileLimit()
    }

    /// Adds runs, or updates the state of known ones.
    public func take(_ runs: [RelayedRun]) {
        // A run stays with its lane: by its name, since the list may grow.
        let dealt = Dictionary(grouping: runs) { run in
            Int(
                run.id.utf8.reduce(UInt64(14_695_981_039_346_656_037)) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
                    % UInt64(lanes.count))
        }
        for (lane, runs) in dealt { lanes[lane].take(runs) }
    }

    /// Starts to look at the folders; nothing is sent before `open`.
    public func start() { for lane in lanes { lane.start() } }

    /// Checks the key, and sends from now on.
    ///
    /// - Parameter isCancelled: asked while a request runs; true ends it.
    /// - Returns: nil, or why it was not possible.
    public func open(isCancelled: @escaping () -> Bool) -> RelayRefusal? {
        let client: HTTPClient
        do { client = try options.settings.makeClient() } catch { return RelayRefusal(.lasting, error.description) }
        guard budget.reserve(at: .now) == nil else { return RelayRefusal(.passing, "the request budget is spent") }
        let api = WandBAPI(
            settings: options.settings, key: options.key, client: client, pacing: options.pacing, budget: budget)
        api.isCancelled = isCancelled
        switch api.account() {
        case .success(let account):
            let owner = options.settings.entity ?? account.defaultEntity
            for lane in lanes { lane.open(entity: owner) }
            return nil
        case .failure(let failure):
            let kind: RelayRefusal.Kind =
                switch failure.kind {
                case .refused, .missing, .tooLarge: .lasting
                case .unreachable: .unreachable
                case .transient, .cancelled: .passing
                }
            return RelayRefusal(kind, failure.description)
        }
    }

    /// Shows others that this relay is alive; call it every few seconds.
    public func pulse() throws(SpoolError) { try Self.touch(options.presence) }

    /// How far it is.
    public var progress: RelayProgress { RelayProgress(lanes.map(\.latest), budget: budget) }

    /// Stops as soon as requests under way have ended, and gives all folders free.
    public func stop() {
        for lane in lanes { lane.stop() }
        for lane in lanes { lane.join() }
        unlink(options.presence)
    }

    /// Why to stop before everything is sent, if there is a reason.
    public func hopelessness(_ progress: RelayProgress, now: ContinuousClock.Instant = .now) -> String? {
        let troubles = progress.standings.values.lazy.compactMap { standing -> String? in
            switch standing {
            case .troubled(let reason), .failed(let reason): reason
            default: nil
            }
        }
        guard let reason = troubles.first, !options.isLive else { return nil }
        // A key that is not accepted any more need not be tried with every run.
        if progress.refusals >= 20 { return reason }
        if let held = budget.heldUntil, now < held { return nil }
        let last = max(progress.lastSuccess ?? started, started)
        return now - last > options.patience ? reason : nil
    }

    private static func touch(_ path: String) throws(SpoolError) {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .cannotCreate(path: path, reason: SpoolError.systemReason) }
        futimens(file, nil)
        close(file)
    }

    /// Every run that continues keeps a lock open.
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(7), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = min(limit.rlim_max, 65536)
        setrlimit(__rlimit_resource_t(7), &limit)
    }
}

/// Why a relay may not send.
public struct RelayRefusal: Sendable, Equatable {
    /// Its possible outcomes.
    public enum Kind: Sendable {
        /// Somebody has to change something first.
        case lasting
        /// The server is not reached.
        case unreachable
        /// The server is in trouble.
        case passing
    }

    /// Its possible outcomes.
    public let kind: Kind
    /// What happened.
    public let reason: String

    init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }
}

/// How far a relay is with all of its runs.
public struct RelayProgress: Sendable {
    /// By run.
    public let standings: [String: RelayStanding]
    /// Whether every run was looked at.
    public let hasLooked: Bool
    /// Rows that the server has taken from this relay.
    public let rows: Int
    /// Requests that went out.
    public let requests: Int
    /// About how many requests the rest takes.
    public let requestsLeft: Int
    /// The last request that succeeded.
    public let lastSuccess: ContinuousClock.Instant?
    let refusals: Int

    init(_ reports: [RelayLane.Report], budget: RequestBudget) {
        standings = reports.reduce(into: [:]) { $0.merge($1.standings) { $1 } }
        hasLooked = reports.allSatisfy { $0.looked == $0.standings.count }
        rows = reports.reduce(0) { $0 + $1.rows }
        requests = budget.total
        requestsLeft = reports.reduce(0) { $0 + $1.requestsLeft }
        lastSuccess = reports.compactMap(\.lastSuccess).max()
        refusals = reports.reduce(0) { $0 + $1.refusals }
    }

    /// How many runs have this state.
    public func count(_ isCounted: (RelayStanding) -> Bool) -> Int {
        standings.values.lazy.filter(isCounted).count
    }
}
