import JSON

// Before the first line goes out: who the run belongs to, what the server has of it, where to continue.
extension RunSender {
    func findEntity(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        guard let run = try folder.run() else { throw .noRun(path: folder.path) }
        let sent = try folder.sent()
        hasSent = sent != nil
        position = sent ?? SentPosition(entity: "", project: run.description.project, url: "")
        if !position.url.isEmpty { runURL = position.url }
        if try validExit() != nil, position.completed == run.session {
            try startUploads()
            phase = position.filesLeft == nil ? .finished : .leftFiles
            return phase == .finished ? nil : now
        }
        if !hasSent {
            if let named = run.description.entity ?? api.settings.entity {
                position.entity = named
            } else {
                switch api.defaultEntity() {
                case .success(let entity):
                    position.entity = entity
                    succeeded()
                case .failure(let failure): return failed(failure, now)
                }
            }
        }
        phase = .askWhatServerHas
        return now
    }

    func askWhatServerHas(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        guard let run = try folder.run() else { throw .noRun(path: folder.path) }
        var server: ServerRun?
        switch api.resumeStatus(project: position.project, entity: position.entity, run: run.description.id) {
        case .success(let found): server = found
        // For a project that does not exist yet, or no longer, the server may answer "not found".
        case .failure(let failure) where failure.kind == .missing && (!hasSent || failures >= 2): server = nil
        case .failure(let failure): return failed(failure, now)
        }
        succeeded()
        try findPlace(server)
        // An earlier sender's last request may have arrived although its reply did not.
        if let exit = try validExit(), position.completing == exit.session, server?.hasExit == true,
            try hasNoLineLeft()
        {
            position.completed = exit.session
            try folder.write(position)
            phase = position.filesLeft == nil ? .finished : .leftFiles
            return phase == .finished ? nil : now
        }
        phase = .create(storageID: server?.storageID)
        return now
    }

    func create(storageID: String?, _ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock
        .Instant?
    {
        guard let run = try folder.run() else { throw .noRun(path: folder.path) }
        switch api.upsert(run, project: position.project, entity: position.entity, storageID: storageID) {
        case .success(let created):
            position.entity = created.entity
            position.project = created.project
            position.url = BaseURL.join(
                api.settings.appURL, [created.entity, created.project, "runs", run.description.id])
            runURL = position.url
            // Saved before the first line goes out: from now on line numbers show what was sent.
            try folder.write(position)
            for offline in OfflineRun.all(of: run, in: folder, offlineFolders) { try offline.markSynced() }
            hasSent = true
            described = run
            self.storageID = created.storageID
            succeeded()
            phase = .stream
            // The first lines go at once.
            if lastRequest == nil { lastRequest = now - pacing.interval }
            return now
        case .failure(let failure):
            // It may have been made anyway, and what we say about it may change before the next attempt.
            if storageID == nil { phase = .askWhatServerHas }
            return failed(failure, now)
        }
    }

    /// Puts every reader to the first line that the server lacks.
    ///
    /// If this folder was sent from before, line numbers decide. If it was not, or is shorter than what the
    /// server has (an earlier folder of the run was lost), history continues after the server's last step, and
    /// the other files with their first lines.
    private func findPlace(_ server: ServerRun?) throws(SpoolError) {
        summary = RunSummary()
        sentSummary = nil
        unacknowledged = nil
        // A server that has forgotten the run has none of its files either.
        if server == nil { position.files = SentPosition.File() }
        try startUploads()
        for stream in SpoolFolder.Stream.sent {
            let offset = server?.lines(of: stream) ?? 0
            var reader = SpoolReader(folder: folder, stream: stream)
            let line = max(position[stream].line + offset - position[stream].offset, 0)
            if hasSent {
                while reader.taken < line, try takeLine(&reader) != nil {}
            }
            if stream == .history, !hasSent || reader.taken < line {
                reader = SpoolReader(folder: folder, stream: stream)
                summary = RunSummary()
                let last = offset > 0 ? server?.lastStep ?? Int.min : Int.min
                while let step = try reader.peek()?.row?["_step"]?.integer, step <= last {
                    _ = try takeLine(&reader)
                }
            }
            position[stream] = SentPosition.File(line: reader.taken, offset: offset)
            readers[stream] = reader
        }
    }

    /// Moves a reader on by one line, which counts in the summary.
    func takeLine(_ reader: inout SpoolReader) throws(SpoolError) -> SpoolReader.Line? {
        guard let line = try reader.peek() else { return nil }
        reader.take()
        if reader.stream == .history, let row = line.row { summary.update(with: row) }
        return line
    }

    /// Whether no file holds a line that was not taken.
    func hasNoLineLeft() throws(SpoolError) -> Bool {
        for stream in SpoolFolder.Stream.sent where try readers[stream]?.peek() != nil {
            return false
        }
        return true
    }

    /// The run's exit, unless a writer opened the folder again since.
    func validExit() throws(SpoolError) -> SpooledExit? {
        guard let exit = try folder.exit(), try folder.run()?.session == exit.session else { return nil }
        return exit
    }
}
