import Foundation
import Jobs

/// Whether the Hugging Face hub, its caches and the token work: what `submit` needs for language models.
///
/// Without a way to the hub only what has to be downloaded is lost, so that is no problem.
package struct HubCheck {
    package let environment: [String: String]
    /// Whether nobody is asked.
    package let isOffline: Bool

    package init(environment: [String: String], isOffline: Bool) {
        self.environment = environment
        self.isOffline = isOffline
    }

    package func findings() -> [Finding] {
        // A worker that does not start has already been reported.
        guard let worker = try? Program.worker(environment: environment) else { return [] }
        // The answer of the worker, which knows the hub.
        let report: WorkerAnswer.HubReport
        do {
            let command = [worker, "look-at-hub"] + (isOffline ? ["--offline"] : [])
            let answer = try ChildProcess(command: command, environment: environment).run(patience: .seconds(20))
            report = try WorkerAnswer.read(answer.text)
        } catch let trouble as ChildProcess.Trouble {
            return [.warning("HF hub", "\(worker) look-at-hub \(trouble)", Self.withoutHub)]
        } catch {
            return [
                .warning(
                    "HF hub", "\(worker) look-at-hub gave an answer that cannot be read: \(error)", Self.withoutHub)
            ]
        }
        return [hub(report), caches(report)]
    }

    private static let withoutHub =
        "language models and texts then come from the caches, or from folders; toy models need no hub"

    private func hub(_ report: WorkerAnswer.HubReport) -> Finding {
        let token = report.tokenSource.map { "the token from \($0)" }
        if let silence = report.silence {
            return .ok("HF hub", "not asked (\(silence)); \(token.map { $0 + " is there" } ?? "no token")")
        }
        if let trouble = report.trouble {
            return report.isRefused
                ? .warning(
                    "HF hub", trouble, "make a token on \(report.endpoint)/settings/tokens, or remove the one there is")
                : .warning("HF hub", trouble, Self.withoutHub)
        }
        guard let user = report.user, let token else {
            return .ok("HF hub", "\(report.endpoint) answers; no token, which gated models and data sets need")
        }
        return .ok("HF hub", "\(report.endpoint) answers; \(token) is \(user)'s")
    }

    private func caches(_ report: WorkerAnswer.HubReport) -> Finding {
        let told = report.caches.map { cache in
            cache.entries == 0 ? "\(cache.path) (nothing)" : "\(cache.path) (\(cache.entries))"
        }
        guard let trouble = report.caches.lazy.compactMap(\.trouble).first else {
            return .ok("HF caches", told.joined(separator: ", "))
        }
        return .warning("HF caches", trouble, "make the folder readable, or name another one (HF_HOME)")
    }
}
