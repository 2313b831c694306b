import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

/// The programs that users install, in a file system that holds nothing but them and the C library.
@Suite(
    .serialized,
    .enabled(
        if: ProcessInfo.processInfo.environment["SPD_TEST_RELEASE"] != nil,
        "SPD_TEST_RELEASE names the folder of the release programs (make test-all builds them)"))
struct BareSystemTests {
    let bench: Workbench
    private let programs = ProcessInfo.processInfo.environment["SPD_TEST_RELEASE"] ?? ""
    /// The C library and what it needs itself to end a thread.
    private static let cLibrary: Set = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"]
    private var root: String { bench.path + "/root" }

    init() throws { bench = try Workbench("bare", adding: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) }

    @Test(arguments: ["orchestrator", "worker"])
    func theProgramsNeedNothingButTheCLibrary(name: String) async throws {
        let libraries = try await libraries(of: name).map { URL(filePath: $0).lastPathComponent }
        #expect(Set(libraries).isSubset(of: Self.cLibrary), "\(libraries)")
    }

    /// No shell, no libcurl, no Cairo, no users, no home, no time zones; the current folder cannot be written.
    @Test func aSweepRunsWhereThereIsNothingElse() async throws {
        try await buildRoot()
        _ = try bench.write(
            TrainingEndToEndTests.experiment(steps: 300) + "\nwandb_project: spd\n", to: "root/small.yaml")
        _ = try bench.write(TrainingEndToEndTests.target, to: "root/small_target.yaml")
        let key = "0123456789abcdef0123456789abcdef01234567"
        let answer = try await inside(
            ["/bin/orchestrator", "submit", "--experiments", "/small.yaml", "--executor", "local", "--watch"],
            adding: ["SPD_CACHE_DIR": "/cache", "WANDB_API_KEY": key])
        #expect(answer.code == 0, "\(answer.error)\n\(answer.output)")
        #expect(answer.output.contains("1 of 1 done"), "\(answer.output)")
        let files = FileManager.default.enumerator(atPath: root + "/cache")?.allObjects as? [String] ?? []
        #expect(files.contains { $0.hasSuffix("/model_300.safetensors") }, "\(files)")
        let log = try String(contentsOfFile: root + "/cache/jobs/1/logs/agent-1.log", encoding: .utf8)
        #expect(log.contains("libcurl is not installed here"), "it says why it stays offline: \(log)")

        let doctor = try await inside(["/bin/orchestrator", "doctor"], adding: ["SPD_CACHE_DIR": "/cache"])
        #expect(doctor.output.contains("warning  libcurl"), "\(doctor.output)\(doctor.error)")
        #expect(doctor.output.contains("warning  Cairo"))
    }

    @Test func anOlderCPUTakesOtherKernels() async throws {
        let qemu = "/usr/bin/qemu-x86_64"
        try #require(
            FileManager.default.isExecutableFile(atPath: qemu), "qemu-user is missing: make test-all installs it")
        for (cpu, level) in [("Nehalem", "x86-64-v2"), ("Haswell", "x86-64-v3")] {
            let answer = try await bench.run(qemu, ["-cpu", cpu, programs + "/worker", "about", "--json"])
            #expect(answer.code == 0, "\(cpu): \(answer.error)")
            #expect(answer.output.contains(#""cpu_level" : "\#(level)""#), "\(cpu): \(answer.output)")
        }
    }

    /// Below some 110 MB the kernel and the dynamic loader end them, in words of their own.
    @Test(
        arguments: ["orchestrator list", "orchestrator submit --experiments tms_5-2", "worker --job-id 1"],
        [(120_000, "122.9 MB"), (250_000, "256.0 MB")])
    func theProgramsSayThatTheyHaveTooLittleAddressSpaceToStart(
        command: String, limit: (kilobytes: Int, words: String)
    ) async throws {
        let answer = try await bench.run(
            "/bin/sh", ["-c", "ulimit -v \(limit.kilobytes); exec \(programs)/\(command)"])
        #expect(answer.code == 1)
        #expect(answer.error.contains("the address space is limited to \(limit.words) (ulimit -v)"), "\(answer.error)")
    }

    /// A run of two threads needs 300 MB besides, for OpenBLAS's buffers: what cannot train here is not submitted.
    @Test(arguments: [
        ("list", 300_000, 0), ("submit --experiments tms_5-2 --threads 2 --dry-run", 300_000, 2),
        ("submit --experiments tms_5-2 --threads 2 --dry-run", 1_200_000, 0),
    ])
    func commandsNeedLittleMoreAddressSpaceThanTheProgram(command: String, kilobytes: Int, code: Int32) async throws {
        let answer = try await bench.run(
            "/bin/sh", ["-c", "ulimit -v \(kilobytes); exec \(programs)/orchestrator \(command)"])
        #expect(answer.code == code, "\(answer.error)")
        #expect(answer.error.contains("what ulimit -v leaves this process") == (code != 0), "\(answer.error)")
    }

    @Test(arguments: ["orchestrator", "worker"])
    func theProgramsStartInMilliseconds(name: String) async throws {
        var times: [Duration] = []
        for _ in 0..<30 {
            let start = ContinuousClock.now
            let child = ChildProcess(command: ["\(programs)/\(name)", "--version"], environment: [:])
            let answer = try child.run(patience: .seconds(20))
            times.append(.now - start)
            #expect(answer.code == 0, "\(answer.error)")
        }
        let median = times.sorted()[times.count / 2]
        print("\(name) --version: median of \(times.count) starts \(median)")
        #expect(median < .milliseconds(100))
    }

    // MARK: The file system

    private func libraries(of name: String) async throws -> [String] {
        let answer = try await bench.run("/usr/bin/ldd", ["\(programs)/\(name)"])
        try #require(answer.code == 0, "\(answer.error)")
        return answer.output.matches(of: /(\/\S+)(?= \(0x)/).map { String($0.1) }
    }

    private func buildRoot() async throws {
        let files = FileManager.default
        for folder in ["bin", "cache", "proc", "dev"] {
            try files.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        for name in ["orchestrator", "worker"] {
            try files.copyItem(atPath: "\(programs)/\(name)", toPath: "\(root)/bin/\(name)")
            for library in try await libraries(of: name) where !files.fileExists(atPath: root + library) {
                let place = URL(filePath: root + library)
                try files.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
                try files.copyItem(at: URL(filePath: library).resolvingSymlinksInPath(), to: place)
            }
        }
        for device in ["null", "urandom"] { try Data().write(to: URL(filePath: "\(root)/dev/\(device)")) }
    }

    /// Runs a command with the bare file system as its own, read-only but for `/cache`, and with nothing in its
    /// environment but the given variables.
    private func inside(_ command: [String], adding variables: [String: String]) async throws -> Workbench.Answer {
        let script = """
            set -e
            mount --bind "$1" "$1"
            cd "$1"; shift
            mount --bind cache cache
            for device in null urandom; do mount --bind /dev/$device dev/$device; done
            mount -t proc proc proc
            mount -o remount,bind,ro .
            exec chroot . "$@"
            """
        let setting = variables.map { "\($0.key)=\($0.value)" }
        let user = getuid() == 0 ? [] : ["--map-root-user"]
        return try await bench.run(
            "/usr/bin/env",
            ["-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + setting + ["unshare"] + user
                + ["--mount", "--pid", "--fork", "/bin/sh", "-c", script, "sh", root] + command)
    }
}
