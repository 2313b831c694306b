import ArgumentParser
import Artifacts
import Foundation
import Hub
import Layout

extension Worker {
    /// Reports this machine's Hugging Face setup, for `orchestrator doctor`.
    struct LookAtHub: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "look-at-hub",
            abstract: "Check whether the Hugging Face hub answers, whose token it is, and what the caches hold.",
            shouldDisplay: false)

        @Flag(help: "Ask nobody.")
        var offline = false

        private struct Report: Encodable {
            let endpoint: String
            /// Each cache's folder, and how many models and data sets it holds.
            let caches: [Cache]
            /// Where the token comes from.
            let tokenSource: String?
            /// Who the token belongs to, if the hub was asked.
            var user: String?
            /// The variable that forbids to ask, or the option.
            var silence: String?
            /// Why the hub gave no answer.
            var trouble: String?
            /// Whether it gave one, and refused the token.
            var isRefused = false
        }

        private struct Cache: Encodable {
            let path: String
            let entries: Int
            /// Why it cannot be listed; nil for one that can, or that does not exist.
            let trouble: String?

            init(path: String) {
                self.path = path
                do throws(FileError) {
                    let names = try FolderListing.names(in: path)
                    entries = names.count { !$0.hasPrefix(".") && $0 != "version.txt" }
                    trouble = nil
                } catch {
                    (entries, trouble) = (0, "\(error)")
                }
            }
        }

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let settings = HubSettings(environment: environment)
            let own = try CacheFolder(environment: environment).hub
            let caches = [settings.hubCache, settings.datasetsCache, own].map(Cache.init)
            var report = Report(endpoint: settings.endpoint, caches: caches, tokenSource: settings.tokenSource)
            report.silence = settings.offline ?? (offline ? "--offline" : nil)
            if report.silence == nil {
                do {
                    report.user = try Hub(settings: settings, cache: own).user()
                } catch {
                    report.trouble = error.description
                    report.isRefused = error.cause == .refused
                }
            }
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        }
    }
}
