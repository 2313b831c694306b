import Experiments
import Kernels
import Metrics
import UserMetrics
import WandB

/// The metrics that a config's user defines, computed on a step's tensors before the step is taken.
///
/// They never fail a run: a value that is not a number is missing, and that is reported once for each metric.
struct UserMetricValues {
    private let program: MetricProgram
    private let parts: ObservedParts
    private let figures: FigureProgram
    private let figureParts: ObservedParts
    private let say: @Sendable (String) -> Void
    private var told: Set<String> = []

    /// What a step's row gets.
    struct Row {
        var numbers: [NamedNumber] = []
        var media: [(name: String, medium: Media)] = []
        /// Files to send.
        var files: [(name: String, path: String)] = []
        /// What they are called.
        var names: [String] { numbers.map(\.name) + media.map(\.name) }
    }

    /// Prepares a config's metrics; nil if there are none.
    ///
    /// - Throws: `RunError.invalid` for metrics that do not go with the decomposition's shapes.
    init?(_ config: ExperimentConfig, of decomposition: any Decomposition, say: @escaping @Sendable (String) -> Void)
        throws
    {
        guard !config.userMetrics.isEmpty || !config.userFigures.isEmpty else { return nil }
        let scope = try decomposition.observableShapes().scope(config)
        if let obstacle = config.userMetricObstacles(scope).first {
            throw RunError.invalid("\(obstacle.key): \(obstacle.reason)")
        }
        program = MetricProgram(config.userMetrics, scope: scope) { _, _ in }
        parts = ObservedParts(program.needs)
        figures = FigureProgram(config.userFigures, scope: scope) { _, _, _ in }
        figureParts = ObservedParts(figures.needs)
        self.say = say
    }

    /// Computes what the user's figures of the next step show.
    ///
    /// - Throws: nothing in practice: what is computed was checked.
    func figures(of decomposition: any Decomposition) throws -> UserFigureNumbers {
        let tensors = ObservedTensors(observation: try decomposition.observe(figureParts), step: decomposition.step)
        return UserFigureNumbers(figures: try figures.panels(of: tensors))
    }

    /// What a config's user figures show for given weights; nil if there are none.
    ///
    /// - Throws: `RunError.invalid` for figures that do not go with the decomposition's shapes.
    static func figures(_ config: ExperimentConfig, of decomposition: any Decomposition) throws -> UserFigureNumbers? {
        guard let own = try UserMetricValues(config, of: decomposition, say: { _ in }), own.hasFigures else {
            return nil
        }
        return try own.figures(of: decomposition)
    }

    /// Whether there are figures.
    var hasFigures: Bool { !figureParts.isEmpty }

    /// Computes the metrics on the next step's tensors.
    ///
    /// - Throws: nothing in practice: what is computed was checked.
    mutating func row(of decomposition: any Decomposition) throws -> Row {
        let tensors = ObservedTensors(observation: try decomposition.observe(parts), step: decomposition.step)
        var row = Row()
        for (name, value) in try program.values(of: tensors) {
            switch value {
            case .number(let number) where number.isFinite: row.numbers.append(NamedNumber(.user(name), number))
            case .number(let number):
                guard told.insert(name).inserted else { continue }
                say(
                    "\(Metric.user(name).name) is \(number.isNaN ? "not a number" : "\(number)") at step \(decomposition.step) and missing there, as it will be "
                        + "wherever it is not a finite number")
            case .histogram(let edges, let counts):
                row.media.append((Metric.user(name).name, .histogram(edges: edges, counts: counts)))
            }
        }
        return row
    }
}
