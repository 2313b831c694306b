import Foundation
import Glibc
import Testing

/// Observers of a job's runs: when their worker is killed, and afterwards with `observe`.
struct ObserveCommandTests {
    private typealias Row = [String: Double]

    private let bench: Workbench

    init() throws {
        bench = try Workbench(
            "observe", adding: TrainingEndToEndTests.realWorker.merging(["PATH": "/usr/bin:/bin"]) { $1 })
        _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
    }

    /// Sums up the bytes that it gets; the first time it is asked about step 1500 it gives no answer.
    private func writeObserver() throws {
        _ = try bench.writeProgram(
            """
            read -r hello; echo '{"ready":true}'
            while read -r question; do
                step=${question#*'"step":'}; step=${step%%,*}
                file=${question#*'"tensors":"'}; file=${file%%'"'*}
                echo "$step" >> asked
                if [ "$step" = 1500 ] && ! [ -e \(bench.path)/reached ]; then
                    echo $$ > \(bench.path)/asleep && mv \(bench.path)/asleep \(bench.path)/reached
                    while [ -e \(bench.path) ]; do sleep 0.1; done
                fi
                set -- $(cksum < "$file")
                echo "{\\"metrics\\":{\\"sum\\":$1}}"
            done
            """, to: "sums.sh")
    }

    private func rows(_ lines: String) throws -> [Row] {
        try lines.split(separator: "\n").map {
            try JSONDecoder().decode(Row.self, from: Data($0.replacing(/"run":"[^"]*",/, with: "").utf8))
        }
    }

    private func rows(of run: StatusReport.Run) throws -> [Row] {
        try rows(String(contentsOfFile: run.folder + "/metrics.jsonl", encoding: .utf8))
    }

    private func asked(in folder: String) throws -> [Int] {
        let lines = try String(contentsOfFile: folder + "/user/asked", encoding: .utf8)
        return lines.split(separator: "\n").compactMap { Int($0) }
    }

    @Test func noStepIsObservedTwiceWhoeverIsKilledAndObserveGivesTheSameValues() async throws {
        try writeObserver()
        let experiment = TrainingEndToEndTests.experiment(steps: 3000)
        let observers = """

            save_freq: 500
            observers:
              - {run: ./sums.sh, every: 100, timeout: 600, needs: [batch, ci, V, U, W, target_out, out_masked]}

            """
        _ = try bench.write(experiment + observers, to: "small.yaml")
        let submit = ["submit", "--experiments", "small.yaml", "--executor", "local"]
        let first = try await bench.orchestrator(submit)
        #expect(first.code == 0, "\(first.error)")
        let reached = bench.path + "/reached"
        try await eventually(within: .seconds(120)) { access(reached, F_OK) == 0 }
        let observer = try #require(
            pid_t(String(contentsOfFile: reached, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(pid_t(try #require(try await bench.status(of: 1).agents[0].pid)), SIGKILL)
        try await eventually { kill(observer, 0) != 0 }

        let resumed = try await bench.orchestrator(["resume", "1", "--watch"])
        #expect(resumed.code == 0, "\(resumed.error)\n\(resumed.output)")
        let run = try await bench.status(of: 1).runs[0]
        let steps = Array(stride(from: 0, through: 3000, by: 100))
        #expect(try asked(in: run.folder) == steps, "each step once, in order")
        let logged = try rows(of: run)
        #expect(logged.map { $0["misc/step"] } == steps.map(Double.init))
        #expect(logged.filter { $0["user/sum"] == nil }.map { $0["misc/step"] } == [1500])

        // The observer and the kill changed nothing else.
        _ = try bench.write(experiment + "\nsave_freq: 500\n", to: "small.yaml")
        #expect(try await bench.orchestrator(submit + ["--watch"]).code == 0)
        let plain = try await bench.status(of: 2).runs[0]
        #expect(try rows(of: plain) == logged.map { $0.filter { !$0.key.hasPrefix("user/") } })
        let models = try [plain, run].map { try Data(contentsOf: URL(filePath: $0.folder + "/model_3000.safetensors")) }
        #expect(models[0] == models[1])

        // Afterwards the same values come out, and that of the question that was cut off.
        let observed = try await bench.orchestrator(["observe", run.run, "--out", "seen"])
        #expect(observed.code == 0 && observed.error.isEmpty, "\(observed.error)")
        let seen = try rows(observed.output)
        #expect(seen.map { $0["misc/step"] } == [500, 1000, 1500, 2000, 2500, 3000])
        for row in seen {
            let before = try #require(logged.first { $0["misc/step"] == row["misc/step"] })
            #expect(row["user/sum"] != nil && (row["user/sum"] == before["user/sum"] || row["misc/step"] == 1500))
        }
        #expect(try await bench.orchestrator(["observe", run.run, "--out", "seen"]).output == observed.output)
        #expect(try asked(in: bench.path + "/seen") == [500, 1000, 1500, 2000, 2500, 3000], "asked once")

        // Another program about one step; what is not there is told.
        let other = ["observe", run.run, "--observer", "sums.sh", "--needs", "ci", "--out", "other"]
        let one = try await bench.orchestrator(other + ["--step", "2000"])
        #expect(one.code == 0, "\(one.error)")
        #expect(try rows(one.output).map { $0["misc/step"] } == [2000])
        #expect(try rows(one.output)[0]["user/sum"] != logged.first { $0["misc/step"] == 2000 }?["user/sum"])
        let missing = try await bench.orchestrator(other + ["--step", "2001"])
        #expect(missing.code == 2 && missing.output.isEmpty)
        #expect(missing.error.hasPrefix("orchestrator: "), "\(missing.error)")
        #expect(missing.error.contains("has no weights of step 2001; there are 500, 1000"), "\(missing.error)")
    }
}
