import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

/// What a job runs and knows of where it comes from is fixed when it is submitted.
struct SnapshotTests {
    let bench: Workbench

    init() throws { bench = try Workbench("snapshot") }

    @Test func editingAfterSubmitChangesNothing() async throws {
        let worker = bench.path + "/build/worker"
        try FileManager.default.createDirectory(atPath: bench.path + "/build", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Workbench.products + "/worker", toPath: worker)
        _ = try bench.write(TrainingEndToEndTests.target, to: "target.yaml")
        let trained = try await bench.run(worker, ["train-target", "target.yaml", "--out", "mine"])
        #expect(trained.code == 0, "\(trained.error)")
        let figures = try FileManager.default.contentsOfDirectory(atPath: bench.path + "/mine/figures")
        #expect(figures.contains("cosine_similarity_distribution.png"), "\(trained.output)")
        let config = TrainingEndToEndTests.experiment(steps: 2000)
            .replacing("train:small", with: "mine/tms.safetensors")
        _ = try bench.write(config, to: "mine.yaml")
        _ = try bench.write("mine:\n  seed:\n    values: [0, 1]\n", to: "sweep.yaml")
        let submit = ["submit", "--experiments", "mine.yaml", "--sweep", "sweep.yaml"]
        let slurm = [
            "scontrol": "echo 'Slurmctld(primary) at node0 is UP'", "sbatch": "echo 812",
            "squeue": Workbench.emptyQueue,
        ]
        for (name, script) in slurm { _ = try bench.writeProgram(script, to: "bin/" + name) }

        let calm = try await bench.orchestrator(
            submit + ["--executor", "local", "--watch"], adding: ["SPD_WORKER": worker])
        #expect(calm.code == 0, "\(calm.error)")
        let waiting = try await bench.orchestrator(submit, adding: ["SPD_WORKER": worker])
        #expect(waiting.code == 0, "\(waiting.error)")

        try FileManager.default.removeItem(atPath: worker)
        _ = try bench.writeProgram("exit 9", to: "build/worker")
        _ = try bench.write(config.replacing("lr: 0.001", with: "lr: 0.5"), to: "mine.yaml")
        _ = try bench.write("mine:\n  seed:\n    values: [8, 9]\n", to: "sweep.yaml")
        _ = try bench.write("spoilt", to: "mine/tms.safetensors")
        try FileManager.default.removeItem(atPath: bench.path + "/mine/tms_train_config.yaml")

        let agent = try await bench.run(bench.cache + "/jobs/2/worker", ["--job-id", "2"])
        #expect(agent.code == 0, "\(agent.error)")
        let (unedited, edited) = (try await bench.status(of: 1), try await bench.status(of: 2))
        #expect(edited.counts.done == 2)
        for (a, b) in zip(unedited.runs, edited.runs) {
            #expect(a.overrides == b.overrides)
            for name in ["metrics.jsonl", "model_2000.safetensors", "final_config.yaml"] {
                let files = try [a, b].map { try Data(contentsOf: URL(filePath: $0.folder + "/" + name)) }
                #expect(files[0] == files[1], "\(name)")
            }
        }
        let shown = try String(contentsOfFile: edited.runs[0].folder + "/final_config.yaml", encoding: .utf8)
        #expect(shown.contains(bench.path + "/mine/tms.safetensors"), "the config is what the user wrote")
    }

    @Test func jobsWithTheSameWorkerAndTargetShareTheirFiles() async throws {
        let fixture = Workbench.package + "/Tests/Fixtures/torch/tms"
        let config = TrainingEndToEndTests.experiment(steps: 10).replacing("train:small", with: fixture)
        _ = try bench.write(config, to: "a.yaml")
        _ = try bench.write(config.replacing(fixture, with: fixture + "/tms.pth"), to: "b.yaml")
        for _ in 1...2 {
            let answer = try await bench.orchestrator(["submit", "--experiments", "a.yaml,b.yaml", "--watch"])
            #expect(answer.code == 0, "\(answer.error)")
        }
        let workers = try (1...2).map { job in
            try FileManager.default.attributesOfItem(atPath: bench.cache + "/jobs/\(job)/worker")[.systemFileNumber]
                as? UInt64
        }
        #expect(workers[0] == workers[1])
        let targets = try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/targets")
        #expect(targets.count == 1, "\(targets)")
        #expect(targets.first?.wholeMatch(of: /copy-[0-9a-f]{16}/) != nil)
        let snapshot = try snapshot(ofJob: 2)
        let copy = "\(bench.cache)/targets/\(targets[0])"
        #expect(
            snapshot.targets == [
                .init(source: fixture, copy: copy), .init(source: fixture + "/tms.pth", copy: copy + "/tms.pth"),
            ])
        #expect(snapshot.configs.map(\.source) == [bench.path + "/a.yaml", bench.path + "/b.yaml"])
        for config in snapshot.configs {
            let kept = try Data(contentsOf: URL(filePath: bench.cache + "/jobs/2/" + config.copy))
            #expect(kept == (try Data(contentsOf: URL(filePath: config.source))))
        }

        try Data("spoilt".utf8).write(to: URL(filePath: copy + "/tms.pth"))
        let answer = try await bench.orchestrator(["submit", "--experiments", "a.yaml", "--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(
            FileManager.default.contentsEqual(atPath: copy + "/tms.pth", andPath: fixture + "/tms.pth"),
            "a copy that was changed is taken anew")
    }

    @Test func aTargetWithoutItsTrainingConfigIsRefusedBeforeAnythingIsStored() async throws {
        let weights = try bench.write("weights", to: "mine/tms.pth")
        _ = try bench.write(
            TrainingEndToEndTests.experiment(steps: 10).replacing("train:small", with: "mine/tms.pth"), to: "a.yaml")
        let answer = try await bench.orchestrator(["submit", "--experiments", "a.yaml"])
        #expect(answer.code == 2)
        #expect(
            answer.error.hasSuffix(
                "pretrained_model_path: \(weights) needs its training config beside it: there is "
                    + "neither tms_train_config.yaml nor resid_mlp_train_config.yaml in \(bench.path)/mine\n"))
        #expect(bench.files().isEmpty)
    }

    @Test func theCommitAndWhatWasChangedSinceAreKept() async throws {
        let usual = ["PATH": bench.path + "/bin:/usr/bin:/bin"]
        func git(_ arguments: String...) async throws {
            let names = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
            let answer = try await bench.run("/usr/bin/git", names + arguments, adding: usual)
            try #require(answer.code == 0, "\(answer.error)")
        }
        let key = "0123456789abcdef0123456789abcdef01234567"
        _ = try bench.write("cache\nbin\n", to: ".gitignore")
        let code = try bench.write("let x = 1\n", to: "src/code.swift")
        _ = try bench.write("WANDB_API_KEY=none\n", to: ".env")
        _ = try bench.write("login()\n", to: "src/login.py")
        try await git("init", "-q", "-b", "topic")
        try await git("add", ".")
        try await git("commit", "-q", "-m", "first")
        try await git("remote", "add", "origin", "https://me:\(key)@example.org/spd.git")
        _ = try bench.write("let x = 2\n", to: "src/code.swift")
        _ = try bench.write("WANDB_API_KEY=\(key)\n", to: ".env")
        _ = try bench.write("login('\(key)')\n", to: "src/login.py")
        _ = try bench.write(key, to: "notes.txt")

        let answer = try await bench.orchestrator(
            ["submit", "--experiments", "tms_5-2", "--watch"],
            adding: usual.merging(["WANDB_API_KEY": key, "WANDB_MODE": "offline"]) { $1 })
        #expect(answer.code == 0, "\(answer.error)")
        #expect(
            answer.error.contains("the job's snapshot of this checkout: src/login.py: its changes hold a secret"),
            "\(answer.error)")

        let snapshot = try snapshot(ofJob: 1)
        let checkout = try #require(snapshot.git)
        #expect(checkout.branch == "topic")
        #expect(checkout.commit?.count == 40)
        #expect(checkout.isDirty == true)
        #expect(checkout.remote == "https://example.org/spd.git")
        #expect(checkout.untracked == ["notes.txt"])
        #expect(snapshot.variables["WANDB_MODE"] == "offline")
        #expect(snapshot.secretVariables == ["WANDB_API_KEY"])
        for file in bench.files() {
            guard let data = FileManager.default.contents(atPath: bench.cache + "/" + file) else { continue }
            #expect(data.range(of: Data(key.utf8)) == nil, "\(file)")
        }
        try await git("checkout", "-q", ".")
        try await git("apply", bench.cache + "/jobs/1/diff.patch")
        #expect(try String(contentsOfFile: code, encoding: .utf8) == "let x = 2\n")
    }

    @Test func aGitThatHangsOrAWorkerThatIsNoneHoldsNobodyUp() async throws {
        _ = try bench.writeProgram("exec sleep 60", to: "bin/git")
        let answer = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        #expect(answer.code == 0, "\(answer.error)")
        let snapshot = try snapshot(ofJob: 1)
        #expect(snapshot.git?.notes.first?.hasPrefix("git rev-parse gave no answer for") == true)
        #expect(snapshot.worker.trouble?.contains("gives no report") == true)
        #expect(snapshot.machine.glibc.contains("."))
    }

    @Test func theRealWorkerTellsWhatItRunsOn() async throws {
        let answer = try await bench.run(Workbench.products + "/worker", ["about", "--json"])
        #expect(answer.code == 0, "\(answer.error)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(WorkerReport.self, from: Data(answer.output.utf8))
        #expect(report.openblas.hasPrefix("OpenBLAS "))
        #expect(!report.openblasCore.isEmpty)
        #expect(report.libcurl?.hasPrefix("libcurl/") == true)
    }

    private func snapshot(ofJob job: Int) throws -> SnapshotFile {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            SnapshotFile.self, from: Data(contentsOf: URL(filePath: bench.cache + "/jobs/\(job)/snapshot.json")))
    }
}

/// `snapshot.json` as a program that reads it would declare it.
private struct SnapshotFile: Decodable {
    struct Copy: Decodable, Equatable {
        let source: String
        let copy: String
    }
    struct Git: Decodable {
        let commit: String?
        let branch: String?
        let remote: String?
        let isDirty: Bool?
        let untracked: [String]
        let notes: [String]
    }
    struct Machine: Decodable { let glibc: String }
    struct Worker: Decodable { let trouble: String? }
    let git: Git?
    let machine: Machine
    let worker: Worker
    let targets: [Copy]
    let configs: [Copy]
    let variables: [String: String]
    let secretVariables: [String]
}

struct ChildProcessTests {
    private func run(_ script: String, patience: Duration = .seconds(20)) throws(ChildProcess.Trouble)
        -> ChildProcess.Answer
    {
        try ChildProcess(command: ["/bin/sh", "-c", script], environment: [:]).run(patience: patience)
    }

    @Test func whatAProgramSaysAndHowItEndsIsKnown() throws {
        let answer = try run("echo out; echo err >&2; exit 3")
        #expect(answer.text == "out\n")
        #expect(answer.error == "err\n")
        #expect(answer.code == 3)
        #expect(try run("kill -9 $$").code == nil)
    }

    @Test func whatGoesOnInTheBackgroundIsNotWaitedFor() throws {
        #expect(try run("sleep 60 & echo done").text == "done\n")
    }

    @Test func aProgramThatTakesTooLongIsGivenUp() throws {
        let start = ContinuousClock.now
        #expect(throws: ChildProcess.Trouble.timedOut(after: .milliseconds(100))) {
            try run("trap '' TERM; sleep 60; echo late", patience: .milliseconds(100))
        }
        #expect(.now - start < .seconds(20))
    }

    @Test func aProgramThatSaysTooMuchIsGivenUp() {
        #expect(throws: ChildProcess.Trouble.tooMuch(bytes: 1 << 20)) { try run("yes") }
    }

    @Test func aProgramThatIsNotThereIsTold() {
        #expect(throws: ChildProcess.Trouble.cannotStart(reason: "No such file or directory")) {
            try ChildProcess(command: ["/none"], environment: [:]).run(patience: .seconds(1))
        }
    }
}
