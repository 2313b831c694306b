public import Metrics

/// What one step reports; the quantities that runs log.
public struct StepReport: Equatable, Sendable {
    /// The step, from 0.
    public let step: Int
    /// The optimiser's rate at this step.
    public let learningRate: Double
    /// Each loss that the settings ask for, before its coefficient.
    public let losses: [LossTerm: Double]
    /// The sum of coefficient times loss.
    public let total: Double
    /// The norm of the gradients of all parameters.
    public let gradientNorm: Double
    /// By module: how many subcomponents had a causal importance over 0.1 anywhere since the last report.
    public let alive: [String: Int]
    /// By module: the mean over rows or places of how many causal importances exceed 0.01.
    public let l0: [String: Double]
    /// Further numbers of the step's batch, in the order they are logged.
    public let measures: [NamedNumber]
    /// Tables that W&B shows next to the numbers.
    public let tables: [ReportTable]

    /// Creates a report.
    public init(
        step: Int, learningRate: Double, losses: [LossTerm: Double], total: Double, gradientNorm: Double,
        alive: [String: Int], l0: [String: Double], measures: [NamedNumber] = [], tables: [ReportTable] = []
    ) {
        self.step = step
        self.learningRate = learningRate
        self.losses = losses
        self.total = total
        self.gradientNorm = gradientNorm
        self.alive = alive
        self.l0 = l0
        self.measures = measures
        self.tables = tables
    }
}

/// A table of text, such as a sample of causal importances.
public struct ReportTable: Equatable, Sendable {
    /// The name that it is logged under.
    public let name: String
    /// The columns' titles.
    public let columns: [String]
    /// The cells, row by row.
    public let rows: [[String]]

    /// Creates a table.
    public init(name: String, columns: [String], rows: [[String]]) {
        self.name = name
        self.columns = columns
        self.rows = rows
    }
}

/// A step's numbers given from outside, as a replay has them.
public struct GivenNumbers: Sendable {
    /// The batch (rows, features).
    public var batch: Tensor
    /// The uniform numbers [B, C] of a loss's masks, by loss, sample and module.
    public var uniforms: [Key: Tensor]

    /// Which mask a tensor of uniform numbers is for.
    public struct Key: Hashable, Sendable {
        /// The loss that draws the mask.
        public let term: LossTerm
        /// The draw, from 0.
        public let sample: Int
        /// The module's name.
        public let module: String

        /// Creates a key.
        public init(term: LossTerm, sample: Int, module: String) {
            self.term = term
            self.sample = sample
            self.module = module
        }
    }

    /// Creates given numbers.
    public init(batch: Tensor, uniforms: [Key: Tensor]) {
        self.batch = batch
        self.uniforms = uniforms
    }
}

/// What a captured step computed, beyond its losses.
public struct StepCapture: Sendable {
    /// The target's output (rows, outputs).
    public var targetOutput: Tensor
    /// Causal importances as masks see them, by module (rows, C).
    public var ci: [String: Tensor]
    /// Causal importances as importance losses see them, by module (rows, C).
    public var ciUpper: [String: Tensor]
    /// Gradients by published parameter names.
    public var gradients: StateDict
}
