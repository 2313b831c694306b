import Foundation
import GRDB
import Glibc
import Store
import Testing

extension Reliability {
    /// Disks that are full, folders that take nothing, a state file that stays locked: told in one line, nothing lost.
    @Suite(.serialized)
    struct FaultTests {
        let bench: Workbench
        private let job = JobID(rawValue: 1)

        init() throws {
            bench = try Workbench("faults")
            // Short leases, so that a fault of a few seconds outlasts them.
            _ = try bench.writeProgram(
                "exec \(Workbench.products)/worker \"$@\" --lease 2 --checkpoint-every 1", to: "worker")
            _ = try bench.write(TrainingEndToEndTests.experiment(steps: 100), to: "small.yaml")
            _ = try bench.write(TrainingEndToEndTests.target, to: "small_target.yaml")
        }

        @Test func agentsGoOnWhileTheStateFileIsLockedForLongerThanALease() async throws {
            try await submit(steps: [40_000, 100], agents: 2)
            let store = try Store(CacheFolder(path: bench.cache))
            // The second agent has nothing to do any more: it waits for the first one's lease to end.
            try await eventually(within: .seconds(60)) {
                let runs = try store.snapshot(of: job).runs
                return runs[0].progress.step > 0 && runs[1].status == .done
            }

            var patient = Configuration()
            patient.busyMode = .timeout(60)
            let file = try DatabaseQueue(path: bench.cache + "/state.sqlite", configuration: patient)
            try await file.writeWithoutTransaction { db in
                try db.execute(sql: "BEGIN EXCLUSIVE")
                Thread.sleep(forTimeInterval: 6)
                try db.execute(sql: "ROLLBACK")
            }

            let watch = try await bench.orchestrator(["status", "1", "--watch"])
            #expect(watch.code == 0, "\(watch.error)")
            for run in try store.snapshot(of: job).runs {
                #expect(try store.attempts(at: run.id).map(\.outcome) == [.done], "nobody has lost \(run.id)")
            }
            let rows = try String(
                contentsOfFile: store.snapshot(of: job).runs[0].folder.metrics, encoding: .utf8)
            #expect(rows.split(separator: "\n").count == 401)
        }

        @Test func aStateFolderThatCannotBeWrittenIsTold() async throws {
            try await submit(steps: [100], agents: 1)
            _ = try await bench.orchestrator(["status", "1", "--watch"])
            for command in [Self.submit, ["retry", "1"], ["cancel", "1"], ["resume", "1"]] {
                let answer = try await orchestratorThatMayNotWrite(command)
                #expect(answer.code == 1, "\(command)")
                #expect(
                    answer.error.hasPrefix("orchestrator: cannot write \(bench.cache)")
                        && answer.error.hasSuffix("make it writable or set SPD_CACHE_DIR to another folder\n"),
                    "\(command): \(answer.error)")
            }
            #expect(try await bench.status(of: 1).counts.done == 1)
        }

        @Test(.enabled(if: SmallDisk.isPossible, "mounts a small file system, which takes root"))
        func agentsWaitForAFullDiskAndLoseNothing() async throws {
            let disk = try SmallDisk(at: bench.cache, megabytes: 32)
            defer { disk.unmount() }
            try await submit(steps: [20_000, 20_001, 20_002], agents: 2)
            let store = try Store(CacheFolder(path: bench.cache))
            try await eventually(within: .seconds(60)) {
                try store.snapshot(of: job).runs.contains { $0.progress.step > 0 }
            }

            try disk.fill()
            let answer = try await bench.orchestrator(Self.submit, adding: ["SPD_WORKER": bench.path + "/worker"])
            #expect(answer.code == 1)
            #expect(answer.error.lowercased().contains("no space left"), "\(answer.error)")
            #expect(answer.error.split(separator: "\n").count == 1, "\(answer.error)")
            // The agents find out when they next write.
            try await eventually(within: .seconds(60)) {
                try await bench.orchestrator(["status", "1"]).output.contains("has no space left: agents wait")
            }
            for command in [["status", "1"], ["list"], ["why", "1"]] {
                let told = try await bench.orchestrator(command)
                #expect(
                    told.output.contains("the file system of \(bench.cache) has no space left: agents wait"),
                    "\(told.output)")
                #expect(!told.output.contains(" left\n"), "no time left: \(told.output)")
            }
            disk.empty()

            _ = try await bench.orchestrator(["resume", "1", "--n-agents", "1"])
            let watch = try await bench.orchestrator(["status", "1", "--watch"])
            #expect(watch.code == 0, "\(watch.error)\n\(watch.output)")
            for run in try store.snapshot(of: job).runs {
                let outcomes = try store.attempts(at: run.id).map(\.outcome)
                #expect(!outcomes.contains(.failed) && outcomes.last == .done, "\(outcomes)")
                let rows = try String(contentsOfFile: run.folder.metrics, encoding: .utf8)
                #expect(
                    rows.split(separator: "\n").count == run.progress.steps / 100
                        + (run.progress.steps % 100 == 0 ? 1 : 2))
            }
        }

        private static let submit = [
            "submit", "--experiments", "small.yaml", "--sweep", "sweep.yaml", "--executor", "local",
        ]

        private func submit(steps: [Int], agents: Int) async throws {
            let steps = steps.map(String.init).joined(separator: ", ")
            _ = try bench.write("small:\n  steps:\n    values: [\(steps)]\n", to: "sweep.yaml")
            let answer = try await bench.orchestrator(
                Self.submit + ["--n-agents", String(agents)], adding: ["SPD_WORKER": bench.path + "/worker"])
            try #require(answer.code == 0, "\(answer.error)")
        }

        /// Runs the orchestrator so that it can read the bench's folders but not write them.
        private func orchestratorThatMayNotWrite(_ arguments: [String]) async throws -> Workbench.Answer {
            guard geteuid() == 0 else {
                let folders = [bench.cache, bench.cache + "/jobs", bench.cache + "/state.sqlite"]
                for folder in folders { chmod(folder, 0o555) }
                defer { for folder in folders { chmod(folder, 0o755) } }
                return try await bench.orchestrator(arguments)
            }
            // Permissions don't stop root: it goes in as nobody.
            return try await bench.run(
                "/usr/bin/setpriv",
                ["--reuid=65534", "--regid=65534", "--clear-groups", Workbench.products + "/orchestrator"] + arguments)
        }
    }
}

/// A file system of a few megabytes in memory, mounted for a test.
private struct SmallDisk {
    let path: String

    static var isPossible: Bool { geteuid() == 0 }

    init(at path: String, megabytes: Int) throws {
        self.path = path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try #require(
            mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0, "\(String(cString: strerror(errno)))")
    }

    /// Leaves no byte free.
    func fill() throws {
        let file = open(path + "/filler", O_WRONLY | O_CREAT, 0o644)
        try #require(file >= 0)
        defer { close(file) }
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(file, zeros, zeros.count) == zeros.count {}
    }

    func empty() { unlink(path + "/filler") }

    func unmount() { umount2(path, Int32(MNT_DETACH)) }
}
