import Artifacts
import Foundation
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

struct ResultsTests {
    let bench: Workbench
    let store: Store

    init() throws {
        bench = try Workbench()
        store = try Store(CacheFolder(path: bench.cache))
    }

    /// A job of runs with the given learning rates; `play` settles each of them on a node.
    private func job(
        _ rates: [String], executor: ExecutorKind = .slurm, _ play: (Int, Claim) throws -> Void = { _, _ in },
        node: (Int) -> String = { _ in "n1" }
    ) throws -> JobID {
        let specs = rates.map { rate in
            NewSpec(
                experiment: "a", config: #"{"lr":\#(rate),"task_config":{"p":0.5},"note":"x, \"y\""}"#,
                overrides: #"[["lr","\#(rate)"]]"#, target: nil, steps: 100)
        }
        let job = try store.insertJob(
            NewJob(token: UUID().uuidString, submittedFrom: "/", executor: executor, agentCount: 1), specs: specs
        ) { _ in }.id
        for index in rates.indices {
            let place = SlurmPlace(environment: [:])
            let agent = try store.registerAgent(AgentIdentity(host: node(index), pid: 1, slurm: place), for: job)
            guard let claim = try store.claimNext(of: job, by: agent, lease: .seconds(600)) else { continue }
            try play(index, claim)
        }
        return job
    }

    @Test func theBestRunsComeFirst() async throws {
        let losses = [3.0, 1.0, .nan, 2.0]
        let job = try job(["1", "2", "3", "4"]) { index, claim in
            try store.complete(claim, metrics: ["loss/total": losses[index]])
        }
        let runs = try store.snapshot(of: job).runs.map(\.id)
        let lowest = try await bench.orchestrator(["best", "1"])
        #expect(lowest.code == 0, "\(lowest.error)")
        let order = lowest.output.matches(of: /(\w{8}) +a +lr=(\d)/).map { String($0.output.1) }
        #expect(order == [runs[1], runs[3], runs[0]].map(\.rawValue))
        #expect(lowest.output.contains("1 finished run left out: loss/total is missing or not a number"))
        let highest = try await bench.orchestrator(["best", "1", "--max", "-n", "1", "--json"])
        #expect(highest.output.contains(runs[0].rawValue))
        #expect(!highest.output.contains(runs[1].rawValue))
        let wrong = try await bench.orchestrator(["best", "1", "--metric", "los"])
        #expect(wrong.code == 2)
        #expect(wrong.error.contains("no run of the job has a metric 'los'; there are loss/total"))
    }

    @Test func someMetricsCanBeSelected() async throws {
        _ = try job(["1"]) { _, claim in
            try store.complete(claim, metrics: ["loss/total": 0.5, "mmcs": 1, "ml2r": 0.9])
        }
        let csv = try await bench.orchestrator(["export", "1", "--metric", "mmcs", "--metric", "loss/total"])
        #expect(csv.output.components(separatedBy: "\r\n").first?.hasSuffix(",folder,mmcs,loss/total") == true)
        let lines = try await bench.orchestrator(["export", "1", "--jsonl", "--metric", "mmcs"])
        #expect(lines.output.contains(#""metrics":{"mmcs":1}"#), "\(lines.output)")
        let wrong = try await bench.orchestrator(["export", "1", "--metric", "mmsc"])
        #expect(wrong.code == 2)
        #expect(wrong.error.contains("did you mean 'mmcs'?"), "\(wrong.error)")
    }

    @Test func aHistoryHasARowPerRunStepAndMetric() async throws {
        let job = try job(["1", "2"])
        let runs = try store.snapshot(of: job).runs
        let rows = [
            #"{"misc/step":0,"loss/total":2.5,"mmcs":0.1}"#, #"{"misc/step":100,"loss/total":NaN,"mmcs":0.2}"#,
            // A crash has cut it short.
            #"{"misc/step":200,"loss/to"#,
        ]
        try DurableFile.createFolder(runs[0].folder.path)
        try DurableFile.write(rows.joined(separator: "\n"), to: runs[0].folder.metrics)
        let all = try await bench.orchestrator(["export", "1", "--history"])
        let name = runs[0].id.rawValue
        #expect(
            all.output.components(separatedBy: "\r\n") == [
                "run,experiment,step,metric,value", "\(name),a,0,loss/total,2.5", "\(name),a,0,mmcs,0.1",
                "\(name),a,100,loss/total,NaN", "\(name),a,100,mmcs,0.2", "",
            ])
        let one = try await bench.orchestrator(["export", "1", "--history", "--metric", "mmcs"])
        #expect(one.output.components(separatedBy: "\r\n").count == 4)
        let wrong = try await bench.orchestrator(["export", "1", "--history", "--metric", "mmc"])
        #expect(wrong.code == 2)
        #expect(wrong.output.isEmpty)
        #expect(wrong.error.contains("did you mean 'mmcs'?"), "\(wrong.error)")
        try DurableFile.write(rows[0] + "\nrubbish\n" + rows[1] + "\n", to: runs[0].folder.metrics)
        let damaged = try await bench.orchestrator(["export", "1", "--history"])
        #expect(damaged.code == 1)
        #expect(damaged.error.contains("\(runs[0].folder.metrics):2: is not a row of metrics"), "\(damaged.error)")
        let clash = try await bench.orchestrator(["export", "1", "--history", "--jsonl"])
        #expect(clash.code == 2)
    }

    @Test func aRunWhoseRowsAreLostIsNamedBehindTheOthers() async throws {
        let job = try job(["1", "2", "3"]) { _, claim in
            try claim.folder.create()
            try DurableFile.write(#"{"misc/step":0,"mmcs":1}"# + "\n", to: claim.folder.metrics)
            try store.complete(claim, metrics: ["mmcs": 1])
        }
        let runs = try store.snapshot(of: job).runs
        try FileManager.default.removeItem(atPath: runs[0].folder.metrics)
        try DurableFile.write("", to: runs[1].folder.metrics)
        let answer = try await bench.orchestrator(["export", "1", "--history"])
        #expect(answer.code == 1)
        #expect(answer.output == "run,experiment,step,metric,value\r\n\(runs[2].id),a,0,mmcs,1\r\n")
        #expect(
            answer.error == """
                orchestrator: run \(runs[0].id): \(runs[0].folder.metrics) is gone
                orchestrator: run \(runs[1].id): \(runs[1].folder.metrics) holds no rows

                """)
    }

    @Test func runsAreComparedBySettingsMetricsAndCurves() async throws {
        let job = try job(["1", "2"]) { index, claim in
            try claim.folder.create()
            let rows = (0..<80).map { #"{"misc/step":\#($0),"loss/total":\#(index == 0 ? 80 - $0 : 1),"other":1}"# }
            try DurableFile.write(rows.joined(separator: "\n") + "\n", to: claim.folder.metrics)
            try store.complete(claim, metrics: ["loss/total": index == 0 ? 1 : 1.5])
        }
        let runs = try store.snapshot(of: job).runs.map(\.id.rawValue)
        let answer = try await bench.orchestrator(["compare", runs[0], runs[1]])
        #expect(answer.code == 0, "\(answer.error)")
        for part in [
            "  lr   1         2\n", "loss/total         1       1.5  +50.0 %", "  loss/total (logarithmic)\n",
            "    \(runs[0])  ████", "  80 → 1\n", "    \(runs[1])  \(String(repeating: "▁", count: 40))  1 → 1\n",
            "cannot be matched: run \(runs[0]) has no weights (it is done): none are kept",
        ] {
            #expect(answer.output.contains(part), "\(part)\n\(answer.output)")
        }
        let json = try await bench.orchestrator(["compare", runs[0], runs[1], "--json"])
        struct Report: Decodable {
            struct Setting: Decodable, Equatable { let key, first, second: String }
            struct Curve: Decodable { let metric: String, first, second: [[Double]] }
            let config: [Setting], curves: [Curve], match_error: String
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
        #expect(report.config == [.init(key: "lr", first: "1", second: "2")])
        #expect(report.curves.map(\.metric) == ["loss/total"])
        #expect(report.curves.first?.first.last == [79, 1])
        let missing = try await bench.orchestrator(["compare", runs[0], "zzzz"])
        #expect(missing.code == 2)
        // Rows that are lost, or a pipe in their place.
        let rows = try store.snapshot(of: job).runs[1].folder.metrics
        try FileManager.default.removeItem(atPath: rows)
        let lost = try await bench.orchestrator(["compare", runs[0], runs[1]])
        #expect(lost.output.contains("No curves: \(rows) is gone\n"), "\(lost.output)")
        mkfifo(rows, 0o600)
        for command in [["compare", runs[0], runs[1]], ["export", "1", "--history"]] {
            let piped = try await bench.orchestrator(command)
            #expect(piped.code == 1)
            #expect(piped.error.contains("metrics.jsonl: it is not a regular file"), "\(piped.error)")
        }
    }

    @Test func whatCannotBeDrawnIsTold() async throws {
        let job = try job(["1"])
        let run = try #require(try store.snapshot(of: job).runs.first?.id.rawValue)
        let early = try await bench.orchestrator(["plot", run, "--list"])
        #expect(early.code == 2)
        #expect(early.error.contains("run \(run) has nothing left to draw: its folder is gone"), "\(early.error)")
        let whole = try await bench.orchestrator(["plot", "\(job)", "--by", "lr"])
        #expect(whole.code == 2 && whole.error.contains("nothing left to draw"), "\(whole.error)")
        let page = try await bench.orchestrator(["plot", run, "--html", "--format", "svg"])
        #expect(page.code == 2 && page.error.contains("leave --format out"), "\(page.error)")
        let format = try await bench.orchestrator(["plot", run, "--format", "png,gif"])
        #expect(format.code == 2)
        #expect(format.error.contains("--format 'gif': expected png, svg or pdf"), "\(format.error)")
    }

    @Test func aTableHasWhatVariesAndFinalMetrics() async throws {
        _ = try job(["0.001", "0.3"]) { index, claim in
            if index == 0 {
                try store.complete(claim, metrics: ["loss/total": 0.5, "mmcs": .nan])
            } else {
                try store.fail(claim, error: "no, \"never\"", retry: false)
            }
        }
        let csv = try await bench.orchestrator(["export", "1", "--csv"])
        #expect(csv.code == 0, "\(csv.error)")
        let lines = csv.output.components(separatedBy: "\r\n")
        #expect(
            lines[0]
                == "run,position,experiment,status,attempts,node,started,ended,seconds,active_seconds,queue_seconds,core_hours,cpu_seconds,peak_memory,error,folder,lr,loss/total,mmcs"
        )
        #expect(lines[1].contains(",0,a,done,1,n1,"))
        #expect(lines[1].hasSuffix(",0.001,0.5,nan"))
        #expect(lines[2].contains(#","no, ""never""","#))
        #expect(lines[2].hasSuffix(",0.3,,"))

        let all = try await bench.orchestrator(["export", "1", "--all-config"])
        let everyKey = all.output.components(separatedBy: "\r\n")
        #expect(everyKey[0].hasSuffix(",folder,lr,note,task_config.p,loss/total,mmcs"))
        #expect(everyKey[2].hasSuffix(#",0.3,"x, ""y""",0.5,,"#))

        let jsonl = try await bench.orchestrator(["export", "--jsonl"])
        let rows = try jsonl.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(rows.count == 2)
        #expect(rows[0]["config"] as? [String: Double] == ["lr": 0.001])
        #expect((rows[0]["metrics"] as? [String: Any])?["mmcs"] as? String == "nan")
        #expect(rows[1]["error"] as? String == "no, \"never\"")
    }

    @Test func failuresAreToldByCauseNodeAndSetting() async throws {
        let rates = (0..<12).map { $0 % 3 == 0 ? "0.1" : "0.01" }
        _ = try job(
            rates,
            { index, claim in
                if rates[index] == "0.1" {
                    try store.fail(claim, error: "the loss is nan at step \(index)", retry: false)
                } else {
                    try store.complete(claim, metrics: [:])
                }
            }, node: { $0 % 3 == 0 ? "n17" : "n\($0)" })
        let answer = try await bench.orchestrator(["why"])
        #expect(answer.code == 0, "\(answer.error)")
        for line in [
            "Job 1: 4 of 12 runs failed",
            "the loss is nan at step 0 (here the first run's numbers)",
            "  all 4 on n17: 4 of its 4 attempts, elsewhere 0 of 8", "  all 4 with lr=0.1: elsewhere 0 of 8",
            "orchestrator retry 1 --failed, then orchestrator resume 1 --exclude n17",
        ] {
            #expect(answer.output.contains(line), "\(line)\n\(answer.output)")
        }
        #expect(answer.output.matches(of: /the loss is nan/).count == 1)
        let json = try await bench.orchestrator(["why", "--json"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["exclude"] as? [String] == ["n17"])
        #expect(object["failed_runs"] as? Int == 4)
    }

    @Test func earlyStopsAreToldWithTheirReason() async throws {
        _ = try job(["1", "2", "3"]) { index, claim in
            let reason = "stopped early: loss/total is 0.\(index) at row 3, not among the best 1/3 (0.1)"
            if index > 0 {
                try store.settle(claim, as: .stopped(reason, step: 3, isUnsent: false))
            } else {
                try store.complete(claim, metrics: [:])
            }
        }
        let answer = try await bench.orchestrator(["why"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.hasPrefix("Job 1: nothing has failed\n\nStopped early\n  2 runs ("), "\(answer.output)")
        #expect(answer.output.contains("not among the best 1/3"))
        let json = try await bench.orchestrator(["why", "--json"])
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect((object["stopped"] as? [[String: Any]])?.first?["runs"] as? [String] != nil, "\(json.output)")
    }

    @Test func failuresOfARandomSearchAreToldByTheRangeTheyLieIn() async throws {
        let rates = (1...40).map { String(Double($0) / 1000) }
        _ = try job(rates) { index, claim in
            if index >= 30, index != 35 {
                try store.fail(claim, error: "the loss is nan", retry: false)
            } else {
                try store.complete(claim, metrics: [:])
            }
        }
        let answer = try await bench.orchestrator(["why"])
        #expect(answer.output.contains("  9 of 10 with lr>=0.031: elsewhere 0 of 30"), "\(answer.output)")
        #expect(!answer.output.contains("lr="))
    }

    @Test func failuresThatAreSpreadEvenlyAccuseNoNode() async throws {
        _ = try job(
            (0..<12).map(String.init),
            { index, claim in
                if index < 6 {
                    try store.fail(claim, error: "no", retry: false)
                } else {
                    try store.complete(claim, metrics: [:])
                }
            }, node: { "n\($0 % 2)" })
        let answer = try await bench.orchestrator(["why"])
        #expect(answer.output.contains("3 of 6 on n0"))
        #expect(!answer.output.contains("--exclude"))
    }

    @Test func theStatusEndsWithHowTheJobStands() async throws {
        func code(_ arguments: [String] = []) async throws -> Int32? {
            try await bench.orchestrator(["status", "1"] + arguments).code
        }
        var claims: [Claim] = []
        let id = try job(["1", "2"]) { _, claim in claims.append(claim) }
        #expect(try await code() == 3)
        #expect(try await code(["--json"]) == 3)
        try store.complete(claims[0], metrics: [:])
        try store.fail(claims[1], error: "no", retry: false)
        #expect(try await code() == 1)
        #expect(try await code(["--watch"]) == 1)
        try store.retry([claims[1].run], of: id)
        let agent = try store.registerAgent(AgentIdentity(environment: [:]), for: id)
        try store.complete(#require(try store.claimNext(of: id, by: agent, lease: .seconds(60))), metrics: [:])
        #expect(try await code() == 0)
        #expect(try await code(["--watch"]) == 0)
    }

    @Test func ofALargeJobTheRunsWorthALookAreShown() async throws {
        _ = try job((0..<60).map(String.init)) { index, claim in
            if index == 58 { try store.fail(claim, error: "at step 58", retry: false) }
            if index < 58 { try store.complete(claim, metrics: [:]) }
        }
        let few = try await bench.orchestrator(["status"])
        #expect(few.output.contains("58 of 60 done, 1 running, 1 failed"))
        #expect(few.output.contains("… and 20 more (`orchestrator status 1 --runs` shows all)"))
        #expect(few.output.contains("lr=58") && few.output.contains("lr=59"))
        #expect(few.output.contains("at step 58"))
        let all = try await bench.orchestrator(["status", "--runs"])
        #expect(!all.output.contains("--runs` shows all"))
        #expect(all.output.matches(of: /lr=\d/).count == 60)
    }

    @Test func figuresAreUnpackedOnRequest() async throws {
        _ = try job(["1", "2"]) { index, claim in
            try claim.folder.create()
            for step in [50, 100] where index == 0 {
                try FilePack.write(
                    [("UV_matrices_\(step).png", [UInt8(step)]), ("../out.png", [0])],
                    to: claim.folder.figures(step: step))
            }
            try store.complete(claim, metrics: [:])
        }
        let runs = try store.snapshot(of: JobID(rawValue: 1)).runs.map(\.id.rawValue)
        let answer = try await bench.orchestrator(["show", runs[0], "--extract", "out/figures"])
        #expect(answer.output == "2 figures of run \(runs[0]) in out/figures\n", "\(answer.error)")
        let found = try FileManager.default.contentsOfDirectory(atPath: bench.path + "/out/figures")
        #expect(found.sorted() == ["UV_matrices_100.png", "UV_matrices_50.png"])
        #expect(FileManager.default.contents(atPath: bench.path + "/out/figures/UV_matrices_50.png") == Data([50]))
        let none = try await bench.orchestrator(["show", runs[1], "--extract", "out"])
        #expect(none.code == 1)
        #expect(none.error.contains("run \(runs[1]) has no figures"))
    }

    @Test func onlyWhatIsNamedAndFinishedIsDeletedAndShownBefore() async throws {
        let done = try job(["1", "2"]) { _, claim in
            try FileManager.default.createDirectory(atPath: claim.folder.path, withIntermediateDirectories: true)
            try Data(count: 5000).write(to: URL(filePath: claim.folder.model(step: 1)))
            try store.complete(claim, metrics: [:])
        }
        let open = try job(["1"])
        for job in [done, open] { _ = try bench.write("log", to: "cache/jobs/\(job)/logs/1.log") }
        _ = try bench.write("old", to: "cache/jobs/.old-9-x/worker")
        _ = try bench.write("at work", to: "cache/jobs/.new-spd-x/worker")

        let refused = try await bench.orchestrator(["clean", "1", "2", "--yes"])
        #expect(refused.code == 2)
        #expect(refused.error.contains("job 2 is not finished"))
        let before = bench.files()
        let shown = try await bench.orchestrator(["clean", "1"])
        #expect(shown.output.contains("2 of 2 done): 3 folders, 10.0 kB"), "\(shown.output)\(shown.error)")
        #expect(shown.output.contains("Nothing was deleted"))
        #expect(bench.files() == before)

        #expect(try await bench.orchestrator(["clean", "1", "--yes"]).code == 0)
        #expect(try store.jobs().map(\.job.id) == [open])
        #expect(bench.files().filter { $0.hasPrefix("runs/") || $0.hasPrefix("jobs/1") } == [])
        #expect(bench.files().contains("jobs/2/logs/1.log"))

        #expect(try await bench.orchestrator(["clean", "--yes"]).code == 0)
        #expect(!bench.files().contains { $0.hasPrefix("jobs/.old-9") })
        #expect(bench.files().contains("jobs/.new-spd-x/worker"), "a submission may be at work on it")
        let rest = try await bench.orchestrator(["clean"]).output
        #expect(
            rest.hasSuffix("jobs/.new-spd-x: 7 B, a submission that was not finished\nThere is nothing to delete.\n"))
    }

    @Test func theWorkflowFitsAScreen() async throws {
        let topic = try await bench.orchestrator(["help", "workflow"])
        #expect(topic.code == 0)
        let lines = topic.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count <= 25 && lines.allSatisfy { $0.count <= 110 })
        // What it tells to type exists.
        let commands = Set(topic.output.matches(of: /orchestrator ([a-z]+)/).map { String($0.output.1) })
        #expect(commands.count > 8)
        for command in commands {
            #expect(try await bench.orchestrator([command, "--help"]).code == 0, "\(command)")
        }
    }
}
