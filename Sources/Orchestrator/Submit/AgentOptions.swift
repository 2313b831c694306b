public import ArgumentParser
import Experiments
import Orchestration
import Slurm
public import Store

/// What agents get and how they share it: the options of `submit` and `resume`.
struct AgentOptions: ParsableArguments {
    @Option(
        name: [.customLong("n-agents"), .customLong("n_agents")],
        help: ArgumentHelp("How many agents share the specs; on SLURM, tasks of one array.", valueName: "n"))
    var agentCount: Int?

    @Option(
        help: ArgumentHelp(
            "How many runs each agent trains at once; auto measures for a few seconds and chooses.",
            valueName: "k|auto"))
    var slots: JobOptions.Slots?

    @Option(help: ArgumentHelp("Threads per run (default: the agent's cores, shared by its slots).", valueName: "t"))
    var threads: Int?

    @Option(help: ArgumentHelp("SLURM: cores per agent (default: slots times threads).", valueName: "n"))
    var cpusPerTask: Int?

    @Option(help: ArgumentHelp("SLURM: memory per agent.", valueName: "size"))
    var mem: String?

    @Option(help: ArgumentHelp("SLURM: time limit; agents save and requeue themselves before it.", valueName: "time"))
    var time: String?

    @Option(help: ArgumentHelp("SLURM: partition.", valueName: "name"))
    var partition: String?

    @Option(help: ArgumentHelp("SLURM: account to charge.", valueName: "name"))
    var account: String?

    @Option(help: ArgumentHelp("SLURM: quality of service.", valueName: "name"))
    var qos: String?

    @Option(help: ArgumentHelp("SLURM: features that nodes must have.", valueName: "features"))
    var constraint: String?

    @Option(help: ArgumentHelp("SLURM: nodes that agents must not use: n17,n[20-22].", valueName: "nodes"))
    var exclude: String?

    @Option(help: ArgumentHelp("SLURM: generic resources.", valueName: "list"))
    var gres: String?

    @Option(
        name: [.customLong("sbatch-arg"), .customLong("sbatch_arg")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Another argument for sbatch, such as --hint=nomultithread; repeatable.", valueName: "arg")
    )
    var sbatchArgument: [String] = []

    func validate() throws {
        for argument in sbatchArgument { try Secrets.validate(argument, as: "--sbatch-arg") }
        for (name, value) in asked { try Secrets.validate(value, as: "--\(name)", isName: true) }
        for (name, value) in [("n-agents", agentCount), ("threads", threads), ("cpus-per-task", cpusPerTask)] {
            if let value, value < 1 { throw ValidationError("--\(name) is \(value); it takes 1 or more") }
        }
        if let agentCount, agentCount > Self.agentsAtMost {
            throw ValidationError("--n-agents is \(agentCount); it takes \(Self.agentsAtMost) at most")
        }
        try NodeList.validate(exclude)
        for (name, value) in asked where value.isEmpty || value.contains(where: { $0.isNewline || $0 == "\0" }) {
            throw ValidationError("--\(name) '\(value)' is not something that sbatch takes")
        }
        for (name, value) in asked.sorted(by: { $0.key < $1.key }) {
            guard let expected = SiteFile.expectation(unmetBy: value, for: name) else { continue }
            throw ValidationError("--\(name) is '\(value)'; it takes \(expected)")
        }
        for argument in sbatchArgument
        where !argument.hasPrefix("-") || ["-", "--"].contains(argument) || argument.contains(where: \.isNewline) {
            throw ValidationError(
                "--sbatch-arg '\(argument)' is not an option of sbatch's; one is --hint=nomultithread")
        }
        if let clash = sbatchArgument.lazy.compactMap(SbatchClash.init).first {
            throw ValidationError("--sbatch-arg: " + clash.refusal { "use --\($0)" })
        }
    }

    private static let agentsAtMost = 100_000

    /// What was asked of SLURM on the command line.
    var asked: [String: String] {
        let options = [
            "cpus-per-task": cpusPerTask.map(String.init), "mem": mem, "time": time, "partition": partition,
            "account": account, "qos": qos, "constraint": constraint, "exclude": exclude, "gres": gres,
        ]
        return options.compactMapValues(\.self)
    }

    /// The variables by which users and sites set defaults for `sbatch`, and the one that the published tool reads.
    private static let variables = [
        ("SLURM_PARTITION", "partition"), ("SBATCH_PARTITION", "partition"), ("SBATCH_ACCOUNT", "account"),
        ("SBATCH_QOS", "qos"), ("SBATCH_CONSTRAINT", "constraint"), ("SBATCH_TIMELIMIT", "time"),
        ("SBATCH_RESERVATION", "reservation"), ("SBATCH_GRES", "gres"), ("SBATCH_MEM_PER_NODE", "mem"),
    ]

    /// Whether the site file, the environment or the command line ask anything of SLURM.
    func speaksOfSlurm(site: SiteFile, environment: [String: String]) -> Bool {
        !site.resources.isEmpty || !site.sbatchArguments.isEmpty || !asked.isEmpty || !sbatchArgument.isEmpty
            || environment.keys.contains { $0.hasPrefix("SBATCH_") || $0 == "SLURM_PARTITION" }
    }

    /// Tells of variables for `sbatch` that do not reach it: agents would not work with some of them, and nobody would
    /// know why.
    static func unheededVariables(_ environment: [String: String]) -> String? {
        let heeded = Set(variables.map(\.0))
        let names = environment.keys.filter { $0.hasPrefix("SBATCH_") && !heeded.contains($0) }.sorted()
        guard !names.isEmpty else { return nil }
        return "\(names.joined(separator: ", ")) \(names.count == 1 ? "is" : "are") not passed on to sbatch; "
            + "--sbatch-arg is for options that make sense for agents"
    }

    /// What a new job's agents get: the command line overrides the environment, and that the site's file.
    ///
    /// - Throws: What the site's file gets wrong, and options of SLURM's if there is no SLURM.
    func request(
        site: SiteFile, environment: [String: String], executor: ExecutorKind
    ) throws(Failure) -> AgentRequest {
        var options = JobOptions(
            slots: slots ?? site.slots.map(JobOptions.Slots.init) ?? .count(1), threads: threads ?? site.threads)
        if executor == .slurm {
            options.resources = site.resources
            for (variable, name) in Self.variables {
                guard let value = environment[variable], !value.isEmpty else { continue }
                try Secrets(environment).refuse(value, as: variable, isName: true)
                if let expected = SiteFile.expectation(unmetBy: value, for: name) {
                    throw .badInput("\(variable) is '\(value)'; it takes \(expected)")
                }
                options.resources[name] = value
            }
            options.sbatchArguments = site.sbatchArguments
        }
        let coresFollow = cpusPerTask == nil && options.resources["cpus-per-task"] == nil
        return AgentRequest(
            agentCount: agentCount ?? site.agentCount ?? 1, options: try changing(options, executor: executor),
            coresFollow: coresFollow)
    }

    /// The options of agents added to a stored job: those of its first ones, except for what the command line changes.
    func resuming(_ job: Job) throws(Failure) -> JobOptions {
        var options = try changing(job.options, executor: job.executor)
        guard job.executor == .slurm, cpusPerTask == nil, slots != nil || threads != nil,
            case .count(let slots) = options.slots
        else { return options }
        // The first ones' cores followed from their slots and threads, unless somebody asked for more.
        let needed = slots * (options.threads ?? 1)
        var former = 0
        if case .count(let slots) = job.options.slots { former = slots * (job.options.threads ?? 1) }
        let given = job.options.resources["cpus-per-task"].flatMap { Int($0) } ?? former
        options.resources["cpus-per-task"] = String(given == former ? needed : max(given, needed))
        return options
    }

    /// The options of a stored job with what the command line changes.
    func changing(_ stored: JobOptions, executor: ExecutorKind) throws(Failure) -> JobOptions {
        var options = stored
        if let slots { options.slots = slots }
        if let threads { options.threads = threads }
        guard executor == .slurm else {
            if let name = asked.keys.sorted().first ?? (sbatchArgument.isEmpty ? nil : "sbatch-arg") {
                throw .badInput("--\(name) is for SLURM; these agents run on this machine")
            }
            return options
        }
        options.resources.merge(asked) { _, asked in asked }
        options.sbatchArguments += sbatchArgument
        // sbatch takes one of them, and would say so only once the job is stored.
        if let mem = options.resources["mem"],
            let other = options.sbatchArguments.first(where: { $0.hasPrefix("--mem-per-") })
        {
            throw .badInput(
                "--mem \(mem) and \(other) exclude one another: keep one (site.yaml and SBATCH_ variables count)")
        }
        if options.resources["cpus-per-task"] == nil, case .count(let slots) = options.slots {
            options.resources["cpus-per-task"] = String(slots * (options.threads ?? 1))
        }
        return options
    }
}

extension ExecutorOption: ExpressibleByArgument {}

extension JobOptions.Slots {
    /// What a site's file chooses.
    fileprivate init(_ choice: SiteFile.SlotChoice) {
        self =
            switch choice {
            case .auto: .auto
            case .count(let count): .count(count)
            }
    }
}

extension JobOptions.Slots: ExpressibleByArgument {
    /// Reads the value of `--slots`.
    public init?(argument: String) { self.init(text: argument) }
}
