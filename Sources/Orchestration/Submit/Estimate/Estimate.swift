package import Experiments
package import Store

/// What a submission will cost, as far as can be known in advance.
package struct Estimate {
    /// The specs of one experiment.
    package struct Item {
        package let part: SweepPlan.Part
        package let steps: ClosedRange<Int>
        package let times: StepTimes
        /// The seconds that each spec takes; empty if some are not known.
        package let seconds: [Double]
        /// The bytes that all specs leave; nil if the target's shape is not known.
        package let disk: Int?
        /// The files and folders that they leave.
        package let files: Int
        /// The memory that they need; nil if the target's shape is not known.
        package let memory: MemoryNeed?
    }

    package let items: [Item]
    package let parallelism: Parallelism
    /// The bytes of saved states at the worst moment.
    package let checkpoints: Int
    /// How much memory there is for a run, if known.
    package let room: MemoryRoom?
    /// What may be too little of where the files go.
    package let shortages: [String]

    /// Finds out what a plan costs.
    ///
    /// - Parameters:
    ///   - plan: What is to run.
    ///   - parallelism: How.
    ///   - store: Where finished runs are, if there are any.
    ///   - runs: Where runs of W&B's are kept that trained targets.
    ///   - isTracked: Whether rows are kept for Weights & Biases too.
    ///   - room: How much memory there is for a run.
    ///   - place: Where the files go.
    ///   - tell: Estimates the memory of language models' runs, whose shapes are in their own files.
    ///   - timer: Times what no finished run shows.
    /// - Throws: What keeps the state file from being read, or ^C.
    package init(
        _ plan: SweepPlan, _ parallelism: Parallelism, store: Store?, runs: String, isTracked: Bool,
        room: MemoryRoom?, place: StoragePlace,
        memory tell: ([SpecDraft]) throws(Failure) -> [Int?],
        timer: () throws(Failure) -> StepTimer
    ) throws(Failure) {
        var items: [Item] = []
        var states: [Int] = []
        for part in plan.parts {
            let drafts = plan.drafts[part.range]
            let sizes = drafts.map { RunSize($0.config, target: $0.target) }
            var different: [RunSize: StepTimes.Size] = [:]
            for (draft, size) in zip(drafts, sizes) {
                different[size, default: .init(draft)].take(draft)
            }
            let times = try StepTimes(
                of: different, experiment: part.experiment, store: store, runs: runs,
                threads: parallelism.threads, timer: timer)
            let seconds = zip(drafts, sizes).compactMap { draft, size in
                times.costs[size].map { $0.seconds(of: draft.config) }
            }
            let files = drafts.compactMap { draft in
                draft.target.map { DiskUse(draft.config, target: $0, isTracked: isTracked) }
            }
            states += files.map(\.checkpoints)
            let steps = drafts.map(\.config.steps)
            items.append(
                Item(
                    part: part, steps: (steps.min() ?? 0)...(steps.max() ?? 0), times: times,
                    seconds: seconds.count == drafts.count ? seconds : [],
                    disk: files.count == drafts.count ? files.reduce(0) { $0.saturated(adding: $1.kept) } : nil,
                    files: drafts.reduce(0) { $0 + DiskUse.files(of: $1.config, isTracked: isTracked) },
                    memory: try MemoryNeed(of: drafts, threads: parallelism.threads, room: room, tell: tell)))
        }
        self.items = items
        self.parallelism = parallelism
        checkpoints = states.sorted(by: >).prefix(parallelism.runs).reduce(0) { $0.saturated(adding: $1) }
        self.room = room
        let bytes = items.compactMap(\.disk).reduce(0) { $0.saturated(adding: $1) }
        shortages = place.shortages(bytes: bytes.saturated(adding: checkpoints), files: items.map(\.files).reduce(0, +))
    }

    /// Whether every spec's time is known.
    private var isTimed: Bool { items.allSatisfy { !$0.seconds.isEmpty } }

    /// The time of all threads of all runs together; nil if a spec's time is not known.
    package var coreHours: Double? {
        guard isTimed else { return nil }
        return items.reduce(0) { $0 + $1.seconds.reduce(0, +) } * Double(parallelism.threads) / 3600
    }

    /// How long it takes from the first agent's start, in seconds; nil if a spec's time is not known.
    package var wallClock: Double? { isTimed ? parallelism.wallClock(items.flatMap(\.seconds)) : nil }

    /// The bytes that stay; nil if a spec's are not known.
    package var disk: Int? {
        let known = items.compactMap(\.disk)
        return known.count == items.count ? known.reduce(0) { $0.saturated(adding: $1) } : nil
    }

    /// The files and folders that stay.
    package var files: Int { items.map(\.files).reduce(0, +) }
}

extension Int {
    fileprivate func saturated(adding other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
