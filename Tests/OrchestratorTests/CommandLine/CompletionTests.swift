import Foundation
import Testing

/// Completion scripts in the shells that they are for.
struct CompletionTests {
    let bench: Workbench

    init() async throws {
        bench = try Workbench()
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
        let answer = try await bench.orchestrator(SubmitTests.sweep + ["--watch"])
        try #require(answer.code == 0, "\(answer.error)")
    }

    private var run: String {
        get throws {
            try #require(
                try FileManager.default.contentsOfDirectory(atPath: bench.cache + "/runs").sorted().first)
        }
    }

    /// What a shell says to a script that has loaded its completions.
    private func shell(_ name: String, _ options: [String], _ script: String) async throws -> [String] {
        let generated = try await bench.orchestrator(["--generate-completion-script", name])
        #expect(generated.code == 0)
        _ = try bench.write(generated.output, to: "completions." + name)
        let answer = try await bench.run(
            "/usr/bin/" + name, options + [script],
            adding: ["PATH": Workbench.products + ":/usr/bin:/bin", "TERM": "dumb"])
        return answer.output.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    private func bash(_ words: String...) async throws -> [String] {
        try await shell(
            "bash", ["--norc", "-c"],
            """
            source completions.bash
            COMP_WORDS=(orchestrator \(words.map { "'\($0)'" }.joined(separator: " ")))
            COMP_CWORD=\(words.count); COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
            _orchestrator orchestrator '\(words.last ?? "")' '\(words.dropLast().last ?? "orchestrator")' 2>&1
            printf '%s\\n' "${COMPREPLY[@]}"
            """)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/bash")))
    func bashKnowsCommandsJobsAndRuns() async throws {
        #expect(try await bash("sta") == ["status"])
        #expect(try await bash("status", "") == ["1"])
        let run = try run
        #expect(try await bash("show", String(run.prefix(3))) == [run])
        #expect(try await bash("cancel", "").contains("1"))
        #expect(try await bash("cancel", "1", "").contains(run), "a command that takes several")
        #expect(try await bash("submit", "--experiments", "resid_").contains("resid_mlp3"))
    }

    /// What the screen of an interactive shell says once Tab was pressed behind a line.
    private func screen(_ name: String, _ options: String, loading: String, _ line: String) async throws -> String {
        let generated = try await bench.orchestrator(["--generate-completion-script", name])
        _ = try bench.write(generated.output, to: "completions." + name)
        let answer = try await bench.run(
            "/usr/bin/bash",
            [
                "-c",
                """
                tmux="tmux -S $HOME/tmux -f /dev/null"
                $tmux new-session -d -x 80 -y 24 "\(name) \(options)"; sleep 1
                $tmux send-keys "\(loading)" Enter; sleep 2
                $tmux send-keys "\(line)" Tab
                for i in 1 2 3 4 5 6 7 8 9 10; do
                    sleep 1; $tmux capture-pane -p > screen
                    [ "$(tail -c 1000 screen | grep -c .)" -gt 0 ] && [ $i -gt 3 ] && break
                done
                cat screen; $tmux kill-server
                """,
            ], adding: ["PATH": Workbench.products + ":/usr/bin:/bin", "TERM": "screen"])
        return answer.output
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil))
    func fishKnowsCommandsAndRuns() async throws {
        let load = "source completions.fish"
        let run = try run
        #expect(try await screen("fish", "--no-config", loading: load, "orchestrator sta").contains("status"))
        #expect(
            try await screen("fish", "--no-config", loading: load, "orchestrator show \(run.prefix(3))").contains(run))
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SPD_TEST_SLOW"] != nil))
    func zshKnowsCommandsAndRuns() async throws {
        let load = "autoload -Uz compinit; compinit -u -D; source completions.zsh; compdef _orchestrator orchestrator"
        let run = try run
        #expect(try await screen("zsh", "-f", loading: load, "orchestrator sta").contains("status"))
        #expect(try await screen("zsh", "-f", loading: load, "orchestrator show \(run.prefix(3))").contains(run))
    }
}
