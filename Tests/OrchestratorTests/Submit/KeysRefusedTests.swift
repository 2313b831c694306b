import Experiments
import Foundation
import Layout
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// A key that somebody has put where it does not belong is neither stored nor shown.
struct KeysRefusedTests {
    private let bench: Workbench
    private static let key = "0123456789abcdef0123456789abcdef01234567"
    private static let token = "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH"

    init() throws { bench = try Workbench() }

    private func expectRefusal(_ arguments: [String], _ what: String, adding: [String: String] = [:]) async throws {
        let answer = try await bench.orchestrator(arguments, adding: adding)
        #expect(answer.code == 2, "\(answer.output)")
        #expect(answer.error.hasPrefix("orchestrator: \(what) holds an API key"), "\(answer.error)")
        for secret in [Self.key, Self.token] where !answer.output.isEmpty || answer.error.contains(secret) {
            Issue.record("\(secret) is shown: \(answer.output)\(answer.error)")
        }
    }

    @Test(arguments: [
        (["--project", key], "--project"), (["--job-suffix", token], "--job-suffix"),
        (["--job-suffix", token + token], "--job-suffix"),
        (["--set", "wandb_project=\(key)"], "--set wandb_project"),
        (["--set", "wandb_run_name=\(token)"], "--set wandb_run_name"),
        (["--on-finish", "curl -H 'Authorization: Bearer \(token)' x"], "--on-finish"),
        (["--on-failure", "WANDB_API_KEY=\(key) ./tell"], "--on-failure"),
        (["--sbatch-arg=--comment=\(token)"], "--sbatch-arg"), (["--account", key], "--account"),
        (["--exclude", token], "--exclude"),
    ])
    func onTheCommandLine(more: [String], what: String) async throws {
        try await expectRefusal(["submit", "--experiments", "tms_5-2"] + more, what)
        try await expectRefusal(["submit", "--experiments", "tms_5-2", "--dry-run"] + more, what)
        #expect(bench.files().isEmpty)
    }

    @Test(arguments: [
        ("# WANDB_API_KEY=\(key)\nglobal: {seed: {values: [1]}}\n", ":1"),
        ("global:\n  seed: {values: [1]}\n  wandb_run_name_prefix: {values: [\(token)]}\n", ":3"),
        ("global:\n  seed: {values: [\(token)]}\n", ":2"),
    ])
    func inASweepFile(text: String, place: String) async throws {
        let sweep = try bench.write(text, to: "s.yaml")
        let arguments = ["--experiments", "tms_5-2", "--sweep", sweep]
        try await expectRefusal(["submit", "--dry-run"] + arguments, sweep + place)
        try await expectRefusal(["submit"] + arguments, sweep + place)
        #expect(bench.files().isEmpty)
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        try await expectRefusal(["add", "1"] + arguments, sweep + place)
    }

    @Test func aKeyInUseIsKnownWhateverItsNameInAFile() async throws {
        let sweep = try bench.write("global: {wandb_run_name_prefix: {values: [my-own-server-key]}}\n", to: "s.yaml")
        let arguments = ["submit", "--dry-run", "--experiments", "tms_5-2", "--sweep", sweep]
        #expect(try await bench.orchestrator(arguments).code == 0)
        try await expectRefusal(arguments, sweep + ":1", adding: ["WANDB_API_KEY": "my-own-server-key"])
        // A project's name is no hash.
        _ = try bench.write("global: {wandb_project: {values: [\(Self.key)]}}\n", to: "s.yaml")
        try await expectRefusal(arguments, "wandb_project")
    }

    @Test func inAnObserversFiles() async throws {
        _ = try bench.writeProgram("read -r hello; echo '{\"ready\":true}'", to: "look.sh")
        _ = try bench.write("# tools\nHF_TOKEN = '\(Self.token)'\n", to: "lib/tools.py")
        let observers = "\nobservers: [{run: ./look.sh, files: [./lib]}]\n"
        let config = try bench.write(try Registry.yaml(named: "tms_5-2") + observers, to: "my.yaml")
        let what = "the observer \(bench.path)/look.sh: its file lib/tools.py:2"
        try await expectRefusal(["submit", "--experiments", config, "--dry-run"], what)
        try await expectRefusal(["submit", "--experiments", config], what)
        try await expectRefusal(["run", config], what)
        _ = try bench.write("", to: "lib/tools.py")
        _ = try bench.writeProgram("# WANDB_API_KEY=\(Self.key)", to: "look.sh")
        try await expectRefusal(["submit", "--experiments", config], "\(bench.path)/look.sh:2")
        #expect(bench.files().isEmpty)
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        let run = try Store(CacheFolder(path: bench.cache)).snapshot(of: JobID(rawValue: 1)).runs[0].id
        try await expectRefusal(
            ["observe", run.rawValue, "--observer", bench.path + "/look.sh"], "\(bench.path)/look.sh:2")
    }

    @Test(arguments: ["sbatch-args: [--export=HF_TOKEN=\(token)]", "account: \(token)", "# api_key \(key)"])
    func inASitesFile(line: String) async throws {
        _ = try bench.write("time: 60\n\(line)\n", to: "cache/site.yaml")
        try await expectRefusal(["submit", "--experiments", "tms_5-2", "--dry-run"], bench.cache + "/site.yaml:2")
    }

    @Test func inARunWithoutAJob() async throws {
        try await expectRefusal(["run", "tms_5-2", "--set", "wandb_run_name=\(Self.token)"], "--set wandb_run_name")
        #expect(bench.files().isEmpty)
    }

    @Test func inMarks() async throws {
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"])
        try await expectRefusal(["note", "1", "with \(Self.token)"], "a note")
        try await expectRefusal(["tag", "1", "--add", Self.token], "a tag")
        try await expectRefusal(["tag", "1", "--add", Self.key], "a tag")
        try await expectRefusal(["rename", "1", "api_key \(Self.key)"], "a name")
        try await expectRefusal(["rename", "1", Self.key], "a name")
        #expect(try await bench.orchestrator(["note", "1", "commit \(Self.key)"]).code == 0, "a hash")
    }

    @Test func settingsThatMessagesDoNotShowAreNotKeptInTheSnapshot() async throws {
        let variables = [
            "WANDB_BASE_URL": "http://127.0.0.1:9/?token=hunter2hunter2hunter2",
            "WANDB_APP_URL": "http://me:pa/ss@host",
            "WANDB_MODE": "offline",
        ]
        _ = try await bench.orchestrator(["submit", "--experiments", "tms_5-2", "--watch"], adding: variables)
        let text = try String(contentsOfFile: bench.cache + "/jobs/1/snapshot.json", encoding: .utf8)
        #expect(!text.contains("hunter2") && !text.contains("pa/ss") && !text.contains("pa\\/ss"), "\(text)")
        #expect(text.contains("WANDB_BASE_URL") && text.contains("WANDB_APP_URL") && text.contains("offline"))
    }
}
