import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// `--where`, `--sort`, `--group-by` and `--columns` as a user gives them.
struct QueryTests {
    let bench: Workbench
    let store: Store
    private let runs: [RunID]

    /// Nine runs: three rates by three seeds, the last of which has failed.
    init() throws {
        bench = try Workbench()
        store = try Store(CacheFolder(path: bench.cache))
        let specs = (0..<9).map { index in
            let (rate, seed) = (["0.1", "0.01", "0.001"][index / 3], index % 3)
            return NewSpec(
                experiment: "a", config: #"{"lr":\#(rate),"seed":\#(seed),"task_config":{"p":0.5,"bias":true}}"#,
                overrides: #"[["lr","\#(rate)"],["seed","\#(seed)"]]"#, target: nil, steps: 100)
        }
        let job = try store.insertJob(
            NewJob(token: "spd-q", submittedFrom: "/", executor: .local, agentCount: 1), specs: specs
        ) { _ in }.id
        let place = SlurmPlace(environment: [:])
        let agent = try store.registerAgent(AgentIdentity(host: "n1", pid: 1, slurm: place), for: job)
        for index in 0..<9 {
            let claim = try #require(try store.claimNext(of: job, by: agent, lease: .seconds(600)))
            if index == 8 {
                try store.fail(claim, error: "the loss is NaN", retry: false)
            } else {
                let mmcs = Double(index / 3) / 4 + Double(index % 3) / 16
                try store.complete(claim, metrics: ["loss/total": Double(index), "mmcs": mmcs])
            }
        }
        try store.agentEnded(agent, reason: "nothing is left")
        runs = try store.snapshot(of: job).runs.map(\.id)
    }

    @Test func whereNoRunIsSelectedStatusSaysSo() async throws {
        for more in [[], ["--columns", "lr"]] {
            let status = try await bench.orchestrator(["status", "1", "--runs", "--where", "lr>9"] + more)
            #expect(status.output.contains("\n--where selects no runs.\n"), "\(status.output)\(status.error)")
        }
    }

    private func csv(_ arguments: [String]) async throws -> [String] {
        let answer = try await bench.orchestrator(["export", "1"] + arguments)
        try #require(answer.code == 0, "\(answer.error)")
        return answer.output.components(separatedBy: "\r\n").dropLast()
    }

    @Test func aTableHasTheRunsAndColumnsThatWereAskedFor() async throws {
        let lines = try await csv([
            "--where", "lr<0.1 and state=done", "--sort", "-mmcs", "--columns", "run,lr,p,mmcs,node",
        ])
        #expect(lines.first == "run,lr,task_config.p,mmcs,node")
        #expect(lines.dropFirst().first == "\(runs[7]),0.001,0.5,0.5625,n1")
        #expect(lines.count == 6)
        let plain = try await csv(["--where", "error~nan"])
        #expect(plain.count == 2)
        #expect(plain[1].contains("the loss is NaN"))
        let history = try await bench.orchestrator(["export", "1", "--history", "--where", "seed=2"])
        #expect(history.output == "run,experiment,step,metric,value\r\n")
        // The last one has failed before its first row.
        let lost = [runs[2], runs[5]].map {
            "orchestrator: run \($0): \(bench.cache)/runs/\($0)/metrics.jsonl is gone\n"
        }
        #expect(history.code == 1 && history.error == lost.joined(), "\(history.error)")
        let json = try await bench.orchestrator([
            "export", "--jsonl", "--columns", "lr,bias,error", "--where", "seed=2",
        ])
        #expect(json.output.hasPrefix(#"{"error":null,"lr":0.1,"task_config.bias":true}"#), "\(json.output)")
    }

    @Test func groupsLookAcrossSeeds() async throws {
        let lines = try await csv(["--group-by", "lr", "--columns", "mmcs", "--where", "state=done", "--sort=-mmcs"])
        #expect(
            lines == [
                "lr,n,mmcs.mean,mmcs.deviation,mmcs.median,mmcs.n", "0.001,2,0.53125,0.04419417382415922,0.53125,2",
                "0.01,3,0.3125,0.0625,0.3125,3", "0.1,3,0.0625,0.0625,0.0625,3",
            ])
        let best = try await bench.orchestrator(["best", "--metric", "mmcs", "--group-by", "lr", "-n", "1", "--json"])
        struct Report: Decodable {
            struct Group: Decodable {
                struct Numbers: Decodable { let n: Int, mean: Double, median: Double }
                let key: [String: Double], n: Int, runs: [String], measures: [String: Numbers]
            }
            let metric: String, groups: [Group]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(best.output.utf8))
        #expect(report.groups.map(\.key) == [["lr": 0.001]])
        #expect(report.groups[0].runs == [runs[6], runs[7]].map(\.rawValue))
        #expect(report.groups[0].measures["mmcs"]?.mean == 0.53125)
        // By loss, low means come first.
        let text = try await bench.orchestrator(["best", "--group-by", "lr"])
        let heads = text.output.split(separator: "\n").map { $0.split(separator: " ").prefix(3).joined(separator: " ") }
        #expect(heads == ["lr n loss/total.mean", "0.1 3 1", "0.01 3 4", "0.001 2 6.5"], "\(text.output)\(text.error)")
    }

    @Test func settingsThatOnlyAddedRunsHaveAreKnown() async throws {
        let specs = [("0.5", "0.5"), ("null", "null"), ("0.25", "0.25")].map { shown, value in
            NewSpec(
                experiment: "a", config: #"{"lr":1,"seed":9\#(value == "null" ? "" : #","clip":\#(value)"#)}"#,
                overrides: #"[["clip","\#(shown)"]]"#, target: nil, steps: 100)
        }
        #expect(try store.add(specs, to: JobID(rawValue: 1)) {} == 3)
        #expect(try await csv(["--where", "clip>0.3", "--columns", "clip"]) == ["clip", "0.5"])
    }

    @Test func theBestAreShownWithTheColumnsAskedFor() async throws {
        let answer = try await bench.orchestrator([
            "best", "--where", "seed in (0, 2)", "--columns", "seed,lr", "-n", "2",
        ])
        let words = answer.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(words[1] == ["1", runs[0].rawValue, "0", "0.1", "0"], "\(answer.output)\(answer.error)")
        #expect(words[2] == ["2", runs[2].rawValue, "2", "0.1", "2"])
        let resorted = try await bench.orchestrator(["best", "-n", "2", "--sort", "-seed", "--json"])
        let second = try #require(resorted.output.range(of: runs[1].rawValue))
        let first = try #require(resorted.output.range(of: runs[0].rawValue))
        #expect(second.lowerBound < first.lowerBound)
        let none = try await bench.orchestrator(["best", "--where", "lr>1"])
        #expect(none.code == 1)
        #expect(none.error.contains("--where selects no finished run of the job"))
    }

    @Test func theStatusShowsSomeRuns() async throws {
        let answer = try await bench.orchestrator([
            "status", "--runs", "--where", "state=failed", "--columns", "lr,error",
        ])
        #expect(answer.code == 1)
        #expect(answer.output.contains("\(runs[8])  0.001  the loss is NaN"), "\(answer.output)\(answer.error)")
        #expect(!answer.output.contains(runs[7].rawValue))
        let json = try await bench.orchestrator([
            "status", "--runs", "--where", "seed=1", "--columns", "mmcs", "--json",
        ])
        let document = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        let job = try #require((document?["jobs"] as? [[String: Any]])?.first)
        #expect((job["runs"] as? [[String: Any]])?.map { $0["run"] as? String } == [1, 4, 7].map { runs[$0].rawValue })
        #expect(job["columns"] as? [[String: Double]] == [["mmcs": 0.0625], ["mmcs": 0.3125], ["mmcs": 0.5625]])
        let groups = try await bench.orchestrator(["status", "--runs", "--group-by", "seed", "--json"])
        #expect(groups.output.contains(#""deviation""#))
        let clash = try await bench.orchestrator(["status", "--where", "seed=1"])
        #expect(clash.code == 2)
        #expect(clash.error.contains("add --runs"))
    }

    @Test func mistakesAreToldOnceByTheirPlace() async throws {
        for command in [["best"], ["export"], ["status", "--runs"]] {
            let answer = try await bench.orchestrator(command + ["--where", "lrr<1 and seed=0"])
            #expect(answer.code == 2)
            #expect(answer.output.isEmpty)
            #expect(
                answer.error == """
                    orchestrator: --where, character 1: there is no column 'lrr'; did you mean 'lr'?
                      lrr<1 and seed=0
                      ^

                    """)
        }
        for (arguments, message) in [
            (["--columns", "lr,,p"], "--columns, character 4: expected a column's name, found ','"),
            (["--sort", "mcs"], "--sort, character 1: there is no column 'mcs'; did you mean 'mmcs'?"),
            (["--group-by", "lr", "--columns", "error"], "'error' has no numbers"),
            (["--group-by", "lr", "--sort", "seed"], "--sort, character 1: there is no column 'seed'"),
            (["--history", "--group-by", "lr"], "--history has its own columns"),
        ] {
            let answer = try await bench.orchestrator(["export", "1"] + arguments)
            #expect(answer.code == 2)
            #expect(answer.error.contains(message), "\(answer.error)")
        }
    }
}
