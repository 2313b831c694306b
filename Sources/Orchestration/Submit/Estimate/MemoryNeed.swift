import Artifacts
package import Experiments
package import Store

/// The memory that specs need, beside what there is for each.
package struct MemoryNeed {
    /// What the largest spec takes.
    package let largest: Int
    /// How many specs take more than there is for one.
    package let tooLarge: Int
    /// The settings of the first of those.
    package let example: SpecDraft?

    package init(_ specs: [(draft: SpecDraft, bytes: Int)], room: MemoryRoom?) {
        let excessive = specs.filter { spec in room.map { spec.bytes > $0.perRun } ?? false }
        largest = specs.map(\.bytes).max() ?? 0
        tooLarge = excessive.count
        example = excessive.first?.draft
    }
}

/// How much memory there is for a run, and who says so.
package struct MemoryRoom: Equatable {
    package let perRun: Int
    /// What limits it, in words: `--mem 4G for each agent`.
    package let owner: String

    /// What SLURM is asked for, or what this machine has; nil where neither is known.
    package init?(executor: ExecutorKind, options: JobOptions, threads: Int, environment: [String: String]) {
        switch executor {
        case .local:
            guard let limit = MemoryLimit.tightest(environment: environment, threads: threads) else { return nil }
            perRun = limit.room(threads: threads)
            owner =
                limit.perThread == 0
                ? limit.owner
                : "\(limit.owner), less \(RunDetails.size(limit.perThread)) for each of \(plural(threads, "thread")),"
        case .slurm:
            if let text = Self.asked("--mem", options) ?? options.resources["mem"], let bytes = Self.bytes(text) {
                (perRun, owner) = (bytes, "--mem \(text)")
            } else if let text = Self.asked("--mem-per-cpu", options), let bytes = Self.bytes(text) {
                let cores = options.resources["cpus-per-task"].flatMap { Int($0) } ?? 1
                (perRun, owner) = (
                    bytes.multipliedReportingOverflow(by: max(1, cores)).partialValue, "--mem-per-cpu \(text)"
                )
            } else {
                return nil
            }
        }
    }

    /// The value of an option among the further arguments for sbatch.
    private static func asked(_ option: String, _ options: JobOptions) -> String? {
        let arguments = options.sbatchArguments
        if let joined = arguments.last(where: { $0.hasPrefix(option + "=") }) {
            return String(joined.dropFirst(option.count + 1))
        }
        guard let place = arguments.lastIndex(of: option), place + 1 < arguments.count else { return nil }
        return arguments[place + 1]
    }

    /// A size as sbatch takes it, megabytes unless a letter says otherwise; 0, which is all of a node, tells nothing.
    package static func bytes(_ text: String) -> Int? {
        let units = ["K": 10, "M": 20, "G": 30, "T": 40]
        let unit = text.last.flatMap { units[$0.uppercased()] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number > 0, number < 1 << 20 else {
            return nil
        }
        return number << (unit ?? 20)
    }
}
