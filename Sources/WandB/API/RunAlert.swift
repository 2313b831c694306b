import Foundation
import HTTP
import JSON

/// A message to a project's followers on W&B, which shows it and mails it on request.
public enum RunAlert {
    /// Sends an alert in the name of a run that the server has.
    ///
    /// - Parameters:
    ///   - title: what it is about.
    ///   - text: what there is to know, Markdown.
    ///   - folder: the run's `wandb` folder.
    ///   - settings: where to send.
    ///   - pacing: how long calls may take.
    /// - Returns: why it was not sent; nil if it was.
    public static func send(
        title: String, text: String, inTheNameOf folder: String, settings: WandBSettings,
        pacing: SendPacing = SendPacing()
    ) -> String? {
        guard settings.offlineReason == nil, let key = settings.apiKey else {
            return settings.offlineReason ?? "no key"
        }
        let spool = SpoolFolder(path: folder)
        do {
            guard let run = try spool.run(), let sent = try spool.sent(), !sent.url.isEmpty else {
                return "the server does not have the run"
            }
            let api = WandBAPI(settings: settings, key: key, client: try settings.makeClient(), pacing: pacing)
            let variables: [JSONValue.Member] = [
                .init("entityName", .string(sent.entity)), .init("projectName", .string(sent.project)),
                .init("runName", .string(run.description.id)), .init("title", .string(title)),
                .init("text", .string(text)), .init("severity", .string("WARN")),
                // Milliseconds in which the same alert is not sent again.
                .init("waitDuration", .number(60_000)),
            ]
            let patience = Deadline(limit: .seconds(15), firstPause: .seconds(1), isCancelled: { false })
            _ = try patience.call { api.graphQL(.notifyScriptableRunAlert, variables: variables) }
            return nil
        } catch {
            return "\(error)"
        }
    }
}

extension GraphQLDocument {
    /// Sends an alert.
    static let notifyScriptableRunAlert = GraphQLDocument(
        operationName: "NotifyScriptableRunAlert",
        text: """
            mutation NotifyScriptableRunAlert(
              $entityName: String!, $projectName: String!, $runName: String!, $title: String!, $text: String!,
              $severity: AlertSeverity = INFO, $waitDuration: Duration
            ) {
              notifyScriptableRunAlert(input: {
                entityName: $entityName, projectName: $projectName, runName: $runName, title: $title, text: $text,
                severity: $severity, waitDuration: $waitDuration
              }) { success }
            }
            """)
}
