// The run's lines, from the first that the server lacks to the exit.
extension RunSender {
    func stream(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        hasCaughtUp = false
        if unacknowledged == nil {
            // The run's name may come later than its first lines.
            if let run = try folder.run(), described.map(run.looksLike) != true {
                phase = .create(storageID: storageID)
                return now
            }
            // Read before the lines: what the exit follows is then in the files.
            let exit = try validExit()
            // At the end everything available goes at once, and the rest with the last file; in between the pace is
            // kept.
            let isEnding = exit != nil || isUrgent
            let awaitsFiles = isEnding && !uploads.isHeldUp ? try hasUploads() : false
            let isHurrying = isEnding && !(hasFlushed && awaitsFiles)
            let earliest = (lastRequest ?? now) + max(isHurrying ? .zero : pacing.interval, spacing)
            // Files go while rows wait for their time, and before the exit unless the store does not take them.
            if (exit != nil && hasFlushed && awaitsFiles) || now < earliest, try upload(now) { return now }
            if now < earliest {
                let next = uploads.notBefore.flatMap { $0 > now ? $0 : nil }
                return min(earliest, next ?? earliest)
            }
            hasFlushed = isEnding
            try collect(exit: exit)
            isDrained = unacknowledged == nil
            if isDrained {
                // All rows are there: files may go early.
                if isUrgent, try upload(now) {
                    isDrained = false
                    return now
                }
                hasCaughtUp = try !hasUploads()
                let heartbeat = (lastRequest ?? now) + pacing.heartbeat
                if now < heartbeat { return min(heartbeat, now + pacing.poll) }
                unacknowledged = signOfLife(isWhole: hasCaughtUp && exit == nil)
            }
        }
        return try post(now)
    }

    private func signOfLife(isWhole: Bool) -> Unacknowledged {
        Unacknowledged(bytes: Array("{}".utf8), position: position, uploaded: 0, isWhole: isWhole)
    }

    /// Posts what is new, or a heartbeat, while a file is on its way.
    ///
    /// - Returns: whether it asked anything of the server.
    func postBesideUpload(_ now: ContinuousClock.Instant) throws(SpoolError) -> Bool {
        if unacknowledged == nil { try collect(exit: nil) }
        if unacknowledged == nil, now >= (lastRequest ?? now) + pacing.heartbeat {
            unacknowledged = signOfLife(isWhole: false)
        }
        guard unacknowledged != nil else { return false }
        _ = try post(now)
        return true
    }

    /// Puts what is new into one request, with the exit if everything fits.
    private func collect(exit: SpooledExit?) throws(SpoolError) {
        var body = FileStreamBody(maximumBytes: batchLimit)
        var next = position
        var isFull = false
        var hasRows = false
        for stream in SpoolFolder.Stream.sent where !isFull {
            guard var reader = readers[stream] else { continue }
            while let line = try reader.peek() {
                guard body.add(line.text, to: stream, offset: next[stream].offset) else {
                    isFull = true
                    break
                }
                _ = try takeLine(&reader)
                next[stream].line += 1
                next[stream].offset += 1
                hasRows = hasRows || stream == .history
            }
            readers[stream] = reader
        }
        body.uploaded = uploads.done
        body.isPreempting = mustSayPreempting && exit == nil
        if uploads.isEmpty { next.files.line = uploads.reader.taken }
        let hasUploads = try hasUploads()
        let isLast = exit != nil && !isFull && (!hasUploads || uploads.isHeldUp)
        if hasRows || isLast {
            let line = summary.line(runtime: isLast ? exit?.runtime : nil)
            if line != sentSummary {
                body.setSummary(line)
                sentSummary = line
            }
        }
        if isLast, let exit {
            body.exitCode = exit.exitCode
            next.completed = exit.session
            // If this process dies before the reply comes, the next one asks whether the exit arrived.
            position.completing = exit.session
            position.filesLeft = hasUploads ? try uploadsLeft() : nil
            next.completing = position.completing
            next.filesLeft = position.filesLeft
            try folder.write(position)
        }
        if !body.isEmpty {
            unacknowledged = Unacknowledged(
                bytes: body.bytes, position: next, uploaded: body.uploaded.count, isPreempting: body.isPreempting,
                isWhole: !isFull && !hasUploads)
        }
    }

    private func post(_ now: ContinuousClock.Instant) throws(SpoolError) -> ContinuousClock.Instant? {
        guard let sending = unacknowledged, let run = try folder.run() else {
            throw .noRun(path: folder.path)
        }
        let reply = api.stream(
            sending.bytes, entity: position.entity, project: position.project, run: run.description.id)
        switch reply {
        case .failure(let failure):
            if failure.kind == .tooLarge, batchLimit > 64 << 10 {
                batchLimit /= 2
                phase = .askWhatServerHas
            }
            // A server that lost the run is asked what it has; one that erred gets the same request again first.
            if failure.kind == .missing, failures >= 2 { phase = .askWhatServerHas }
            return failed(failure, now)
        case .success(let reply):
            succeeded()
            unacknowledged = nil
            uploads.done.removeFirst(sending.uploaded)
            if sending.isPreempting { mustSayPreempting = false }
            newRows += sending.position.history.line - position.history.line
            position = sending.position
            hasCaughtUp = sending.isWhole
            lastRequest = ended(now)
            spacing = reply.spacing
            if position.completed == run.session { phase = position.filesLeft == nil ? .finished : .leftFiles }
            try folder.write(position)
            if reply.isStopped, !isStopped {
                isStopped = true
                try folder.requestStop()
            }
            return phase == .finished ? nil : now
        }
    }
}
