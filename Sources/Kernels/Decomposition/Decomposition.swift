public import Metrics

/// A target's decomposition into rank-one subcomponents while it is being trained, whatever the target is.
///
/// Not thread-safe: one thread at a time advances it; it spreads a step over threads of its own.
///
/// Source: Stochastic Parameter Decomposition, arXiv 2506.20790.
public protocol Decomposition: AnyObject {
    /// What is computed.
    var settings: DecompositionSettings { get }
    /// The next step to take, from 0; equal to `settings.steps` when training is over.
    var step: Int { get }
    /// The decomposed modules' names, in the order of a forward pass.
    var moduleNames: [String] { get }

    /// The least that a step has to compute.
    var work: StepWork { get }

    /// Takes one optimiser step.
    ///
    /// A report costs what is not trained on.
    ///
    /// - Parameter reporting: Whether to make a report.
    /// - Returns: The report, if one was asked for.
    /// - Throws: `lossNotFinite`, before anything is changed.
    @discardableResult
    func advance(reporting: Bool) throws(KernelError) -> StepReport?

    /// Computes a step's losses without changing anything but what is remembered since the last report.
    ///
    /// - Throws: `lossNotFinite`.
    func evaluate() throws(KernelError) -> StepReport

    /// Numbers that say how good the current decomposition is, by their logged names.
    func scores() throws(KernelError) -> [NamedNumber]

    /// The state, or a state to continue from.
    var state: DecompositionState { get }

    /// Goes on from a saved state.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    func restore(_ state: DecompositionState) throws(KernelError)

    /// The published state dict: the target under `model.`, the subcomponents under `components.` and `gates.`, where
    /// dots inside module names are written as dashes.
    var publishedStateDict: StateDict { get }

    /// Looks at the decomposition before its next step, for figures; nothing later steps compute is changed.
    ///
    /// - Parameters:
    ///   - batches: Over how many batches activations are counted.
    ///   - goesOn: Asked between batches.
    /// - Returns: What there is to see; nil if `goesOn` said no.
    /// - Throws: nothing in practice: what is looked at fits the target.
    func picture(batches: Int, goesOn: () -> Bool) throws(KernelError) -> ImportancePicture?

    /// Loads the weights saved before a step, for inspection, without the optimiser's state.
    ///
    /// - Parameters:
    ///   - tensors: Subcomponents and gates by their names in a replay.
    ///   - step: The step.
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    func look(at tensors: StateDict, step: Int) throws(KernelError)

    /// The shapes of what ``observe(_:)`` gives.
    ///
    /// - Throws: nothing in practice: the modules were decomposed.
    func observableShapes() throws(KernelError) -> ObservableShapes

    /// Looks at the tensors of the next step, on its batch; nothing later steps compute is changed.
    ///
    /// - Parameter parts: What to look at.
    /// - Returns: The tensors.
    /// - Throws: nothing in practice: what is looked at fits the target.
    func observe(_ parts: ObservedParts) throws(KernelError) -> Observation
}

extension Decomposition {
    /// No numbers: whether a decomposition is good is known for toy models only.
    public func scores() throws(KernelError) -> [NamedNumber] { [] }
}

/// Everything a later process needs to continue as if nothing had happened.
public struct DecompositionState: Equatable, Sendable {
    /// The next step to take.
    public var step: Int
    /// Parameters, Adam's moments and what is remembered since the last report, by name.
    public var tensors: StateDict

    /// Creates a state, as read back from a checkpoint.
    public init(step: Int, tensors: StateDict) {
        self.step = step
        self.tensors = tensors
    }
}

/// A number and the name that it is logged under.
public struct NamedNumber: Equatable, Sendable {
    /// The name, as `misc/unmasked_kl_loss_vs_target`.
    public let name: String
    /// The number.
    public let value: Double

    /// Names a number.
    public init(_ name: String, _ value: Double) {
        self.name = name
        self.value = value
    }

    /// A metric's value.
    public init(_ metric: Metric, _ value: Double) { self.init(metric.name, value) }
}

/// What figures show of a decomposition as it is before a step.
public struct ImportancePicture: Equatable, Sendable {
    /// One decomposed module.
    public struct Module: Equatable, Sendable {
        /// Its name.
        public let name: String
        /// Causal importances, in any order.
        public let importances: [Float]
        /// In which fraction of rows or places each subcomponent's causal importance exceeds 0.1.
        public let activations: [Float]
        /// The view with one feature at a time, if inputs are features.
        public let features: FeatureMaps?
        /// The causal importances of each token on its own (vocabulary, C), of a token embedding that is not too large.
        public let tokens: Tensor?

        /// Creates a module's numbers.
        public init(
            name: String, importances: [Float], activations: [Float], features: FeatureMaps? = nil,
            tokens: Tensor? = nil
        ) {
            self.name = name
            self.importances = importances
            self.activations = activations
            self.features = features
            self.tokens = tokens
        }
    }

    /// A module's matrices, for heat maps.
    public struct FeatureMaps: Equatable, Sendable {
        /// The value of the one active feature.
        public let magnitude: Float
        /// The causal importances of one feature at a time, as masks see them (features, C).
        public let ci: Tensor
        /// The same, as importance losses see them.
        public let ciUpper: Tensor
        /// V (inputs, C).
        public let v: Tensor
        /// U (C, outputs).
        public let u: Tensor
        /// Which of its two ends is at a stream that features are embedded in; nil if neither is.
        public let stream: StreamEnd?
    }

    /// The decomposed modules, in the order of a forward pass.
    public let modules: [Module]
    /// The tokens that `importances` are of, row after row, where inputs are text; of positions they are of the first row.
    public let text: TokenBatch?

    /// Creates a picture.
    public init(modules: [Module], text: TokenBatch? = nil) {
        self.modules = modules
        self.text = text
    }
}
