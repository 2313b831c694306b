import Foundation
import HTTP
import JSON

/// A run's files on their way to the server.
struct Uploads {
    /// A file that has no address yet, or whose address is used next.
    struct Waiting {
        let name: String
        let path: String
        /// The part of the file that is meant; nil for all of it.
        let place: Range<Int>?
        var ticket: UploadTicket?
    }

    var reader: SpoolReader
    /// Files taken from the list and not yet uploaded.
    var waiting: [Waiting] = []
    /// Artifacts taken from the list and not yet committed; they come after the files that wait.
    var artifacts: [ArtifactUpload] = []
    /// Whether the present step may be for files.
    var mayGo = true
    /// Names of uploaded files to report to the server.
    var done: [String] = []
    /// Attempts in a row that came to nothing.
    var failures = 0
    /// When the first of them began.
    var troubleBegan: ContinuousClock.Instant?
    /// What is wrong with the store, until it takes a file again.
    var trouble: String?
    var notBefore: ContinuousClock.Instant?
    /// Whether the run's end is not to wait for the files any longer.
    var isHeldUp = false

    /// Files that are asked for at once.
    static let batch = 100
    /// After this many failed attempts the run's end goes first.
    static let attempts = 5

    /// Whether nothing that was taken from the list waits.
    var isEmpty: Bool { waiting.isEmpty && artifacts.isEmpty }

    mutating func succeeded() {
        failures = 0
        troubleBegan = nil
        trouble = nil
        isHeldUp = false
        notBefore = nil
    }

    /// Records an attempt that came to nothing, and how long that has been so.
    mutating func failed(
        _ reason: String, from began: ContinuousClock.Instant, to end: ContinuousClock.Instant, patience: Duration
    ) {
        failures += 1
        let start = troubleBegan ?? began
        troubleBegan = start
        trouble = reason
        isHeldUp = end - start >= (failures >= Self.attempts ? patience : patience * 3)
    }
}

// Files: an address for each from the server, the bytes to that address, the name in the next request.
extension RunSender {
    /// Continues after the files that the server knows.
    func startUploads() throws(SpoolError) {
        uploads = Uploads(reader: SpoolReader(folder: folder, stream: .files))
        while uploads.reader.taken < position.files.line, try uploads.reader.peek() != nil {
            uploads.reader.take()
        }
    }

    /// Whether a file waits for its upload.
    func hasUploads() throws(SpoolError) -> Bool {
        let isListed = try uploads.reader.peek() != nil
        return isListed || !uploads.isEmpty
    }

    /// How many files wait.
    func uploadsLeft() throws(SpoolError) -> Int {
        var rest = uploads.reader
        var count = uploads.waiting.count + uploads.artifacts.count
        while try rest.peek() != nil {
            rest.take()
            count += 1
        }
        return count
    }

    /// Makes one request for the files, if one is due.
    ///
    /// - Returns: whether it did.
    func upload(_ now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        guard uploads.mayGo else { return false }
        if let notBefore = uploads.notBefore, now < notBefore { return false }
        if uploads.waiting.isEmpty { try takeFiles() }
        guard let first = uploads.waiting.first else { return try uploadArtifact(now) }
        if let ticket = first.ticket {
            put(first, to: ticket, now)
        } else {
            try askForTickets(now)
        }
        return true
    }

    private func takeFiles() throws(SpoolError) {
        while uploads.waiting.count < Uploads.batch, let line = try uploads.reader.peek() {
            uploads.reader.take()
            guard let file = SpooledFile(line) else { continue }
            let location = folder.location(of: file.path)
            // A file that is gone can no longer be sent.
            guard FileManager.default.isReadableFile(atPath: location) else { continue }
            if let artifact = file.artifact {
                uploads.artifacts.append(ArtifactUpload(artifact: artifact, name: file.name, path: location))
                continue
            }
            // Listed again because it has changed: its contents at that time will be sent.
            if uploads.waiting.contains(where: { $0.name == file.name && $0.path == location }) { continue }
            uploads.waiting.append(Uploads.Waiting(name: file.name, path: location, place: file.place))
        }
    }

    private func askForTickets(_ now: ContinuousClock.Instant) throws(SpoolError) {
        guard let run = try folder.run() else { throw .noRun(path: folder.path) }
        let names = uploads.waiting.map(\.name)
        switch api.createFiles(
            names, entity: position.entity, project: position.project, run: run.description.id)
        {
        case .success(let tickets):
            for (index, ticket) in tickets.enumerated() { uploads.waiting[index].ticket = ticket }
        case .failure(let failure): waitWithUploads(failure, now)
        }
    }

    private func put(_ file: Uploads.Waiting, to ticket: UploadTicket, _ now: ContinuousClock.Instant) {
        let body = HTTPRequest.Body.file(path: file.path, place: file.place)
        switch api.upload(body, to: ticket, meanwhile: { [self] in goOnBesideUpload(now) }) {
        case .success:
            succeeded()
            uploads.succeeded()
            if !uploads.done.contains(file.name) { uploads.done.append(file.name) }
            uploads.waiting.removeFirst()
        case .failure(let failure):
            waitWithUploads(failure, now)
            guard failure.kind == .refused else { return }
            // Addresses expire, and a refused file must not block others.
            for index in uploads.waiting.indices { uploads.waiting[index].ticket = nil }
            uploads.waiting.append(uploads.waiting.removeFirst())
        }
    }

    /// Files have waits of their own: rows continue meanwhile.
    func waitWithUploads(_ failure: CallFailure, _ now: ContinuousClock.Instant) {
        guard failure.kind != .cancelled else { return }
        uploads.failed(failure.description, from: now, to: ended(now), patience: pacing.uploadPatience)
        // Earlier than rows are retried: at the end of a run somebody waits.
        let pause = pacing.retry(failures: uploads.failures, random: Double.random(in: 0..<1)) / 4
        uploads.notBefore = ended(now) + (failure.retryAfter ?? pause)
    }

    /// Rows and heartbeat continue while a file is on its way, at their pace.
    func goOnBesideUpload(_ start: ContinuousClock.Instant) {
        let now = ended(start)
        if ContinuousClock.now - began >= .seconds(1) { besideUpload?() }
        // Short tasks need not be interrupted; a server may do one thing at a time.
        guard ContinuousClock.now - began >= .seconds(1), phase == .stream, !isCompleting, failures == 0,
            now >= (lastRequest ?? now) + max(pacing.interval, spacing),
            budget.map({ $0.reserve(at: now) == nil }) ?? true
        else { return }
        do throws(SpoolError) {
            if try !postBesideUpload(now) { budget?.refund(now) }
        } catch {
            // The next step reports on the folder.
            phase = .askWhatServerHas
        }
    }

    /// Once the run's end has arrived: the files that it did not wait for.
    func sendLeftFiles(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        guard try folder.run()?.session == position.completed else {
            phase = .findEntity
            return now
        }
        if try upload(now) { return now }
        if try hasUploads() { return max(now, uploads.notBefore ?? now) }
        uploads.done = []
        position.files.line = uploads.reader.taken
        position.filesLeft = nil
        try folder.write(position)
        phase = .finished
        return nil
    }
}
