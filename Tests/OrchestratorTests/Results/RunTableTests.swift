import Foundation
import Store
import Testing

@testable import Orchestration

/// Tables are read and written in pieces; what comes out is one table.
struct RunTableTests {
    private static let count = 1100

    /// A job in which one run is done.
    private func job(in bench: Workbench) throws -> (Store, JobSnapshot) {
        let store = try Store(CacheFolder(path: bench.cache))
        let specs = (0..<Self.count).map { seed in
            NewSpec(
                experiment: "a", config: #"{"lr": 0.1, "seed": \#(seed)}"#, overrides: #"[["seed","\#(seed)"]]"#,
                target: nil, steps: 100)
        }
        let job = try store.insertJob(
            NewJob(token: "t", submittedFrom: "/", executor: .local, agentCount: 1), specs: specs
        ) { _ in }.id
        let agent = try store.registerAgent(
            AgentIdentity(host: "n1", pid: 1, slurm: SlurmPlace(environment: [:])), for: job)
        try store.prioritize([store.snapshot(of: job).runs[700].id], 1)
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(60)))
        try store.complete(claim, metrics: ["mmcs": 0.5, "ml2r": 2])
        return (store, try store.snapshot(of: job))
    }

    @Test func aTableHasALineForEachRunInTheirOrder() throws {
        let bench = try Workbench()
        let (store, snapshot) = try job(in: bench)
        let table = try RunTable(snapshot.job.id, in: store, allConfig: false)
        var (csv, pieces) = ("", 0)
        try table.csv {
            csv += $0
            pieces += 1
        }
        let lines = csv.components(separatedBy: "\r\n")
        #expect(lines.count == Self.count + 2 && lines.last == "" && pieces > 3)
        #expect(lines[0].hasSuffix(",folder,seed,ml2r,mmcs"))
        for (place, run) in snapshot.runs.enumerated() {
            let end = place == 700 ? ",700,2.0,0.5" : ",\(place),,"
            #expect(lines[place + 1].hasPrefix("\(run.id),\(place),a,") && lines[place + 1].hasSuffix(end))
        }

        var json = ""
        try table.jsonLines { json += $0 }
        let rows = json.split(separator: "\n")
        #expect(rows.count == Self.count)
        for (place, run) in snapshot.runs.enumerated() {
            #expect(rows[place].contains(#""config":{"seed":\#(place)},"#))
            #expect(rows[place].contains(#""run":"\#(run.id)""#))
        }
        #expect(rows[700].contains(#""metrics":{"ml2r":2,"mmcs":0.5}"#))
    }

    @Test func aTablesRowsComeInTheOrderOfItsQuery() throws {
        let bench = try Workbench()
        let (store, snapshot) = try job(in: bench)
        let query = try RunQuery(where: "seed < 1050", sort: "-seed")
        let table = try RunTable(snapshot.job.id, in: store, allConfig: true, metrics: ["mmcs"], query: query)
        var csv = ""
        try table.csv { csv += $0 }
        let lines = csv.components(separatedBy: "\r\n")
        #expect(lines.count == 1052)
        for seed in 0..<1050 {
            #expect(lines[1050 - seed].hasSuffix(",0.1,\(seed),\(seed == 700 ? "0.5" : "")"))
        }
    }
}
