/// Turns what a sender goes through into few lines for the user: each trouble once, and its end.
struct Announcer {
    private let folder: String
    private let notify: @Sendable (String) -> Void
    private var hasAnnouncedURL = false
    private var announced: RunSender.Problem?
    private var hasAnnouncedUploads = false
    private var hasAnnouncedArtifacts = false

    init(folder: String, notify: @escaping @Sendable (String) -> Void) {
        self.folder = folder
        self.notify = notify
    }

    mutating func follow(_ sender: RunSender) {
        if let url = sender.runURL, sender.hasCreatedRun, !hasAnnouncedURL {
            hasAnnouncedURL = true
            notify("W&B: run at \(url)")
        }
        followUploads(sender)
        if let trouble = sender.artifactTrouble, !hasAnnouncedArtifacts {
            hasAnnouncedArtifacts = true
            notify("W&B: artifacts are left out (\(trouble)); the run's files hold the same")
        }
        guard let problem = sender.problem else {
            if announced != nil { notify("W&B: rows are being sent again") }
            announced = nil
            return
        }
        guard announced == nil else { return }
        switch problem {
        // One failed request is nothing to report.
        case .unreachable where sender.failures < 2, .failing where sender.failures < 2,
            .refused where sender.failures < 2:
            return
        case .sentElsewhere:
            announced = problem
            notify("W&B: \(problem)" + (sender.runURL.map { "; run at \($0)" } ?? ""))
        default:
            announced = problem
            notify("W&B: \(problem); training continues, rows are kept in \(folder)")
        }
    }

    /// A store that takes no files is another server than the one that takes rows.
    private mutating func followUploads(_ sender: RunSender) {
        if let trouble = sender.uploadTrouble, sender.uploads.failures >= 3, !hasAnnouncedUploads {
            hasAnnouncedUploads = true
            notify("W&B: \(trouble); rows are still sent, files wait")
        } else if sender.uploadTrouble == nil, hasAnnouncedUploads {
            hasAnnouncedUploads = false
            notify("W&B: files are accepted again")
        }
    }
}

extension RunSender.Problem: CustomStringConvertible {
    /// One line without a full stop.
    public var description: String {
        switch self {
        case .sentElsewhere: "another process is sending this run's rows"
        case .unreachable(let reason), .failing(let reason), .refused(let reason): reason
        case .folder(let error): error.description
        }
    }
}
