import Foundation
import JSON

/// A run's files on their way to the server.
struct Uploads {
    /// A file that has no address yet, or whose address is used next.
    struct Waiting {
        let name: String
        let path: String
        var ticket: UploadTicket?
    }

    var reader: SpoolReader
    /// Files taken from the list and not yet uploaded.
    var waiting: [Waiting] = []
    /// Names of uploaded files that the server is to be told of.
    var done: [String] = []
    var failures = 0
    var refusals = 0
    var notBefore: ContinuousClock.Instant?

    /// Files that are asked for at once.
    static let batch = 100
    /// After so many refused uploads a file is left out: a run must be able to end.
    static let maximumRefusals = 5
}

// Files: an address for each from the server, the bytes to that address, the name in the next request.
extension RunSender {
    /// Goes on after the files that the server was told of.
    func startUploads() throws(SpoolError) {
        uploads = Uploads(reader: SpoolReader(folder: folder, stream: .files))
        while uploads.reader.taken < position.files.line, try uploads.reader.peek() != nil {
            uploads.reader.take()
        }
    }

    /// Whether a file waits for its upload.
    func hasUploads() throws(SpoolError) -> Bool {
        let isListed = try uploads.reader.peek() != nil
        return isListed || !uploads.waiting.isEmpty
    }

    /// Makes one request for the files, if one is due.
    ///
    /// - Returns: whether it did.
    func upload(_ now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        if let notBefore = uploads.notBefore, now < notBefore { return false }
        if uploads.waiting.isEmpty { try takeFiles() }
        guard let first = uploads.waiting.first else { return false }
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
            guard let name = line.row?["name"]?.string, let path = line.row?["path"]?.string else { continue }
            let location = folder.location(of: path)
            // A file that is gone again cannot be sent by anyone.
            guard FileManager.default.isReadableFile(atPath: location) else { continue }
            // Listed again because it has changed: what will be sent is what it is by then.
            if uploads.waiting.contains(where: { $0.name == name && $0.path == location }) { continue }
            uploads.waiting.append(Uploads.Waiting(name: name, path: location))
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
        switch api.upload(file.path, to: ticket) {
        case .success:
            succeeded()
            uploads.failures = 0
            uploads.refusals = 0
            if !uploads.done.contains(file.name) { uploads.done.append(file.name) }
            uploads.waiting.removeFirst()
        case .failure(let failure):
            waitWithUploads(failure, now)
            guard failure.kind == .refused else { return }
            // Addresses expire.
            for index in uploads.waiting.indices { uploads.waiting[index].ticket = nil }
            uploads.refusals += 1
            if uploads.refusals == Uploads.maximumRefusals {
                uploads.refusals = 0
                uploads.waiting.removeFirst()
            }
        }
    }

    /// Files have waits of their own: rows go on meanwhile.
    private func waitWithUploads(_ failure: CallFailure, _ now: ContinuousClock.Instant) {
        guard failure.kind != .cancelled else { return }
        uploads.failures += 1
        problem = .failing(failure.description)
        let pause = pacing.retry(failures: uploads.failures, random: Double.random(in: 0..<1))
        uploads.notBefore = ended(now) + (failure.retryAfter ?? pause)
    }
}
