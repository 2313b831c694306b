import Foundation
import JSON
import Orchestration
import Store

extension Routes {
    /// The list of jobs, as `status --json` prints it.
    func jobs() async throws -> Reply {
        guard let state = try site.state() else {
            return try .json(JobListing(cache: site.cache.path, jobs: []))
        }
        let jobs = try state.jobs()
        return try .json(
            JobListing(cache: site.cache.path, jobs: jobs, remarks: await site.agents(state).remarks(on: jobs)))
    }

    func ofJob(_ job: JobID, _ path: [String], _ ask: Ask) async throws -> Reply? {
        let state = try site.openState()
        switch path {
        case []:
            return try await site.reports.value(of: job) {
                let (snapshot, outlook) = try await site.agents(state).look(at: job, runsAtMost: 0)
                return try .json(JobReport(snapshot, outlook))
            }
        case ["why"]:
            return try await site.analyses.value(of: job) {
                let (snapshot, outlook) = try await site.agents(state).look(at: job)
                return try .json(
                    FailureAnalysis(
                        snapshot, attempts: state.attempts(of: job),
                        endings: outlook.endings.isEmpty ? snapshot.withoutWithdrawn(snapshot.endings) : outlook.endings
                    ))
            }
        case ["settings"]: return try settings(of: job, state)
        case ["runs"]: return try runs(of: job, ask, state)
        case ["where"]:
            struct Selected: Encodable {
                let runs: [String]
            }
            let query = try RunQuery(where: ask.query["condition"] ?? "")
            let selection = try RunSelection(query, of: state.snapshot(of: job), in: state)
            return try .json(Selected(runs: selection.runs.map(\.id.rawValue)))
        default: return nil
        }
    }

    /// The configs' keys: those that the sweep has set, and all.
    private func settings(of job: JobID, _ state: Store) throws -> Reply {
        struct Names: Encodable {
            let swept, all: [String]
        }
        let all = try state.exampleConfigs(of: job).reduce(into: Set<String>()) { names, config in
            names.formUnion(try FlatConfig(config).settings.map(\.name))
        }
        return try .json(Names(swept: state.sweptSettings(of: job), all: all.sorted()))
    }

    /// The runs' table: all rows, or those that may have changed since a moment given in an earlier answer.
    private func runs(of job: JobID, _ ask: Ask, _ state: Store) throws -> Reply {
        let settings = try ask.query["settings"] == nil ? state.sweptSettings(of: job) : ask.list("settings")
        // A clock of another node may be behind.
        let since = ask.query["since"].flatMap { Double($0) }.map { Timestamp(rawValue: $0 - 120) }
        let (time, rows) = try state.listing(of: job, settings: settings, changedSince: since)
        let names = { (list: [String]) in JSONValue.array(list.map(JSONValue.string)).text }
        return .json(
            """
            {"time":\(time.rawValue),"fields":\(names(Store.listingFields)),"settings":\(names(settings)),"rows":\(rows)}
            """)
    }
}
