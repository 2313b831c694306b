import Experiments
import Foundation
import Layout
import Testing

@testable import Orchestration

/// The files of observers: programs, what lies beside them, and where they are tried.
struct ObserverFilesTests {
    private let bench: Workbench

    init() throws { bench = try Workbench("observer-files", adding: ["SPD_WORKER": Workbench.products + "/worker"]) }

    private func config(_ entry: String) throws -> String {
        try Registry.yaml(named: "tms_5-2") + "\nobservers: [\(entry)]\n"
    }

    private func bundle(_ entry: String) throws -> ObserverBundle {
        let config = try ExperimentConfig.load(yaml: try config(entry), source: "my.yaml")
        var files = ObserverFiles()
        do { return try files.bundle(config.observers[0], relativeTo: bench.path) } catch {
            throw Failure.badInput(error.reason)
        }
    }

    @Test func aFolderLiesBesideTheProgramWithAllThatIsInIt() throws {
        _ = try bench.writeProgram("exit 0", to: "look.sh")
        for name in ["lib/a.py", "lib/deep/b.py", "lib/__pycache__/a.pyc", "lib/.hidden", "lib/.git/config"] {
            _ = try bench.write(name, to: name)
        }
        let bundle = try bundle("{run: ./look.sh, files: [./lib]}")
        #expect(bundle.files.map(\.name) == ["look.sh", "lib/a.py", "lib/deep/b.py", "spd_observer.py"])

        try bundle.write(below: bench.path + "/copies")
        let place = "\(bench.path)/copies/\(bundle.digest)"
        #expect(try String(contentsOfFile: place + "/lib/deep/b.py", encoding: .utf8) == "lib/deep/b.py")
        #expect(access(place + "/look.sh", X_OK) == 0 && access(place + "/lib/a.py", X_OK) != 0)

        // Another file in it is another observer.
        _ = try bench.write("c", to: "lib/c.py")
        #expect(try self.bundle("{run: ./look.sh, files: [./lib]}").digest != bundle.digest)

        let yaml = try config("{run: look.sh, digest: \(bundle.digest)}")
        let observer = try ExperimentConfig.load(yaml: yaml, source: "my.yaml").observers[0]
        let copy = try ObserverBundle(observer, copiedInto: bench.path + "/copies")
        #expect(copy.digest == bundle.digest && copy.program == "look.sh")
        #expect(Set(copy.files.map(\.name)) == Set(bundle.files.map(\.name)))
        let gone = #expect(throws: ObserverFiles.Trouble.self) {
            try ObserverBundle(observer, copiedInto: bench.path + "/elsewhere")
        }
        #expect(gone?.reason.contains("elsewhere") == true)
    }

    @Test func aFolderInThePlaceOfAProgramIsToldWhatToName() throws {
        _ = try bench.write("", to: "lib/main.py")
        let error = #expect(throws: Failure.self) { try bundle("{run: ./lib}") }
        #expect(
            error?.message
                == "\(bench.path)/lib is a folder: run names the program in it, such as ./lib/main.py, and files "
                + "whatever it needs next to it, including folders")
    }

    @Test func aTrialTriesThemBeforeItBegins() async throws {
        _ = try bench.writeProgram("read -r hello; echo 'no such module' >&2; exit 3", to: "look.sh")
        let file = try bench.write(try config("{run: ./look.sh}"), to: "my.yaml")
        let answer = try await bench.orchestrator(["run", file, "--out", bench.path + "/out"])
        #expect(answer.code == 2)
        #expect(
            answer.error.contains("observers: observer look: ended with code 3 (no such module)"), "\(answer.error)")
        #expect(access(bench.path + "/out", F_OK) != 0, "nothing has begun")
    }

    @Test func theDoctorTellsWhatThereIsToRunThemWith() async throws {
        let folder = bench.path + "/bin"
        func findings() -> [Finding] {
            ObserverCheck(cache: CacheFolder(path: bench.cache), environment: ["PATH": folder]).findings()
        }
        #expect(findings().map(\.message) == ["there is no python3 on the PATH"])
        _ = try bench.writeProgram("echo 3.12.1; echo no numpy; echo no matplotlib", to: "bin/python3")
        #expect(findings().map(\.message) == ["\(folder)/python3 3.12.1, no numpy, no matplotlib"])
        #expect(findings()[0].level == .warning && findings()[0].advice?.contains("pip install numpy") == true)
        _ = try bench.writeProgram("echo 3.12.1; echo numpy 2.1; echo no matplotlib", to: "bin/python3")
        #expect(findings().map(\.level) == [.ok])

        // What a job's observer begins with is not here.
        let program = try bench.write("#!/usr/bin/env -S julia --threads 1\n", to: "cache/jobs/7/observers/0f/look.jl")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
        let last = findings().last
        #expect(last?.level == .warning)
        #expect(
            last?.message
                == "a job's observer begins with #!/usr/bin/env -S julia --threads 1, and that program is missing here")
        _ = try bench.writeProgram("exit 0", to: "bin/julia")
        #expect(findings().map(\.level) == [.ok])

        // A job whose observers cannot be looked at is not one without observers.
        let loop = bench.cache + "/jobs/8/observers"
        try FileManager.default.createDirectory(atPath: bench.cache + "/jobs/8", withIntermediateDirectories: true)
        #expect(symlink(loop, loop) == 0)
        #expect(findings().map(\.level) == [.ok, .warning])
        #expect(findings().last?.message.contains(loop) == true)
    }
}
