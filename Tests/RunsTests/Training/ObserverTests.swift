import Experiments
import Foundation
import Layout
import Runs
import TestFiles
import Testing

/// Observers of a user's, most of them hostile: the run's bytes are those of a run without.
struct ObserverTests {
    /// The programs that were built, the worker among them.
    private static let products = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .path

    /// A plan with observers, shell scripts by their names.
    private func plan(
        _ folder: TemporaryFolder, run: String, _ scripts: [(name: String, keys: String, body: String)]
    ) throws -> RunPlan {
        let entries = scripts.map { "  - {run: \($0.name).sh, digest: \($0.name), \($0.keys)}" }
        var plan = try Example.plan(
            folder, run: run, extra: scripts.isEmpty ? "" : "observers:\n" + entries.joined(separator: "\n"))
        plan.observers = folder.path + "/observers"
        plan.launcher = Self.products + "/worker"
        for script in scripts {
            let place = "\(folder.path)/observers/\(script.name)"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            let path = "\(place)/\(script.name).sh"
            try ("#!/bin/sh\n" + script.body).write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        return plan
    }

    private func rows(_ plan: RunPlan) throws -> [[String: Double]] {
        try String(decoding: Example.bytes(plan, "metrics.jsonl"), as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
        }
    }

    /// A run's weights and rows are those of one without observers, but for what the observers say.
    private func expectTheSame(_ plain: RunPlan, _ watched: RunPlan) throws {
        let model = "model_60.safetensors"
        #expect(try Example.bytes(plain, model) == Example.bytes(watched, model))
        #expect(try rows(plain) == rows(watched).map { $0.filter { !$0.key.hasPrefix("user/") } })
    }

    private func user(_ plan: RunPlan, _ name: String) -> String {
        (try? String(contentsOfFile: plan.folder.path + "/user/" + name, encoding: .utf8)) ?? ""
    }

    /// Answers every question with `reply`, a piece of shell.
    private static func script(_ reply: String) -> String {
        "read -r hello; echo '{\"ready\":true}'\nwhile read -r question; do\n\(reply)\ndone\n"
    }

    /// Each with what is said of it; all are asked at steps 0, 21, 42 and 60.
    static let hostile: [(name: String, keys: String, body: String, words: String)] = [
        (
            "exits", "", script("echo 'no file x' >&2; exit 3"),
            "ended with code 3 (no file x) at step 0; it is started again"
        ),
        ("dies", "", "exit 0", "ended with code 0 at step 0"),
        ("crashes", "", script("kill -SEGV $$"), "was ended by signal 11"),
        ("sleeps", "timeout: 0.3", script("sleep 1000"), "gave no answer for 0.3 seconds at step 0"),
        (
            "stubborn", "timeout: 0.3", "trap '' TERM INT HUP\n" + script("while true; do sleep 1000 & wait; done"),
            "gave no answer"
        ),
        ("rubbish", "", script("echo 'hello there'"), "expected a JSON object on a line, found 'hello there'"),
        ("deaf", "timeout: 0.3", "echo '{\"ready\":true}'\nexec sleep 1000", "gave no answer"),
        ("mute", "", "exec 1>&-\nsleep 1000", "closed its standard output"),
        (
            "endless", "", script("yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa | tr -d '\\n'"),
            "gave an answer of more than 16 MB"
        ),
        (
            // In one write: else the second line may come after the next question, as its answer.
            "chatty", "", script("printf '%s\\n' '{\"metrics\":{\"x\":1}}' '{\"metrics\":{\"x\":2}}'"),
            "said more than one line to a question at step 21; it is started again"
        ),
        (
            "astray", "", script("echo '{\"step\":7,\"metrics\":{\"x\":1}}'"),
            "gave an answer for step 7 at step 0; it is started again"
        ),
        (
            "nan", "", script("echo '{\"metrics\":{\"x\":NaN,\"y\":\"1\",\"z\":2}}'"),
            "gave NaN for x, expected a finite number"
        ),
        (
            "thief", "",
            script("echo '{\"metrics\":{\"../loss\":1,\"seconds\":1},\"files\":{\"f\":\"../final_config.yaml\"}}'"),
            "expected a file of up to 256 MB in its working folder"
        ),
        (
            "orphaned", "", script("setsid sleep 1000 & exit 3"),
            "ended with code 3 at step 0; it is started again"
        ),
        (
            "painter", "", script("printf '\\033[31mred\\n'"),
            "found '\u{FFFD}[31mred'"
        ),
        (
            "namer", "",
            script("echo '{\"metrics\":{\"a b\":1,\"x/\":1,\"c//d\":1,\"seconds\":1,\"ok\":1}}'"),
            "gave 'a b', 'x/', 'c//d' and 1 more; names hold letters"
        ),
        (
            "many", "", script("echo \"{\\\"metrics\\\":{$(seq -s, -f '\"m%g\":1' 2001)}}\""),
            "gave 2001 metrics; the first 2000 are logged"
        ),
        (
            "twice", "",
            script(
                "echo '{\"metrics\":{\"x\":1},\"histograms\":{\"x\":{\"edges\":[0,1],\"counts\":[1]}}}'"),
            "gave user/x, which is there already"
        ),
    ]

    @Test(arguments: hostile)
    func aRunGoesOnWhateverAnObserverDoes(name: String, keys: String, body: String, words: String) throws {
        let folder = try TemporaryFolder()
        let plain = try plan(folder, run: "plain", [])
        let watched = try plan(
            folder, run: "watched-\(name)",
            [(name, ["every: 21", keys].filter { !$0.isEmpty }.joined(separator: ", "), body)])
        let lines = Lines()
        try Example.perform(plain)
        try Example.perform(watched, lines: lines)

        try expectTheSame(plain, watched)
        #expect(lines.all.contains { $0.hasPrefix("observer \(name): ") && $0.contains(words) }, "\(lines.all)")
        let faults = lines.all.filter { $0.hasSuffix("; the run goes on") }
        let isHarmless = ["nan", "thief", "namer", "many", "twice"].contains(name)
        #expect(faults.count == (isHarmless ? 0 : 2), "\(faults)")
        #expect(isHarmless || faults.last?.contains("it is off for the rest of this attempt") == true)
        // What was said too much is no later step's answer.
        if name == "chatty" { #expect(try rows(watched).compactMap { $0["user/x"] } == [1, 1]) }
        if name == "nan" { #expect(try rows(watched).last?["user/z"] == 2 && rows(watched).last?["user/x"] == nil) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").allSatisfy {
                !$0.hasPrefix("spd-watched-\(name)-")
            })
    }

    @Test func anObserverWhoseComplaintsCannotBeKeptIsAskedAndItIsSaidOnce() throws {
        let folder = try TemporaryFolder()
        let watched = try plan(
            folder, run: "watched", [("loud", "every: 21", Self.script("echo no >&2; echo '{\"metrics\":{\"x\":1}}'"))])
        let log = watched.folder.path + "/user/loud.log"
        try FileManager.default.createDirectory(atPath: log, withIntermediateDirectories: true)
        let lines = Lines()
        try Example.perform(watched, lines: lines)
        #expect(try rows(watched).compactMap { $0["user/x"] } == [1, 1, 1, 1])
        let said = lines.all.filter { $0.contains("its log is not kept: cannot create \(log): ") }
        #expect(said.count == 1, "\(lines.all)")
    }

    @Test func whatAnObserverHasStartedEndsWithItWhateverSessionItIsIn() throws {
        let folder = try TemporaryFolder()
        // The second loses its parent besides: nobody knows that it was the observer's.
        let body = """
            for i in 1 2; do rm -f pid$i; done
            setsid sh -c 'echo $$ > pid1; exec sleep 1000' > /dev/null 2>&1 < /dev/null &
            sh -c "setsid sh -c 'echo \\$\\$ > pid2; exec sleep 1000' > /dev/null 2>&1 < /dev/null & exit"
            until [ -s pid1 ] && [ -s pid2 ]; do sleep 0.01; done
            echo '{"metrics":{"x":1}}'
            """
        let plan = try plan(folder, run: "leaver", [("leaver", "every: 63, timeout: 60", Self.script(body))])
        try Example.perform(plan)
        #expect(try rows(plan).last?["user/x"] == 1)
        for name in ["pid1", "pid2"] {
            let pid = try #require(pid_t(user(plan, name).trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(kill(pid, 0) != 0 && errno == ESRCH, "\(name)")
        }
    }

    @Test func anObserversErrorsMayBeAsLongAsItLikesAndTheLogIsNot() throws {
        let folder = try TemporaryFolder()
        let body = Self.script("head -c 1000000000 /dev/zero >&2; echo '{\"metrics\":{\"x\":1}}'")
        let plain = try plan(folder, run: "plain", [])
        let plan = try plan(folder, run: "loud", [("loud", "every: 63", body)])
        try Example.perform(plain)
        try Example.perform(plan)
        try expectTheSame(plain, plan)
        #expect(try rows(plan).last?["user/x"] == 1)
        let size =
            try FileManager.default.attributesOfItem(atPath: plan.folder.path + "/user/loud.log")[.size] as? Int ?? 0
        #expect((1_000_000...1_100_000).contains(size), "\(size)")
    }

    /// What asks for more than an observer may have.
    ///
    /// With the default limit, memory is asked for and never touched, so that the test needs no machine with that much.
    static let greedy: [(keys: String, command: String)] = [
        // tail keeps a line that never ends in memory.
        ("memory_gb: 0.2, ", "test $(head -c 10000000000 /dev/zero | tail -n 1 | wc -c) = 10000000000"),
        ("", "dd if=/dev/null of=/dev/null bs=8G"),
    ]

    @Test(arguments: greedy)
    func anObserverThatWantsMoreMemoryThanItMayHaveEndsAndTheRunDoesNot(keys: String, command: String) throws {
        let folder = try TemporaryFolder()
        let body = Self.script("\(command) && exit 7; echo '{\"metrics\":{\"x\":1}}'")
        let plain = try plan(folder, run: "plain", [])
        let plan = try plan(folder, run: "greedy", [("greedy", "\(keys)every: 63, timeout: 60", body)])
        let lines = Lines()
        try Example.perform(plain)
        try Example.perform(plan, lines: lines)
        #expect(user(plan, "greedy.log").contains("memory"), "\(user(plan, "greedy.log").prefix(200))")
        #expect(try rows(plan).last?["user/x"] == 1, "\(lines.all)")
        try expectTheSame(plain, plan)
    }

    @Test func itSeesTensorsAndNoSecrets() throws {
        let folder = try TemporaryFolder()
        setenv("WANDB_API_KEY", "0123456789012345678901234567890123456789", 1)
        defer { unsetenv("WANDB_API_KEY") }
        let body = """
            read -r hello; printf '%s' "$hello" > hello; env > environment; ls -l /proc/$$/fd > files
            echo '{"ready":true}'
            while read -r question; do
                file=$(printf '%s' "$question" | sed 's/.*"tensors":"\\([^"]*\\)".*/\\1/')
                head -c 600 "$file" | tr -cd '[:print:]' >> heads
                echo '{"metrics":{"a/linear1":0.5,"b":true},"files":{"f":"hello"}}'
            done
            echo over > end
            """
        let plan = try plan(folder, run: "seen", [("sees", "every: 63, needs: [batch, ci, W]", body)])
        let lines = Lines()
        try Example.perform(plan, lines: lines)
        #expect(try rows(plan).last?["user/a/linear1"] == 0.5 && rows(plan).last?["user/b"] == 1)
        #expect(try rows(plan).last?["user/seconds"] ?? 0 > 0)
        #expect(!lines.all.contains { $0.contains("observer") }, "\(lines.all)")
        #expect(user(plan, "hello").contains(#""modules":{"linear1":{"C":6,"d_in":4,"d_out":3}"#))
        #expect(user(plan, "heads").contains(#""ci/linear2":{"dtype":"F32","shape":[64,6]"#))
        #expect(!user(plan, "environment").contains("0123456789") && user(plan, "environment").contains("PATH="))
        // Standard input, output and errors, the script, and a line that sums up.
        #expect(user(plan, "files").split(separator: "\n").count <= 6, "\(user(plan, "files"))")
        #expect(user(plan, "end") == "over\n")
    }

    @Test func afterwardsTheSameValuesComeOutOfSavedWeights() throws {
        let folder = try TemporaryFolder()
        let body = Self.script(
            #"""
            file=$(printf '%s' "$question" | sed 's/.*"tensors":"\([^"]*\)".*/\1/')
            echo '{"metrics":{"sum":'$(cksum < "$file" | cut -d' ' -f1)'}}'
            """#)
        let keys = "every: 14, needs: [batch, ci, V, U, W, target_out, out_masked]"
        var plan = try plan(folder, run: "first", [("sums", keys, body)])
        let purity = ConfigValue.map([.init("purity", .string("mean(max(ci['linear1'], dim=1))"))])
        plan.config = try plan.config.setting("save_freq", to: .int(14)).setting("user_metrics", to: purity)
        try Example.perform(plan)
        let logged = try rows(plan)

        var again = plan
        again.folder = RunFolder(path: folder.path + "/again")
        let lines = Lines()
        let hooks = RunHooks(shouldStop: { false }, progress: { _ in }, say: { lines.add($0) })
        var printed: [[String: Double]] = []
        try Afterwards(again, weights: plan.folder, hooks: hooks).look(at: []) { line in
            let numbers = line.replacing(/"run":"first",/, with: "")
            printed.append(try JSONDecoder().decode([String: Double].self, from: Data(numbers.utf8)))
        }
        #expect(lines.all.isEmpty, "\(lines.all)")
        #expect(printed.compactMap { $0["misc/step"] } == [14, 28, 42, 56, 60])
        for row in printed {
            let before = try #require(logged.first { $0["misc/step"] == row["misc/step"] })
            #expect(row["user/sum"] != nil && row["user/sum"] == before["user/sum"])
            #expect(row["user/purity"] != nil && row["user/purity"] == before["user/purity"])
        }
        #expect(throws: RunError.self) {
            try Afterwards(again, weights: plan.folder, hooks: hooks).look(at: [15]) { _ in }
        }
    }

    @Test func aRunThatGoesOnAsksAboutNoStepTwice() throws {
        let folder = try TemporaryFolder()
        let body = Self.script(
            "echo \"$question\" | sed 's/.*\"step\":\\([0-9]*\\).*/\\1/' >> asked; echo '{\"metrics\":{\"x\":'$(wc -l < asked)'}}'"
        )
        let plan = try plan(folder, run: "again", [("counts", "every: 7", body)])
        // Its state is not saved on the way: every attempt begins at step 0, as after kill -9.
        for stop in [10, 30] {
            try Example.perform(plan, stopAfter: stop)
            for name in try FileManager.default.contentsOfDirectory(atPath: plan.folder.path)
            where name.hasPrefix("checkpoint_") {
                try FileManager.default.removeItem(atPath: plan.folder.path + "/" + name)
            }
        }
        // One was asked about and not answered when the power went.
        let journal = plan.folder.path + "/user/counts.jsonl"
        try (user(plan, "counts.jsonl") + "{\"asked\":35}\n{\"step\":42,\"sec").write(
            toFile: journal, atomically: true, encoding: .utf8)
        let lines = Lines()
        try Example.perform(plan, lines: lines)
        let asked = user(plan, "asked").split(separator: "\n").compactMap { Int($0) }
        #expect(asked == [0, 7, 14, 21, 28, 42, 49, 56, 60])
        #expect(try rows(plan).map { $0["user/x"] } == [1, 2, 3, 4, 5, nil, 6, 7, 8, 9])
        #expect(lines.all.contains { $0.contains("was asked about step 35 before a crash; it is not asked twice") })
    }
}
