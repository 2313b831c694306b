/// What a training loop tells W&B; every call returns at once, whatever the network does.
///
/// Rows go to the run's folder, and from there, in the background, to the server. A run that goes on in
/// another process opens the same folder: rows that it makes again are skipped, the rest follows.
public final class RunTracker: Sendable {
    private let spool: SharedSpool?
    private let thread: DeliveryThread?
    private let folder: String
    private let notify: @Sendable (String) -> Void
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
    ///   - notify: takes lines for the user, from any thread.
    public init(
        run: RunDescription, folder: String, settings: WandBSettings, pacing: SendPacing = SendPacing(),
        clock: RunClock = .system, notify: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.folder = folder
        self.notify = notify
        let place = SpoolFolder(path: folder)
        guard settings.mode != .disabled else {
            (spool, thread, untracked) = (nil, nil, .disabled)
            return
        }
        do {
            let spool = try SharedSpool(folder: place, description: run, clock: clock, notify: notify)
            if let reason = settings.offlineReason {
                notify("W&B: offline (\(reason)); rows stay in \(folder)")
            }
            let thread = DeliveryThread(
                folder: place, spool: spool, settings: settings, pacing: pacing, notify: notify)
            thread.start()
            (self.spool, self.thread, untracked) = (spool, thread, .disabled)
        } catch {
            notify("W&B: \(error); this run is not tracked")
            (spool, thread, untracked) = (nil, nil, .left(folder: folder, reason: error.description))
        }
    }

    /// Keeps one row of metrics; a step at or before the last one has its row already and is skipped.
    public func log(step: Int, values: [(name: String, value: JSONValue)]) {
        spool?.write { writer throws(SpoolError) in try writer.log(step: step, values: values) }
    }

    /// Keeps a line of the run's output.
    public func console(_ line: String, isError: Bool = false) {
        spool?.write { writer throws(SpoolError) in try writer.console(line, isError: isError) }
    }

    /// Uploads a finished file, which must stay as it is, under a name of the run's, such as `final_config.yaml`.
    ///
    /// - Parameters:
    ///   - path: absolute, or relative to the run's folder, the one above `wandb`.
    ///   - name: what W&B calls it; folders are parted by `/`.
    public func upload(_ path: String, as name: String) {
        spool?.write { writer throws(SpoolError) in try writer.upload(path: path, name: name) }
    }

    /// Whether someone pressed stop on the run's page.
    public var stopRequested: Bool { thread?.stopRequested ?? false }

    /// The run's page, once the server has the run.
    public var runURL: String? { thread?.url }

    /// Ends the run: sends what is left and its exit code, as long as the server takes it.
    ///
    /// What stays behind is also written as an `offline-run-…` folder, which `wandb sync` reads.
    /// Waits a few seconds for a server that does not answer, up to a minute for one that does. Calls after the
    /// first do nothing.
    public func finish(exitCode: Int32) -> Delivery {
        guard let spool, let thread else { return untracked }
        spool.write { writer throws(SpoolError) in try writer.exit(code: exitCode) }
        let delivery = thread.finish()
        if case .left = delivery {
            do {
                _ = try OfflineRun.write(from: folder)
            } catch {
                notify("W&B: \(error); 'wandb sync' cannot read this run")
            }
        }
        return delivery
    }

    /// Leaves the run unfinished, to go on in another process: sends what is left, but no exit code.
    public func suspend() -> Delivery {
        thread?.suspend() ?? untracked
    }
}
