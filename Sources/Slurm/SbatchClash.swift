/// An option in an argument for `sbatch` that this program sets itself.
///
/// Arguments on `sbatch`'s command line override the batch script's: one that names the job or sends its log
/// elsewhere would leave an agent that nobody finds again.
public struct SbatchClash: Sendable, Equatable {
    /// The argument as written.
    public let argument: String
    /// The option it stands for by its long name, or several for an abbreviation that may mean each of them.
    public let options: [String]
    /// What to do instead.
    public let remedy: Remedy

    /// What to do instead of setting an `sbatch` option.
    public enum Remedy: Sendable, Equatable {
        /// This program has an option, and `site.yaml` a key, of the same name.
        case sameName
        /// Another way, in words.
        case other(String)
    }

    /// Looks for options that the user may not set, in every spelling that `sbatch` accepts: `--job-name=x`,
    /// `--job-name x`, `--job-n=x`, `-J x`, `-Jx`, `-HJx`.
    public init?(in argument: String) {
        self.argument = argument
        if argument.hasPrefix("--") {
            let name = String(argument.dropFirst(2).prefix { $0 != "=" && !$0.isWhitespace })
            guard !name.isEmpty else { return nil }
            // What is ambiguous to one version of sbatch may be clear to another, which knows fewer options.
            options = Self.own[name] != nil ? [name] : Self.own.keys.filter { $0.hasPrefix(name) }.sorted()
        } else if argument.hasPrefix("-") {
            let letters = argument.dropFirst()
            // Letters without a value may be combined; the first one with a value ends them.
            let first = letters.first { !Self.lettersWithoutValue.contains($0) || Self.ownLetters[$0] != nil }
            options = first.flatMap { Self.ownLetters[$0] }.map { [$0] } ?? []
        } else {
            return nil
        }
        guard let option = options.first, let remedy = Self.own[option] else { return nil }
        self.remedy = remedy
    }

    /// What the argument means to `sbatch`: `'-Jx' stands for --job-name`.
    public var meaning: String {
        let names = options.map { "--" + $0 }
        guard names.count == 1 else { return "'\(argument)' may stand for \(names.joined(separator: " or "))" }
        return "'\(argument)' " + (argument.hasPrefix(names[0]) ? "is sbatch's" : "stands for sbatch's")
            + " \(names[0])"
    }

    private static let log = Remedy.other("each agent has a log of its own; `orchestrator logs` shows it")
    private static let shape = Remedy.other("each agent is one task on one node; --n-agents says how many there are")
    private static let nothing = Remedy.other("with it sbatch would submit nothing; --dry-run shows what it would get")
    private static let folder = Remedy.other("agents run in the folder that `submit` is called from")
    private static let queueing = Remedy.other("agents requeue themselves before their time limit")
    private static let environment = Remedy.other("agents get the environment of `submit`")
    private static let cluster = Remedy.other("agents run on the cluster of this machine")
    private static let user = Remedy.other("agents run as the user who submits them")

    /// The options that this program sets, or that would keep it from knowing what it has submitted.
    private static let own: [String: Remedy] = [
        "account": .sameName, "constraint": .sameName, "cpus-per-task": .sameName, "exclude": .sameName,
        "gres": .sameName, "mem": .sameName, "partition": .sameName, "qos": .sameName, "time": .sameName,
        "array": .other("--n-agents says how many agents there are"),
        "cpus-per-gpu": .other("--cpus-per-task says how many cores an agent has"),
        "comment": .other("agents show their runs there"),
        "job-name": .other("agents are found by it; --job-suffix adds to it"),
        "parsable": .other("this program reads what sbatch prints"),
        "signal": .other("agents have SLURM warn them before their time limit"),
        "wait": .other("--watch waits for the job"), "wrap": .other("agents run the worker of their job"),
        "output": log, "error": log, "open-mode": log,
        "nodes": shape, "ntasks": shape, "ntasks-per-core": shape, "ntasks-per-gpu": shape, "ntasks-per-node": shape,
        "ntasks-per-socket": shape, "ntasks-per-tres": shape, "tasks-per-node": shape,
        "test-only": nothing, "help": nothing, "usage": nothing, "version": nothing,
        "chdir": folder, "workdir": folder, "requeue": queueing, "no-requeue": queueing,
        "export": environment, "export-file": environment, "cluster": cluster, "clusters": cluster,
        "uid": user, "gid": user,
    ]

    private static let ownLetters: [Character: String] = [
        "a": "array", "A": "account", "c": "cpus-per-task", "C": "constraint", "D": "chdir", "e": "error", "h": "help",
        "J": "job-name", "M": "clusters", "n": "ntasks", "N": "nodes", "o": "output", "p": "partition", "q": "qos",
        "t": "time", "u": "usage", "V": "version", "W": "wait", "x": "exclude",
    ]

    private static let lettersWithoutValue: Set<Character> = ["h", "H", "k", "O", "Q", "R", "s", "u", "v", "V", "W"]
}
