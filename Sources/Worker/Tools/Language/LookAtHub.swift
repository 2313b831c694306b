import ArgumentParser
import Artifacts
import Foundation
import Hub
import Jobs
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

        func run() throws {
            let environment = ProcessInfo.processInfo.environment
            let settings = HubSettings(environment: environment)
            let own = try CacheFolder(environment: environment).hub
            let caches = [settings.hubCache, settings.datasetsCache, own].map(
                WorkerAnswer.HubReport.Cache.init(listing:))
            var report = WorkerAnswer.HubReport(
                endpoint: settings.endpoint, caches: caches, tokenSource: settings.tokenSource)
            report.silence = settings.offline ?? (offline ? "--offline" : nil)
            if report.silence == nil {
                do {
                    report.user = try Hub(settings: settings, cache: own).user()
                } catch {
                    report.trouble = error.description
                    report.isRefused = error.cause == .refused
                }
            }
            print(try WorkerAnswer.line(report))
        }
    }
}

extension WorkerAnswer.HubReport.Cache {
    /// Looks into a cache's folder.
    fileprivate init(listing path: String) {
        do throws(FileError) {
            let names = try FolderListing.names(in: path)
            self.init(
                path: path, entries: names.count { !$0.hasPrefix(".") && $0 != "version.txt" }, trouble: nil)
        } catch {
            self.init(path: path, entries: 0, trouble: "\(error)")
        }
    }
}
