import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Users who look at each other's caches; as root, which plays them.
@Suite(.enabled(if: geteuid() == 0)) struct SharedCacheTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
        try FileManager.default.createDirectory(atPath: bench.cache, withIntermediateDirectories: true)
        chmod(bench.path, 0o755)
        chown(bench.cache, 6001, 5555)
        chmod(bench.cache, 0o2775)
    }

    private func orchestrator(as user: Int, _ arguments: [String]) async throws -> Workbench.Answer {
        try await bench.run(
            "/usr/bin/setpriv",
            ["--reuid=\(user)", "--regid=5555", "--clear-groups", Workbench.products + "/orchestrator"] + arguments)
    }

    private var strangersFiles: [String] {
        bench.files().filter { name in
            var info = stat()
            return lstat(bench.cache + "/" + name, &info) == 0 && info.st_uid != 6001
        }
    }

    @Test func aColleaguesLookDoesNotKeepTheOwnerOut() async throws {
        #expect(try await orchestrator(as: 6001, SubmitTests.sweep + ["--watch"]).code == 0)
        for arguments in [
            ["list"], ["status", "1"], ["best", "1", "--metric", "mmcs"], ["export", "1", "--csv"], ["why", "1"],
            ["clean", "1"],
        ] {
            let look = try await orchestrator(as: 6002, arguments)
            #expect(look.code == 0 && look.error.isEmpty, "\(arguments): \(look.error)")
        }
        #expect(strangersFiles == [])
        #expect(try await orchestrator(as: 6001, SubmitTests.sweep + ["--watch"]).code == 0)
        chmod(bench.cache, 0o755)
        #expect(try await orchestrator(as: 6002, ["status", "2"]).output.contains("6 of 6 done"))
        let refused = try await orchestrator(as: 6002, ["clean", "1", "--yes"])
        #expect(refused.code == 1 && refused.error.contains("(it belongs to "), "\(refused.error)")
    }

    @Test func cleaningWhatIsAnothersSaysWhoseItIs() async throws {
        #expect(try await orchestrator(as: 6001, SubmitTests.sweep + ["--watch"]).code == 0)
        // Both may change the state; the runs' folders are their maker's.
        for name in ["", "/state.sqlite", "/state.sqlite-wal", "/state.sqlite-shm", "/runs", "/jobs"] {
            chmod(bench.cache + name, name.contains("sqlite") ? 0o664 : 0o2775)
        }
        let refused = try await orchestrator(as: 6002, ["clean", "1", "--yes"])
        #expect(refused.code == 1, "\(refused.output)")
        #expect(refused.error.contains(" belongs to user 6001, who can delete it"), "\(refused.error)")
    }

    @Test func aUserWhoMayStartNoMoreThreadsIsToldSo() async throws {
        let program = Workbench.products + "/orchestrator"
        let answer = try await bench.run(
            "/usr/bin/setpriv",
            ["--reuid=6003", "--regid=5555", "--clear-groups", "/usr/bin/prlimit", "--nproc=2", program, "list"])
        #expect(answer.code == 1, "\(answer.output)\(answer.error)")
        #expect(answer.error.hasPrefix("orchestrator: the system refuses to start"), "\(answer.error)")
    }

    @Test func whoseFilesKeepTheOwnerOutIsSaid() async throws {
        #expect(try await orchestrator(as: 6001, SubmitTests.sweep + ["--watch"]).code == 0)
        // As a version left it that opened the file for looking as for changing.
        for companion in ["-wal", "-shm"] {
            let path = bench.cache + "/state.sqlite" + companion
            unlink(path)
            try Data().write(to: URL(filePath: path))
            chown(path, 6002, 5555)
            chmod(path, 0o644)
        }
        let words = "state.sqlite-wal belongs to user 6002, who had the state open last"
        let refused = try await orchestrator(as: 6001, ["retry", "1"])
        #expect(refused.code == 1 && refused.error.contains(words), "\(refused.error)")
        #expect(try await orchestrator(as: 6001, ["doctor", "--offline"]).output.contains(words))
        #expect(try await orchestrator(as: 6001, ["list"]).code == 0, "looking works")
        for companion in ["-wal", "-shm"] {
            // What the message says to do.
            let path = bench.cache + "/state.sqlite" + companion
            _ = try await bench.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=6001", "--regid=5555", "--clear-groups", "/bin/sh", "-c",
                    "/bin/cp \(path) \(path).own && /bin/mv -f \(path).own \(path)",
                ])
        }
        #expect(try await orchestrator(as: 6001, ["retry", "1"]).code == 0)
    }
}
