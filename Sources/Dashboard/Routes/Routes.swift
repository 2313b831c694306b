import Artifacts
import Foundation
import JSON
import Layout
import Metrics
import Orchestration
import Store
import Version

/// Which address means what.
package struct Routes: Sendable {
    let site: Site
    private let page = PageFiles()

    /// Whether the build had the charting library; tables, logs and figures need none.
    package var hasCharts: Bool { page.hasCharts }

    package init(_ site: Site) { self.site = site }

    /// Answers a request that the gate has let through.
    package func answer(_ ask: Ask) async -> Reply {
        do {
            guard ask.path.first == "api" else {
                guard ask.method == "GET" else { return .failure(405, "the page's files can only be read") }
                return page.reply(to: ask.path) ?? .failure(404, "there is no page at that address")
            }
            let path = Array(ask.path.dropFirst())
            return try await reply(path, ask) ?? .failure(404, "there is nothing at that address")
        } catch {
            return .failure(error)
        }
    }

    private func reply(_ path: [String], _ ask: Ask) async throws -> Reply? {
        switch (ask.method, path.first, path.count) {
        case ("GET", "site", 1): try aboutSite()
        case ("GET", "metrics", 1): try MetricsAnswer.reply()
        case ("GET", "jobs", 1): try await jobs()
        case ("GET", "jobs", 2...): try await ofJob(Self.job(path[1]), Array(path.dropFirst(2)), ask)
        case ("GET", "agents", 3): try log(named: path[1], last: path[2], ask)
        case ("GET", "runs", 2...): try ofRun(Self.run(path[1]), Array(path.dropFirst(2)), ask)
        case ("POST", "curves", 1): try curves(ask)
        case ("POST", "runs", 3) where path[2] == "explain": try explain(Self.run(path[1]), ask)
        case ("GET", "export", 1): page.shell()
        default: nil
        }
    }

    private func aboutSite() throws -> Reply {
        struct About: Encodable {
            let cache, host, version: String
            let hasCharts: Bool
        }
        return try .json(
            About(
                cache: site.cache.path, host: ThisMachine.hostName, version: ProgramVersion.text,
                hasCharts: page.hasCharts))
    }

    static func job(_ text: String) throws(Failure) -> JobID {
        guard let number = Int64(text), number > 0 else { throw .badInput("'\(text)' is not a job's number") }
        return JobID(rawValue: number)
    }

    static func run(_ text: String) throws(Failure) -> RunID {
        guard let run = RunID(rawValue: text) else {
            throw .badInput("'\(text)' is not a run's name: eight lowercase letters and digits")
        }
        return run
    }
}

/// What is known about metrics, whatever logs them.
private enum MetricsAnswer {
    private struct Entry: Encodable {
        /// The beginning and end of its names; the whole name, and nothing, if it has just one.
        let before, after, meaning: String
        let isOfModule: Bool
        let unit, better: String?
        let axis: String
        /// Its place among what is worth a look first.
        let firstLook: Int?
        /// Whether it says how many of a module's subcomponents are alive.
        let countsAlive: Bool
    }

    static func reply() throws -> Reply {
        try .json(
            Metric.all.map { metric in
                let (before, after, isOfModule): (String, String, Bool) =
                    switch metric.key {
                    case .name(let name): (name, "", false)
                    case .module(let suffix): ("", "/" + suffix, true)
                    case .each(let before, let after): (before, after, true)
                    }
                return Entry(
                    before: before, after: after, meaning: metric.meaning, isOfModule: isOfModule, unit: metric.unit,
                    better: metric.better?.rawValue, axis: metric.axis.rawValue,
                    firstLook: Metric.firstLooks.firstIndex(of: metric),
                    countsAlive: metric == .aliveSubcomponents)
            })
    }
}
