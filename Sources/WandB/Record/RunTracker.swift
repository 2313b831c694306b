public import JSON

/// What a training loop reports to W&B; every call returns at once, whatever the network does.
///
/// Rows go to the run's folder, and from there, in the background, to the server. A run that continues in
/// another process opens the same folder: rows that it makes again are skipped, the rest follows.
public final class RunTracker: Sendable {
    private let spool: SharedSpool?
    private let thread: DeliveryThread?
    private let keepsConsole: Bool
    /// What `finish` answers where there is nothing to send.
    private let untracked: Delivery

    /// Starts tracking, new or again.
    ///
    /// - Parameters:
    ///   - run: what W&B shows about the run.
    ///   - folder: where its rows are kept, the run folder's `wandb`.
    ///   - settings: whether and where to send; without a key, or offline, rows stay in the folder.
    ///   - pacing: how often and how patiently to send.
    ///   - clock: the time of rows.
    ///   - offlineFolders: where `offline-run-…` folders of runs are made on request.
    ///   - isHeld: asked whether the run is this attempt's; while it is not, nothing is kept or sent.
    ///   - notify: takes lines for the user, from any thread.
    public init(
        run: RunDescription, folder: String, settings: WandBSettings, pacing: SendPacing = SendPacing(),
        clock: RunClock = .system, offlineFolders: String? = nil, isHeld: @escaping @Sendable () -> Bool = { true },
        notify: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        let notify = settings.isSilent ? { @Sendable _ in } : notify
        keepsConsole = settings.keepsConsole
        let place = SpoolFolder(path: folder)
        guard settings.mode != .disabled else {
            (spool, thread, untracked) = (nil, nil, .disabled)
            return
        }
        do {
            let spool = try SharedSpool(
                folder: place, description: run, clock: clock, isHeld: isHeld, notify: notify)
            spool.write { writer throws(SpoolError) in
                writer.ignoredFiles = settings.ignoredFiles
                try writer.describe()
            }
            if let reason = settings.offlineReason {
                notify("W&B: offline (\(reason)); rows stay in \(folder)")
            }
            let thread = DeliveryThread(
                folder: place, spool: spool, settings: settings, pacing: pacing, offlineFolders: offlineFolders,
                notify: notify)
            thread.start()
            (self.spool, self.thread, untracked) = (spool, thread, .disabled)
        } catch {
            notify("W&B: \(error); this run is not tracked")
            (spool, thread, untracked) = (nil, nil, .left(folder: folder, reason: error.description))
        }
    }

    /// Keeps one row of metrics; a step at or before the last one has its row already and is skipped.
    ///
    /// - Parameters:
    ///   - step: the row's step.
    ///   - values: its columns.
    ///   - media: further columns that show a picture, a table or a histogram.
    public func log(
        step: Int, values: [(name: String, value: JSONValue)], media: [(name: String, medium: Media)] = []
    ) {
        spool?.write { writer throws(SpoolError) in try writer.log(step: step, values: values, media: media) }
    }

    /// Gives the run the name that tables show, unless it has one.
    public func suggest(name: String) {
        spool?.write { writer throws(SpoolError) in try writer.suggest(name: name) }
    }

    /// Keeps a line of the run's output.
    public func console(_ line: String, isError: Bool = false) {
        guard keepsConsole else { return }
        spool?.write { writer throws(SpoolError) in try writer.console(line, isError: isError) }
    }

    /// Uploads a finished file, which must stay as it is, under a name of the run's, such as `final_config.yaml`.
    ///
    /// Asked again for the same file, it uploads it only if the file has changed.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to the run's folder, the one above `wandb`.
    ///   - name: what W&B calls it; folders are parted by `/`.
    public func upload(_ path: String, as name: String) {
        spool?.write { writer throws(SpoolError) in try writer.upload(path: path, name: name) }
    }

    /// Uploads a run's weights, as a file of the run's and as a version of its model artifact.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to the run's folder, the one above `wandb`.
    ///   - name: what W&B calls the file.
    public func uploadModel(_ path: String, as name: String) {
        spool?.write { writer throws(SpoolError) in
            try writer.upload(path: path, name: name)
            try writer.upload(path: path, name: name, artifact: .model(run: writer.run.description.id))
        }
    }

    /// Whether rows are kept, and are to be sent some time.
    public var keepsRows: Bool { spool != nil }

    /// Whether someone pressed stop on the run's page.
    public var stopRequested: Bool { thread?.stopRequested ?? false }

    /// The run's page, once the server has the run.
    public var runURL: String? { thread?.url }

    /// Ends the run: sends what is left and its exit code, as long as the server takes it.
    ///
    /// What the run's folder holds becomes one file then, from which `orchestrator sync` sends what stayed behind.
    /// Waits a few seconds for a server that does not answer, some minutes for one that takes rows slowly. Calls
    /// after the first do nothing.
    ///
    /// - Parameters:
    ///   - exitCode: 0 if all went well, 255 if the run was stopped.
    ///   - isInHurry: asked again and again; once true, it waits a few seconds more and no longer.
    /// - Returns: what became of the rows.
    public func finish(exitCode: Int32, isInHurry: @escaping () -> Bool = { false }) -> Delivery {
        guard let spool, let thread else { return untracked }
        spool.write { writer throws(SpoolError) in
            try writer.exit(code: exitCode, log: keepsConsole ? "output.log" : nil)
        }
        return thread.finish(isInHurry: isInHurry)
    }

    /// Leaves the run unfinished, to continue in another process: sends what is left, but no exit code.
    ///
    /// - Parameter isPreempted: whether its page is to say that the machine was taken from it.
    /// - Returns: what became of the rows.
    public func suspend(isPreempted: Bool = false) -> Delivery {
        thread?.suspend(isPreempted: isPreempted) ?? untracked
    }
}
