import Foundation
import Glibc
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Two FUSE mounts of one folder stand in for two nodes with a network file system: unless they are passed
/// on, each has locks of its own.
@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil, "SPD_TEST_SLOW=1 (make test-all) runs these"),
    .enabled(if: Mount.obstacle == nil, Comment(rawValue: "no FUSE mounts: \(Mount.obstacle ?? "")")))
struct NetworkFileSystemTests {
    @Test func agentsOnTwoMountsShareASweepAndRunEverySpecOnce() async throws {
        let bench = try Workbench("fuse")
        let mounts = try Mounts(in: bench.path, passingLocksOn: true)
        defer { mounts.remove() }
        let seeds = (0..<150).map(String.init).joined(separator: ", ")
        _ = try bench.write("tms_5-2:\n  seed:\n    values: [\(seeds)]\n", to: "sweep.yaml")
        let here = ["SPD_CACHE_DIR": mounts.first.path + "/cache", "STAND_IN_STEP_MS": "0"]
        let there = ["SPD_CACHE_DIR": mounts.second.path + "/cache", "STAND_IN_STEP_MS": "0"]
        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--sweep", "sweep.yaml"],
            adding: here.merging(["SPD_WORKER": "/bin/true"]) { $1 })
        #expect(answer.code == 0, "\(answer.error)")

        let start = ContinuousClock.now
        async let one = bench.run(Workbench.products + "/StandInWorker", ["--job-id", "1"], adding: here)
        async let other = bench.run(Workbench.products + "/StandInWorker", ["--job-id", "1"], adding: there)
        for agent in [try await one, try await other] { #expect(agent.code == 0, "\(agent.error)") }
        print("150 specs by two agents on two mounts: \(ContinuousClock.now - start)")

        for cache in [here, there] {
            let store = try Store(try CacheFolder(environment: cache))
            #expect(store.isOnNetworkFileSystem)
            let snapshot = try store.snapshot(of: JobID(rawValue: 1))
            #expect(snapshot.counts[.done] == 150)
            #expect(snapshot.runs.allSatisfy { $0.attempt == 1 })
            #expect(Set(snapshot.runs.compactMap(\.agent)).count == 2, "both took part")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: mounts.first.path + "/cache")
        #expect(!names.contains { $0.hasSuffix("-wal") || $0.hasSuffix("-shm") }, "\(names)")
    }

    /// What two nodes find that meet in a folder.
    private func found(by bench: Workbench, in mounts: Mounts) async throws -> NodesMeeting.Note {
        async let first = bench.orchestrator(
            ["doctor-probe", "node", mounts.first.path], adding: ["SLURM_PROCID": "0", "SLURMD_NODENAME": "n0"])
        async let second = bench.orchestrator(
            ["doctor-probe", "node", mounts.second.path], adding: ["SLURM_PROCID": "1", "SLURMD_NODENAME": "n1"])
        for answer in [try await first, try await second] { #expect(answer.code == 0, "\(answer.error)") }
        return try #require(NodesMeeting(folder: mounts.first.path).note("done"))
    }

    @Test(arguments: [true, false])
    func whetherTwoNodesSeeEachOthersLocksIsFoundOut(passingLocksOn: Bool) async throws {
        let bench = try Workbench("fuse")
        let mounts = try Mounts(in: bench.path, passingLocksOn: passingLocksOn)
        defer { mounts.remove() }
        let done = try await found(by: bench, in: mounts)
        #expect(done.held == (passingLocksOn ? .held : .free))
        #expect(done.free == .free)
    }

    @Test(arguments: [true, false])
    func aNodeThatGoesOnReadingOldPagesIsFoundOut(isCached: Bool) async throws {
        let bench = try Workbench("fuse")
        let mounts = try Mounts(in: bench.path, passingLocksOn: true, isCached: isCached)
        defer { mounts.remove() }
        let done = try await found(by: bench, in: mounts)
        #expect(done.isFresh == !isCached)
    }

    @Test func locksThatProcessesOfOneNodeDoNotSeeAreAProblem() async throws {
        let bench = try Workbench("fuse", adding: ["SPD_WORKER": Workbench.products + "/worker"])
        // This file system passes all locks on as its own, so that its users' do not exclude each other.
        let mounts = try Mounts(in: bench.path, passingLocksOn: true)
        defer { mounts.remove() }
        let answer = try await bench.orchestrator(
            ["doctor", "--offline"], adding: ["SPD_CACHE_DIR": mounts.first.path + "/cache"])
        #expect(answer.code == 1)
        #expect(answer.output.contains("FUSE, shared between machines: no write-ahead log there"))
        #expect(answer.output.contains("another process does not see that a file is locked"), "\(answer.output)")
    }

    @Test func aFileServerThatHangsHoldsNobodyUp() async throws {
        let bench = try Workbench("fuse", adding: ["SPD_WORKER": Workbench.products + "/worker"])
        let mounts = try Mounts(in: bench.path, passingLocksOn: false)
        defer { mounts.remove() }
        kill(mounts.first.server, SIGSTOP)
        defer { kill(mounts.first.server, SIGCONT) }
        let start = ContinuousClock.now
        let answer = try await bench.orchestrator(
            ["doctor", "--offline"], adding: ["SPD_CACHE_DIR": mounts.first.path + "/cache"])
        #expect(answer.code == 1)
        #expect(answer.output.contains("/cache gave no answer for 30 s"), "\(answer.output)")
        #expect(.now - start < .seconds(60))
    }
}

/// One folder, mounted twice.
private struct Mounts {
    let first: Mount
    let second: Mount

    init(in folder: String, passingLocksOn: Bool, isCached: Bool = false) throws {
        func mount(_ name: String) throws -> Mount {
            try Mount(
                of: folder + "/disk", at: "\(folder)/\(name)", passingLocksOn: passingLocksOn, isCached: isCached)
        }
        (first, second) = (try mount("first"), try mount("second"))
    }

    func remove() {
        first.remove()
        second.remove()
    }
}

/// A folder seen through `bindfs`.
private struct Mount {
    let path: String
    let server: pid_t

    /// Why there can be none here.
    static let obstacle: String? =
        access("/usr/bin/bindfs", X_OK) != 0
        ? "bindfs is not installed" : access("/dev/fuse", R_OK | W_OK) != 0 ? "/dev/fuse cannot be opened" : nil

    init(of folder: String, at path: String, passingLocksOn: Bool, isCached: Bool) throws {
        self.path = path
        for folder in [folder, path] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        // NFS reads anew what another node has changed whenever it takes a lock; FUSE does with no cache at all.
        let uncached = ["-o", "direct_io,attr_timeout=0,entry_timeout=0,negative_timeout=0"]
        let options =
            (isCached ? [] : uncached) + (passingLocksOn ? ["--multithreaded", "--enable-lock-forwarding"] : [])
        server = try LocalAgents.start(
            ["/usr/bin/bindfs", "-f"] + options + [folder, path], environment: ["PATH": "/usr/bin:/bin"],
            log: path + ".log")
        for _ in 0..<500 where FileSystem(holding: path)?.name != "FUSE" { usleep(10_000) }
        try #require(FileSystem(holding: path)?.name == "FUSE", "bindfs has not mounted \(path)")
    }

    func remove() {
        kill(server, SIGCONT)
        kill(server, SIGTERM)
        var status: Int32 = 0
        waitpid(server, &status, 0)
        umount2(path, Int32(MNT_DETACH))
    }
}
