import Foundation
import HTTP

/// Another attempt at a run that its own process could not send to the end.
public enum Redelivery {
    /// Sends what a run's folder holds, as long as the server takes it.
    ///
    /// - Parameters:
    ///   - folder: the run's `wandb` folder.
    ///   - settings: where to send; without a key, or offline, nothing is tried.
    ///   - pacing: how patiently to send.
    ///   - offlineFolders: where `offline-run-…` folders of runs are made on request.
    ///   - isInHurry: asked again and again; true gives up.
    /// - Returns: what became of the rows.
    public static func send(
        _ folder: String, settings: WandBSettings, pacing: SendPacing = SendPacing(), offlineFolders: String? = nil,
        isInHurry: @escaping () -> Bool = { false }
    ) -> Delivery {
        guard settings.offlineReason == nil, let key = settings.apiKey else {
            return .left(folder: folder, reason: settings.offlineReason ?? "no key")
        }
        let sender: RunSender
        do throws(HTTPError) {
            sender = RunSender(
                folder: folder, settings: settings, key: key, client: try settings.makeClient(), pacing: pacing,
                offlineFolders: offlineFolders)
        } catch {
            return .left(folder: folder, reason: error.description)
        }
        sender.hurry()
        var lastSuccess = ContinuousClock.now
        var seen = sender.successes
        while !sender.isFinished, !sender.leavesFiles {
            let due = sender.step(at: .now, isCancelled: isInHurry)
            if sender.successes != seen { (seen, lastSuccess) = (sender.successes, .now) }
            let patience = pacing.patience(sender.problem, failures: sender.failures)
            if isInHurry() || .now - lastSuccess >= patience || sender.problem == .sentElsewhere { break }
            let pause = min(max(((due ?? .now) - .now).seconds, 0), 0.2)
            Thread.sleep(forTimeInterval: pause)
        }
        let delivery: Delivery =
            if sender.isFinished {
                .delivered(url: sender.runURL)
            } else if sender.hasEnded {
                .filesLeft(url: sender.runURL, reason: sender.uploadTrouble ?? "they were not taken")
            } else {
                .left(folder: folder, reason: sender.problem.map { "\($0)" } ?? "the server is slow")
            }
        sender.release()
        // A folder that stays a folder only costs files.
        _ = try? SpoolFolder(path: folder).fold()
        return delivery
    }
}

extension SendPacing {
    /// How long to wait for a run's end without a success.
    func patience(_ problem: RunSender.Problem?, failures: Int) -> Duration {
        switch problem {
        // Retried throughout training: hundreds of runs must not wait for it at their ends.
        case .unreachable where failures > 2: deadServerPatience / 4
        case nil: silentServerPatience
        case .failing: failingServerPatience
        case .unreachable, .refused, .sentElsewhere, .folder: deadServerPatience
        }
    }
}
