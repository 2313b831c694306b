import Artifacts
import Experiments
import Orchestration

/// What the command line accepts that the parser cannot express, and what it refuses that the parser would accept.
enum CommandLineArguments {
    /// Options that add up when they are given again.
    private static let repeatable: Set<String> = ["--experiments", "--sbatch-arg", "--run", "--set"]
    /// The same, for one command only.
    private static let repeatableFor = ["export": ["--metric"], "plot": ["--figure"], "tag": ["--add", "--remove"]]

    /// The arguments with a bare `--sweep` given its file, negative numbers tied to their options, the published tool's
    /// negation put right, without carriage returns at their ends, and the help topic that is no command made one.
    ///
    /// The parser knows no option whose value may be left out, nor a value that begins with a dash (as the columns of
    /// `--sort` may, too), nor a name of dashes and underscores.
    static func canonical(_ arguments: [String]) -> [String] {
        // What a script has read from a CSV file may end with the file's line end.
        let arguments = arguments.map { $0.hasSuffix("\r") ? String($0.dropLast()) : $0 }
        if arguments == ["help", "workflow"] { return ["workflow"] }
        var result: [String] = []
        // What follows "--" is not an option, whatever it looks like.
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        var (free, rest) = ([String](), Array(arguments[end...].dropFirst()))
        for (index, argument) in arguments[..<end].enumerated() {
            if let option = result.last, RepeatedOption.isOption(option), !option.contains("="),
                isNegativeNumber(argument) || option == "--sort" && isDescending(argument)
            {
                result[result.count - 1] = option + "=" + argument
                continue
            }
            if index > 0, isNegativeNumber(argument) {
                free.append(argument)
                continue
            }
            result.append(argument == "--no-create_report" ? "--no-create-report" : argument)
            guard argument == "--sweep" else { continue }
            let next = index + 1 < arguments.count ? arguments[index + 1] : nil
            if next.map({ $0.hasPrefix("-") && $0 != "-" }) ?? true { result.append(SweepPlan.defaultSweepFile) }
        }
        rest = free + rest
        return rest.isEmpty && end == arguments.endIndex ? result : result + ["--"] + rest
    }

    /// Refuses a command that does not exist, and an option that has a value twice: the parser would take the last one
    /// silently.
    static func check(_ arguments: [String], commands: [String]) throws(Failure) {
        if let command = arguments.first, !command.hasPrefix("-"), command != "help", !commands.contains(command) {
            let nearest = otherNames[command] ?? Spelling.nearest(to: command, among: commands)
            throw .badInput(
                "there is no command '\(command)'"
                    + (nearest.map { "; did you mean \($0)?" } ?? " (`orchestrator --help` lists them)"))
        }
        let repeatable = repeatable.union(repeatableFor[arguments.first ?? ""] ?? [])
        if let option = RepeatedOption(in: arguments, repeatable: repeatable, takingAnything: ["--sbatch-arg"]) {
            throw .badInput("\(option)")
        }
    }

    /// What other programs call what is done here: no misspelling leads from one to the other, and `rm` is not `run`.
    private static let otherNames = [
        "stop": "cancel", "kill": "cancel", "abort": "cancel", "scancel": "cancel", "delete": "clean", "rm": "clean",
        "remove": "clean", "prune": "clean", "gc": "clean", "restart": "retry", "rerun": "retry", "requeue": "retry",
        "pause": "hold", "unhold": "release", "unpause": "release", "continue": "resume", "start": "resume",
        "jobs": "list", "queue": "list", "squeue": "list", "ps": "list", "runs": "status", "agents": "status",
        "watch": "status --watch", "top": "status --watch", "tail": "logs -f", "history": "export --history",
        "csv": "export --csv", "cost": "status --cost", "usage": "du", "config": "experiments", "info": "show",
        "describe": "show", "sub": "submit", "version": "--version", "check": "doctor", "diff": "compare",
        "figures": "plot", "train": "run", "upload": "sync", "wandb": "sync",
    ]

    /// `-mmcs`: a column whose large values come first.
    private static func isDescending(_ argument: String) -> Bool {
        argument.hasPrefix("-") && !argument.hasPrefix("--") && argument.count > 1
    }

    private static func isNegativeNumber(_ argument: String) -> Bool {
        argument.hasPrefix("-") && Double(argument) != nil
    }
}
