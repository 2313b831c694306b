import Foundation
public import HTTP

/// Sends what a run's folder holds, one request per step, from wherever the server is.
///
/// It knows the run only through its folder, so it may live in the training process or in another one on
/// another machine. It never waits itself: `step` says when it wants to be called again, which lets one thread
/// serve many runs. It belongs to one thread at a time.
public final class RunSender {
    /// The obstacle.
    public enum Problem: Equatable, Sendable {
        /// Another process sends this folder.
        case sentElsewhere
        /// The server cannot be reached; it is tried again soon.
        case unreachable(String)
        /// The server answers, but not as it should; it is asked again soon.
        case failing(String)
        /// The server refused; it is asked again after a pause.
        case refused(String)
        /// The folder cannot be read or written.
        case folder(SpoolError)
    }

    enum Phase: Equatable {
        case findEntity
        case askWhatServerHas
        case create(storageID: String?)
        case stream
        /// The run's end has arrived, and files that the store did not take wait.
        case leftFiles
        case finished
    }

    /// A body that was sent and not yet acknowledged, to be repeated byte for byte.
    struct Unacknowledged {
        let bytes: [UInt8]
        /// Where the run will be once the server has it.
        let position: SentPosition
        /// How many uploaded files it names.
        let uploaded: Int
        /// Whether it says that the run is taken off its machine.
        var isPreempting = false
        /// Whether it leaves nothing behind.
        let isWhole: Bool
    }

    /// Why rows are not reaching the server at the moment.
    public internal(set) var problem: Problem?
    /// The run's page, once the server has the run.
    public internal(set) var runURL: String?
    /// Whether everything up to the run's exit is on the server.
    public var isFinished: Bool { phase == .finished }
    /// Why files wait that the object store does not take; rows and the run's end do not wait for them.
    public var uploadTrouble: String? { uploads.trouble }
    /// Why artifacts are left out: the server takes none.
    ///
    /// The run's files hold the same.
    public internal(set) var artifactTrouble: String?
    /// Whether the run's end has arrived, and files wait.
    var hasEnded: Bool { phase == .leftFiles }
    /// Whether all but files has arrived, and the store was tried often enough.
    public var leavesFiles: Bool { phase == .leftFiles && uploads.isHeldUp }
    /// Whether this sender made sure that the server has the run.
    var hasCreatedRun: Bool { [.stream, .leftFiles, .finished].contains(phase) }
    /// Whether someone pressed stop on the run's page.
    public internal(set) var isStopped = false

    /// Whether a request with the run's end is on its way.
    var isCompleting: Bool { unacknowledged?.position.completed != position.completed && unacknowledged != nil }

    /// How many requests succeeded.
    public private(set) var successes = 0
    /// How many requests went to the server; uploads to stores elsewhere do not count.
    public var requests: Int { api.requests }
    /// Whether the server has every line that the folder held when it was last looked at.
    public internal(set) var isDrained = false
    /// Whether the last request that arrived held every line that the folder had when it was made.
    public internal(set) var hasCaughtUp = false

    /// Rows that the server acknowledged since they were last asked for.
    var newRows = 0
    let folder: SpoolFolder
    let api: WandBAPI
    let pacing: SendPacing
    var phase: Phase = .findEntity
    /// What the server has acknowledged, as far as this side knows.
    var position = SentPosition(entity: "", project: "", url: "")
    /// Whether this folder was sent from before.
    var hasSent = false
    /// What was last sent to the server about the run besides its lines.
    var described: SpooledRun?
    /// The server's own number for the run, once known.
    var storageID: String?
    var readers: [SpoolFolder.Stream: SpoolReader] = [:]
    var summary = RunSummary()
    var sentSummary: String?
    var unacknowledged: Unacknowledged?
    var uploads: Uploads
    var batchLimit: Int
    var isUrgent = false
    private var isPreempting = false
    private var hasSaidPreempting = true
    /// Whether the next request is to say so.
    var mustSayPreempting: Bool {
        get { isPreempting && !hasSaidPreempting }
        set { hasSaidPreempting = !newValue }
    }
    var lastRequest: ContinuousClock.Instant?
    /// The time between requests that the server's quota asks for.
    var spacing: Duration = .zero
    private var lock: SenderLock?
    private let presence: String?
    let budget: RequestBudget?
    let offlineFolders: String?
    /// What its thread does for others during an upload; called about once a second.
    var besideUpload: (() -> Void)?
    /// How many attempts in a row failed.
    private(set) var failures = 0
    private var notBefore: ContinuousClock.Instant?
    /// When the present step began.
    private(set) var began = ContinuousClock.now
    /// Whether a request went out since the run's end is known.
    var hasFlushed = false
    /// Whether the present pause is one that the server asked for.
    private var isHeldOff = false

    /// Makes a sender for the run whose tracking folder this is.
    ///
    /// - Parameters:
    ///   - folder: the run's `wandb` folder.
    ///   - settings: where the server is.
    ///   - key: the API key.
    ///   - client: a libcurl handle, free to be shared by senders of the same thread.
    ///   - pacing: how often and how patiently to send.
    ///   - presence: a file that its process touches while it lives, where that holds many folders.
    ///   - budget: heeds what the server says about its quota, for all senders that share it.
    ///   - offlineFolders: where `offline-run-…` folders of runs are made on request.
    public init(
        folder: String, settings: WandBSettings, key: APIKey, client: HTTPClient,
        pacing: SendPacing = SendPacing(), presence: String? = nil, budget: RequestBudget? = nil,
        offlineFolders: String? = nil
    ) {
        self.folder = SpoolFolder(path: folder)
        self.pacing = pacing
        self.presence = presence
        self.budget = budget
        self.offlineFolders = offlineFolders
        api = WandBAPI(settings: settings, key: key, client: client, pacing: pacing, budget: budget)
        uploads = Uploads(reader: SpoolReader(folder: self.folder, stream: .files))
        batchLimit = pacing.maximumBatchBytes
    }

    /// Does what is due, at most one request.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - mayUpload: whether the request may be a file's, which can take minutes.
    ///   - isCancelled: asked while a request runs; true ends it, and its rows stay for later.
    /// - Returns: when to call again, or nil once the run's exit is acknowledged.
    public func step(
        at now: ContinuousClock.Instant, mayUpload: Bool = true, isCancelled: @escaping () -> Bool = { false }
    ) -> ContinuousClock.Instant? {
        if let notBefore, now < notBefore { return notBefore }
        api.isCancelled = isCancelled
        uploads.mayGo = mayUpload
        began = .now
        defer { api.isCancelled = { false } }
        do throws(SpoolError) {
            guard try holdsLock(now) else {
                problem = .sentElsewhere
                runURL = try folder.sent()?.url ?? runURL
                return wait(until: now + pacing.heartbeat)
            }
            return try advance(now)
        } catch {
            // Lines may have been mistaken for a request that was not made.
            if phase == .stream, unacknowledged == nil { phase = .askWhatServerHas }
            problem = .folder(error)
            failures += 1
            return wait(until: now + pacing.retry(failures: failures, random: 0))
        }
    }

    /// How many history rows the server acknowledged since the last call.
    func takeSentRows() -> Int {
        defer { newRows = 0 }
        return newRows
    }

    /// Sends from now on without pauses between requests, and asks a silent server once more at once.
    public func hurry() {
        isDrained = false
        guard !isUrgent else { return }
        isUrgent = true
        switch problem {
        case .unreachable, .failing, .refused: if !isHeldOff { notBefore = nil }
        case nil, .sentElsewhere, .folder: break
        }
    }

    /// Tells the server before everything else that the run is taken off its machine, to continue elsewhere.
    func preempt() {
        if !isPreempting { hasSaidPreempting = false }
        isPreempting = true
    }

    /// Takes the folder's lock, or shows that it is still in use.
    private func holdsLock(_ now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        if try lock?.renew(at: now) == false { leave() }
        if lock == nil {
            try folder.unfold()
            lock = try SenderLock.take(folder, presence: presence)
        }
        return lock != nil
    }

    /// Lets others have the folder.
    func release() { lock = nil }

    /// Lets others send; what they did is looked up before this sender continues.
    private func leave() {
        lock = nil
        guard phase != .finished else { return }
        unacknowledged = nil
        phase = .findEntity
    }

    private func advance(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        switch phase {
        case .findEntity: try findEntity(now)
        case .askWhatServerHas: try askWhatServerHas(now)
        case .create(let storageID): try create(storageID: storageID, now)
        case .stream: try stream(now)
        case .leftFiles: try sendLeftFiles(now)
        case .finished: nil
        }
    }

    private func wait(until instant: ContinuousClock.Instant) -> ContinuousClock.Instant {
        notBefore = instant
        return instant
    }

    /// When a request that went out at `now` was over: waits are counted from its reply, however late that came.
    func ended(_ now: ContinuousClock.Instant) -> ContinuousClock.Instant { now + (ContinuousClock.now - began) }

    /// Records a failed request, and when the next one may go out.
    func failed(_ failure: CallFailure, _ now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        failures += 1
        let pause: Duration
        switch failure.kind {
        case .cancelled:
            failures -= 1
            return now
        case .transient, .unreachable:
            problem =
                failure.kind == .transient ? .failing(failure.description) : .unreachable(failure.description)
            pause = pacing.retry(failures: failures, random: Double.random(in: 0..<1))
            // A node without network must not keep a relay away from the folder.
            if failure.kind == .unreachable, failures > 2 { leave() }
        case .refused, .missing:
            problem = .refused(failure.description)
            // Now and then a server refuses by mistake.
            pause = failures < 4 ? pacing.retry(failures: failures, random: 0) : pacing.refusedPause
        case .tooLarge:
            problem = .refused(failure.description)
            pause = pacing.firstRetry
        }
        isHeldOff = failure.retryAfter != nil
        return wait(until: ended(now) + (failure.retryAfter ?? pause))
    }

    func succeeded() {
        failures = 0
        successes += 1
        problem = nil
        notBefore = nil
    }
}
