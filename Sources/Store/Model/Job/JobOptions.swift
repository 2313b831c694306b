/// The options of a job's agents, stored with the job so that agents added later are like the first ones.
public struct JobOptions: Sendable, Equatable {
    /// How many runs an agent trains at once.
    public var slots: Slots
    /// Threads per run; `nil` leaves it to the agent.
    public var threads: Int?
    /// The SLURM resources of each agent, by `sbatch`'s long option names (`cpus-per-task`, `mem`, `partition`).
    public var resources: [String: String]
    /// Further arguments for `sbatch`, as the user wrote them.
    public var sbatchArguments: [String]
    /// A command for the shell that the last agent runs when nothing of the job is left to do.
    public var onFinish: String?
    /// A shell command that receives failures as JSON on its standard input.
    public var onFailure: String?
    /// Whether checkpoints are uploaded to W&B.
    public var uploadsCheckpoints: Bool
    /// Whether the final weights are.
    public var uploadsModel: Bool

    /// How many runs share an agent's node.
    public enum Slots: Sendable, Equatable {
        /// This many, at least 1.
        case count(Int)
        /// What the agent finds fastest by measuring.
        case auto

        /// Reads `auto` or a number from 1 to 4096, as on a command line.
        public init?(text: String) {
            if text == "auto" {
                self = .auto
            } else if let count = Int(text), (1...4096).contains(count) {
                self = .count(count)
            } else {
                return nil
            }
        }
    }

    /// Describes what was asked; everything that isn't has its usual value.
    public init(
        slots: Slots = .count(1), threads: Int? = nil, resources: [String: String] = [:],
        sbatchArguments: [String] = [], onFinish: String? = nil, onFailure: String? = nil,
        uploadsCheckpoints: Bool = false, uploadsModel: Bool = true
    ) {
        self.slots = slots
        self.threads = threads
        self.resources = resources
        self.sbatchArguments = sbatchArguments
        self.onFinish = onFinish
        self.onFailure = onFailure
        self.uploadsCheckpoints = uploadsCheckpoints
        self.uploadsModel = uploadsModel
    }
}

/// As JSON in the state file: what is missing has its usual value, so older rows stay readable.
extension JobOptions: Codable {
    private enum Key: String, CodingKey {
        case slots, threads, resources, onFinish, onFailure, uploadsCheckpoints, uploadsModel
        case sbatchArguments
    }

    /// Reads what is there.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        let count = try values.decodeIfPresent(Int.self, forKey: .slots) ?? 1
        self.init(
            slots: count > 0 ? .count(count) : .auto,
            threads: try values.decodeIfPresent(Int.self, forKey: .threads),
            resources: try values.decodeIfPresent([String: String].self, forKey: .resources) ?? [:],
            sbatchArguments: try values.decodeIfPresent([String].self, forKey: .sbatchArguments) ?? [],
            onFinish: try values.decodeIfPresent(String.self, forKey: .onFinish),
            onFailure: try values.decodeIfPresent(String.self, forKey: .onFailure),
            uploadsCheckpoints: try values.decodeIfPresent(Bool.self, forKey: .uploadsCheckpoints) ?? false,
            uploadsModel: try values.decodeIfPresent(Bool.self, forKey: .uploadsModel) ?? true)
    }

    /// Writes all of it; 0 slots stand for ``Slots/auto``.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        let count =
            switch slots {
            case .count(let count): count
            case .auto: 0
            }
        try values.encode(count, forKey: .slots)
        try values.encodeIfPresent(threads, forKey: .threads)
        try values.encode(resources, forKey: .resources)
        try values.encode(sbatchArguments, forKey: .sbatchArguments)
        try values.encodeIfPresent(onFinish, forKey: .onFinish)
        try values.encodeIfPresent(onFailure, forKey: .onFailure)
        try values.encode(uploadsCheckpoints, forKey: .uploadsCheckpoints)
        try values.encode(uploadsModel, forKey: .uploadsModel)
    }
}
