import Artifacts
package import Experiments
package import Store

/// The memory that specs need, compared with what is available to each.
package struct MemoryNeed {
    /// What the largest and the smallest spec take.
    package let largest, smallest: Int
    /// How many specs there are.
    package let count: Int
    /// How many specs need more than there is for one.
    package let tooLarge: Int
    /// The settings of the first of those.
    package let example: SpecDraft?

    private init(_ needs: [Int], of drafts: ArraySlice<SpecDraft>, room: MemoryRoom?) {
        func isTooLarge(_ bytes: Int) -> Bool { room.map { bytes > $0.perRun } ?? false }
        largest = needs.max() ?? 0
        smallest = needs.min() ?? 0
        count = needs.count
        tooLarge = needs.count(where: isTooLarge)
        example = needs.firstIndex(where: isTooLarge).map { drafts[drafts.startIndex + $0] }
    }

    /// What the specs of one experiment need; nil if the shape of some target is not known.
    ///
    /// - Parameters:
    ///   - drafts: The specs.
    ///   - threads: How many threads each of their runs has.
    ///   - room: How much memory there is for a run.
    ///   - tell: Estimates the memory of language models' runs, whose shapes are in their own files.
    /// - Throws: Whatever `tell` throws.
    package init?(
        of drafts: ArraySlice<SpecDraft>, threads: Int, room: MemoryRoom?,
        tell: ([SpecDraft]) throws(Failure) -> [Int?]
    ) throws(Failure) {
        // Ten thousand drafts are looked at in place: to copy one takes longer than to estimate its memory.
        let unshaped = drafts.indices.filter { drafts[$0].config.taskConfig.kind.needsWorkerForTargets }
        let sizes = Dictionary(
            uniqueKeysWithValues: unshaped.map { ($0, RunSize(drafts[$0].config, target: drafts[$0].target)) })
        let examples = Dictionary(unshaped.compactMap { place in sizes[place].map { ($0, place) } }) { first, _ in first
        }
        let told = Dictionary(
            uniqueKeysWithValues: zip(examples.keys, try tell(examples.values.map { drafts[$0] })))
        var needs: [Int] = []
        needs.reserveCapacity(drafts.count)
        for place in drafts.indices {
            let bytes =
                if let size = sizes[place] {
                    told[size] ?? nil
                } else {
                    drafts[place].target.map { MemoryUse(drafts[place].config, target: $0, threads: threads).bytes }
                }
            guard let bytes else { return nil }
            needs.append(bytes)
        }
        self.init(needs, of: drafts, room: room)
    }

    /// The problem if some specs need more than there is, or nil.
    package func warning(of experiment: String, _ room: MemoryRoom?) -> String? {
        guard tooLarge > 0, let room else { return nil }
        let settings = example.map { Overrides($0.overrides).text() } ?? ""
        return "\(tooLarge) of \(plural(count, "spec")) of \(experiment) "
            + "\(tooLarge == 1 ? "needs" : "need") more memory than there is, up to "
            + "\(RunDetails.size(largest)), and will fail: \(room.owner) is \(RunDetails.size(room.perRun))"
            + (settings.isEmpty ? "" : " (the first: \(settings))")
    }

    /// Refuses a submission none of whose specs has enough memory, as every agent would.
    ///
    /// - Parameters:
    ///   - needs: What the specs of each experiment need; nil if that is not known.
    ///   - room: How much memory there is for a run.
    ///   - executor: Who starts the agents.
    /// - Throws: ``Failure`` that names the least there would have to be.
    package static func check(_ needs: [MemoryNeed?], _ room: MemoryRoom?, executor: ExecutorKind) throws(Failure) {
        let known = needs.compactMap(\.self)
        guard let room, room.isSure, known.count == needs.count, known.allSatisfy({ $0.tooLarge == $0.count }),
            let least = known.map(\.smallest).min()
        else { return }
        let count = known.reduce(0) { $0 + $1.count }
        let remedy = executor == .slurm ? "; ask for more with --mem" : ""
        throw .badInput(
            count == 1
                ? "the spec needs \(RunDetails.size(least)) of memory, \(room.owner) is "
                    + "\(RunDetails.size(room.perRun))\(remedy)"
                : "none of the \(count) specs fits into memory: the smallest needs \(RunDetails.size(least)), "
                    + "\(room.owner) is \(RunDetails.size(room.perRun))\(remedy)")
    }
}

/// How much memory there is for a run, and what sets the limit.
package struct MemoryRoom: Equatable {
    package let perRun: Int
    /// What limits it, in words: `--mem 4G for each agent`.
    package let owner: String
    /// Whether there is never more: SLURM may round up the cores that memory is counted by.
    package let isSure: Bool

    /// Describes it.
    package init(perRun: Int, owner: String, isSure: Bool = true) {
        (self.perRun, self.owner, self.isSure) = (perRun, owner, isSure)
    }

    /// What SLURM is asked for, or what this machine has; nil if neither is known.
    package init?(executor: ExecutorKind, options: JobOptions, threads: Int, environment: [String: String]) {
        switch executor {
        case .local:
            guard let limit = MemoryLimit.tightest(environment: environment, threads: threads) else { return nil }
            isSure = true
            perRun = limit.room(threads: threads)
            owner =
                limit.perThread == 0
                ? limit.owner
                : "\(limit.owner), less \(RunDetails.size(limit.perThread)) for each of \(plural(threads, "thread")),"
        case .slurm:
            if let text = Self.asked("--mem", options) ?? options.resources["mem"], let bytes = Self.bytes(text) {
                (perRun, owner, isSure) = (bytes, "--mem \(text)", true)
            } else if let text = Self.asked("--mem-per-cpu", options), let bytes = Self.bytes(text) {
                let cores = options.resources["cpus-per-task"].flatMap { Int($0) } ?? 1
                (perRun, owner, isSure) = (
                    bytes.multipliedReportingOverflow(by: max(1, cores)).partialValue, "--mem-per-cpu \(text)", false
                )
            } else {
                return nil
            }
        }
    }

    /// The value of an option among the further arguments for sbatch.
    ///
    /// `sbatch` takes abbreviations: `--mem-per-c=1G`.
    private static func asked(_ option: String, _ options: JobOptions) -> String? {
        let arguments = options.sbatchArguments
        let joined = arguments.last { argument in
            let name = argument.prefix { $0 != "=" }
            return name.count < argument.count
                && (name == option || name.count > "--mem-per-".count && option.hasPrefix(name))
        }
        if let joined { return String(joined.drop { $0 != "=" }.dropFirst()) }
        guard let place = arguments.lastIndex(of: option), place + 1 < arguments.count else { return nil }
        return arguments[place + 1]
    }

    /// A size as sbatch takes it, megabytes unless a letter says otherwise; 0, which means all of a node, sets no
    /// limit.
    package static func bytes(_ text: String) -> Int? {
        let units = ["K": 10, "M": 20, "G": 30, "T": 40]
        let unit = text.last.flatMap { units[$0.uppercased()] }
        guard let number = Int(unit == nil ? text[...] : text.dropLast()), number > 0, number < 1 << 20 else {
            return nil
        }
        return number << (unit ?? 20)
    }
}
