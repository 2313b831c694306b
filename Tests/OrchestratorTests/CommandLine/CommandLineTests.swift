import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

struct CommandLineTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    @Test func helpShowsExamples() async throws {
        var text = ""
        for arguments in [
            ["--help"], ["submit", "--help"], ["status", "--help"], ["list", "--help"], ["show", "--help"],
            ["logs", "--help"], ["cancel", "--help"], ["retry", "--help"], ["resume", "--help"],
            ["best", "--help"], ["export", "--help"], ["why", "--help"], ["sync", "--help"], ["clean", "--help"],
            ["experiments", "--help"], ["doctor", "--help"],
        ] {
            // As wide as no line is: what is pinned are our words, not where the parser breaks its lines.
            let answer = try await bench.orchestrator(arguments, adding: ["COLUMNS": "2000"])
            #expect(answer.code == 0)
            let words = answer.output.replacing(/(\S) {3,}(?=\S)/) { "\($0.output.1)  " }
            text += "$ orchestrator \(arguments.joined(separator: " "))\n\(words)\n"
        }
        try expectSnapshot(text, "help.txt")
    }

    @Test func theVersionIsPrinted() async throws {
        let answer = try await bench.orchestrator(["--version"])
        #expect(answer.code == 0)
        #expect(answer.output.wholeMatch(of: /\d+\.\d+\.\d+( \(commit [0-9a-f]{12}(, changed)?\))?\n/) != nil)
    }

    // Typed: the compiler would take seconds to find out.
    private static let mistakes: [(arguments: [String], message: String?)] = [
        (["frobnicate"], "there is no command 'frobnicate' (`orchestrator --help` lists them)"),
        (
            ["submit", "--n-agent", "3"],
            "Unknown option '--n-agent'. Did you mean '--n-agents'? "
                + "(`orchestrator submit --help` explains the options)"
        ),
        (
            ["submit", "--n-agents", "0"],
            "--n-agents is 0; it takes 1 or more "
                + "(`orchestrator submit --help` explains the options)"
        ),
        (
            ["submit", "--job-suffix", "a b"],
            "--job-suffix 'a b' may hold up to 48 letters, digits, '.', '_' and '-' "
                + "(`orchestrator submit --help` explains the options)"
        ),
        (["submit", "--experiments", ","], "--experiments names no experiment"),
        (["submit", "--experiments", "tms_5-2,tms_5-2"], "--experiments names 'tms_5-2' twice"),
        (["submit", "--sweep"], "sweeps/sweep_params.yaml: cannot be read: no such file"),
        (["submit", "--sweep", "--dry-run"], "sweeps/sweep_params.yaml: cannot be read: no such file"),
        (["submit", "--sweep", "my.yaml"], "my.yaml: cannot be read: no such file"),
        (
            ["status", "x"],
            "The value 'x' is invalid for '<job>' (`orchestrator status --help` explains the options)"
        ),
        (["status", "--json", "--watch"], nil),
        (["cancel"], nil),
        (["cancel", "1"], nil),
        (["show", "abc"], nil),
        (["resume", "1", "--n-agents", "0"], nil),
        (["retry", "1", "--failed", "--run", "abc"], nil),
        (
            ["submit", "--exclude", "n1 n2"],
            "--exclude 'n1 n2' is not a list of nodes; one is n17,n[20-22] "
                + "(`orchestrator submit --help` explains the options)"
        ),
        (
            ["submit", "--exclude", "n1", "--executor", "local"],
            "--exclude is for SLURM; these agents run on this machine"
        ),
    ]

    @Test(arguments: mistakes.indices)
    func mistakesAreToldInOneLineWithExitCode2(mistake: Int) async throws {
        let (arguments, message) = Self.mistakes[mistake]
        let answer = try await bench.orchestrator(arguments)
        #expect(answer.code == 2)
        #expect(answer.output.isEmpty != arguments.contains("--json"))
        #expect(answer.error.filter { $0 == "\n" }.count == 1)
        if let message { #expect(answer.error == "orchestrator: \(message)\n") }
        #expect(bench.files().isEmpty, "nothing is stored")
    }

    private static let slips: [(arguments: [String], message: String)] = [
        (
            ["submit", "--time", "4h"],
            "--time is '4h'; it takes minutes, or a time such as 4:00:00, 30:00 or 2-12:00:00 "
                + "(`orchestrator submit --help` explains the options)"
        ),
        (
            ["resume", "1", "--mem", "lots"],
            "--mem is 'lots'; it takes megabytes, or a size such as 8G (`orchestrator resume --help` explains the options)"
        ),
        (["statsu"], "there is no command 'statsu'; did you mean status?"),
        (["rm", "1"], "there is no command 'rm'; did you mean clean?"),
        (["stop"], "there is no command 'stop'; did you mean cancel?"),
        (["watch"], "there is no command 'watch'; did you mean status --watch?"),
        (
            ["submit", "--n-agents", "-3"],
            "--n-agents is -3; it takes 1 or more (`orchestrator submit --help` explains the options)"
        ),
        (
            ["scale", "1", "-3"],
            "n is -3; it takes 0 to 100000 (`orchestrator scale --help` explains the options)"
        ),
        (
            ["submit", "--sweep", "one.yaml", "--experiments", "tms_5-2", "--sweep", "two.yaml"],
            "--sweep is given twice, as 'one.yaml' and 'two.yaml'; keep one"
        ),
        (
            ["submit", "--n-agents", "2", "--n_agents=3"], "--n-agents is given twice, as '2' and '3'; keep one"
        ),
        (
            ["submit", "--sbatch-arg", "--mem=1G", "--sbatch-arg", "--mem=2G", "--time", "1", "--time", "2"],
            "--time is given twice, as '1' and '2'; keep one"
        ),
        (["submit", "--experiments", "tms_5-2", "--experiments", "tms_5-2"], "--experiments names 'tms_5-2' twice"),
        (
            ["submit", "--experiments", "tiny.yaml,d/tiny.yaml"],
            "--experiments names two experiments called tiny: tiny.yaml and d/tiny.yaml; "
                + "give one of the files another name"
        ),
    ]

    @Test(arguments: slips.indices)
    func whatTheParserWouldLetPassIsTold(slip: Int) async throws {
        let (arguments, message) = Self.slips[slip]
        let answer = try await bench.orchestrator(arguments)
        #expect(answer.code == 2)
        #expect(answer.error == "orchestrator: \(message)\n")
        #expect(bench.files().isEmpty, "nothing is stored")
    }

    @Test func anUnknownExperimentIsToldWithItsNearest() async throws {
        let answer = try await bench.orchestrator(["submit", "--experiments", "tms5-2"])
        #expect(answer.code == 2)
        #expect(answer.error.contains("unknown experiment 'tms5-2'"))
        #expect(answer.error.contains("tms_5-2"))
    }

    @Test func thePublishedToolsSpellingsWork() async throws {
        let published = [
            "submit", "--experiments", "tms_5-2,resid_mlp1", "--n_agents", "2", "--job_suffix", "x",
            "--no-create_report", "--cpu", "--project", "p", "--dry-run", "--json",
        ]
        let own = published.map {
            $0.replacingOccurrences(of: "n_agents", with: "n-agents")
                .replacingOccurrences(of: "job_suffix", with: "job-suffix")
                .replacingOccurrences(of: "create_report", with: "create-report")
        }
        let answers = (
            try await bench.orchestrator(published), try await bench.orchestrator(own)
        )
        #expect(answers.0.code == 0, "\(answers.0.error)")
        #expect(answers.0.output == answers.1.output)
        #expect(answers.0.output.contains(#""agents" : 2"#))
        let with = try await bench.orchestrator(["submit", "--create_report", "--dry-run"])
        #expect(with.code == 0, "\(with.error)")
    }

    @Test func aBareSweepMeansTheDefaultFile() {
        let file = SweepPlan.defaultSweepFile
        #expect(CommandLineArguments.canonical(["submit", "--sweep"]) == ["submit", "--sweep", file])
        #expect(
            CommandLineArguments.canonical(["submit", "--sweep", "--n-agents", "2"])
                == ["submit", "--sweep", file, "--n-agents", "2"])
        #expect(CommandLineArguments.canonical(["submit", "--sweep", "my.yaml"]) == ["submit", "--sweep", "my.yaml"])
        #expect(
            CommandLineArguments.canonical(["note", "a1", "-2", "--json", "--", "-x"]) == [
                "note", "a1", "--json", "--", "-2", "-x",
            ])
        #expect(CommandLineArguments.canonical(["submit", "--sweep=my.yaml"]) == ["submit", "--sweep=my.yaml"])
    }

    @Test func experimentsAddUpAndTheirPathsMayHoldCommas() async throws {
        let yaml = try await bench.orchestrator(["experiments", "tms_5-2"]).output
        for name in ["a.yaml", "with,comma/b,c.yaml"] { _ = try bench.write(yaml, to: name) }
        let answer = try await bench.orchestrator([
            "submit", "--executor", "local", "--dry-run", "--json", "--experiments", "a.yaml,with,comma/b,c.yaml",
            "--experiments", "tms_40-10",
        ])
        #expect(answer.code == 0, "\(answer.error)")
        #expect(answer.output.contains(#""specs" : 3,"#))
    }

    @Test func aDoubtfulDistributionIsToldAndRun() async throws {
        let sweep = try bench.write("global: {lr: {distribution: log_uniform, min: 1e-5, max: 1e-2}}", to: "s.yaml")
        let answer = try await bench.orchestrator([
            "submit", "--executor", "local", "--dry-run", "--experiments", "tms_5-2", "--sweep", sweep, "--samples",
            "3",
        ])
        #expect(answer.code == 0)
        #expect(answer.error.contains("1:10: global.lr: draws from 1.00001 to 1.01005"), "\(answer.error)")
    }

    @Test func experimentsAreListedAndPrinted() async throws {
        let list = try await bench.orchestrator(["experiments"])
        #expect(
            list.output.split(separator: "\n") == [
                "tms_5-2", "tms_5-2-id", "tms_40-10", "tms_40-10-id", "resid_mlp1", "resid_mlp2",
                "resid_mlp3", "lm_small", "ss_emb", "ts",
            ])
        let one = try await bench.orchestrator(["experiments", "tms_5-2"])
        #expect(one.code == 0)
        _ = try bench.write(one.output, to: "mine.yaml")
        let mine = try await bench.orchestrator(["submit", "--experiments", "mine.yaml", "--dry-run"])
        #expect(mine.code == 0, "\(mine.error)")
        #expect(mine.output.contains(/mine +1 +40000\b/))
    }
}
