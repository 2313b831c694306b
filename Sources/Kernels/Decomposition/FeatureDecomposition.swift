internal import CKernels

/// The decomposition of a toy model whose inputs are rows of sparse features.
public final class FeatureDecomposition: Decomposition {
    /// The target.
    public let target: TargetModel
    /// Where the batches come from.
    public let data: SparseFeatures
    /// What is computed.
    public let settings: DecompositionSettings
    /// The next step to take, from 0.
    public internal(set) var step = 0

    /// The decomposed modules, in the order of a forward pass.
    public var modules: [TargetModule] { network.modules }
    /// Their names.
    public var moduleNames: [String] { modules.map(\.name) }

    let network: any Network
    let layout: ParameterLayout
    let gates: [Gates]
    let runs: [MaskedRun]
    let team: Team
    let parts: [StepPart]
    /// Pairs of module indices that share storage, the second's being the first's transposed.
    let tied: [(Int, Int)]

    let parameters: Storage
    let gradients: Storage
    let firstMoments: Storage
    let secondMoments: Storage
    /// The highest causal importance of each subcomponent since the last report (modules, C).
    let peaks: Storage
    let weights: [Storage]
    /// Room for V U - Wᵀ of each module.
    let residuals: [Storage]
    let elementsOfWeights: Int

    /// Starts a decomposition from random subcomponents.
    ///
    /// - Throws: a pattern that matches nothing, settings that cannot be computed, no threads to be had.
    public init(
        target: TargetModel, data: SparseFeatures, settings: DecompositionSettings, threads: Int
    ) throws(KernelError) {
        guard settings.subcomponents > 0, settings.batchSize > 0, settings.maskSamples > 0 else {
            throw .invalidSettings("C, batch_size and n_mask_samples must be at least 1")
        }
        guard data.features == target.features else {
            throw .invalidSettings(
                "batches have \(data.features) features, but the target takes \(target.features)")
        }
        let all = target.modules
        let decomposed = try target.modules(matching: settings.modulePatterns)
        let modules = decomposed.map { all[$0] }
        let layout = ParameterLayout(
            modules: modules, subcomponents: settings.subcomponents, neurons: settings.gateNeurons)
        let network: any Network =
            switch target {
            case .tms(let tms): TMSNetwork(tms, decomposed: decomposed, layout: layout)
            case .residualMLP(let mlp):
                ResidualMLPNetwork(
                    mlp, decomposed: decomposed, wholeOutputs: settings.outputLoss == .kl, layout: layout)
            }
        let names = modules.map(\.name)
        tied = target.tiedModules.compactMap { first, second in
            guard let i = names.firstIndex(of: first), let j = names.firstIndex(of: second) else {
                return nil
            }
            return (i, j)
        }
        self.target = target
        self.data = data
        self.settings = settings
        self.layout = layout
        self.network = network
        gates = layout.modules.map {
            Gates(subcomponents: settings.subcomponents, neurons: settings.gateNeurons, offset: $0.gate)
        }
        runs = MaskedRun.all(
            settings.coefficients, samples: settings.maskSamples, modules: modules.count)
        keepProductsOnTheCallingThread()
        team = try Team(threads: threads)
        parameters = Storage(count: layout.count)
        gradients = Storage(count: layout.count)
        firstMoments = Storage(count: layout.count)
        secondMoments = Storage(count: layout.count)
        peaks = Storage(count: modules.count * settings.subcomponents)
        weights = modules.map { Storage($0.weight.values) }
        residuals = modules.map { Storage(count: $0.inputs * $0.outputs) }
        elementsOfWeights = modules.reduce(0) { $0 + $1.inputs * $1.outputs }
        let (batch, runCount, memory) = (settings.batchSize, runs.count, parameters.pointer)
        let count = max(Self.partCount(accumulator: network.accumulatorCount), threads)
        parts = (0..<count).map { part in
            StepPart(
                rows: batch * part / count..<batch * (part + 1) / count, features: target.features, network: network,
                layout: layout, settings: settings, runs: runCount, parameters: memory)
        }
        initializeParameters()
    }

    /// Into how many parts a batch falls, each with sums of its own.
    ///
    /// The number does not depend on the threads, so that up to that many threads give the same bytes; large sums are
    /// kept few.
    private static func partCount(accumulator: Int) -> Int { accumulator > 300_000 ? 2 : 4 }

    /// Draws V and U from the standard normal distribution, scales their vectors to unit norm and each U_c by its
    /// overlap with W; draws the gates' weights.
    private func initializeParameters() {
        let (c, n, p) = (layout.subcomponents, layout.neurons, parameters.pointer)
        for (index, place) in layout.modules.enumerated() {
            if let (first, _) = tied.first(where: { $0.1 == index }) {
                copyTied(from: first, to: index)
            } else {
                let (i, o) = (place.inputs, place.outputs)
                let v = RandomStream(seed: settings.seed, .componentV, index).normal(i * c)
                let u = RandomStream(seed: settings.seed, .componentU, index).normal(c * o)
                for component in 0..<c {
                    let column = (0..<i).map { v[$0 * c + component] }
                    let row = u[component * o..<(component + 1) * o]
                    let columnNorm = column.reduce(Double(0)) { $0 + Double($1 * $1) }.squareRoot()
                    let rowNorm = row.reduce(Double(0)) { $0 + Double($1 * $1) }.squareRoot()
                    var overlap = 0.0  // sum_ij U_ci W_ij V_jc
                    for (out, u) in row.enumerated() {
                        let weight = weights[index].pointer + out * i
                        var product = 0.0
                        for j in 0..<i { product += Double(weight[j] * column[j]) }
                        overlap += Double(u) * product
                    }
                    overlap /= columnNorm * rowNorm
                    for j in 0..<i { p[place.v + j * c + component] = Float(Double(column[j]) / columnNorm) }
                    for (out, u) in row.enumerated() {
                        p[place.u + component * o + out] = Float(Double(u) / rowNorm * overlap)
                    }
                }
            }
            let count = n == 0 ? c : c * n
            let draws = RandomStream(seed: settings.seed, .gate, index).normal(2 * count)
            for position in 0..<count {
                guard n > 0 else {
                    p[place.gate + position] = draws[position]
                    continue
                }
                // mlp_in ~ N(0, 2), mlp_out ~ N(0, 1/N); biases stay 0.
                p[place.gate + position] = draws[position] * Float(2).squareRoot()
                p[place.gate + 2 * count + position] = draws[count + position] / Float(n).squareRoot()
            }
        }
    }

    /// Makes a tied module's V and U the other's U and V transposed.
    func copyTied(from first: Int, to second: Int) {
        let (from, to, p) = (layout.modules[first], layout.modules[second], parameters.pointer)
        let c = layout.subcomponents
        ck_transpose(p + to.v, p + from.u, c, from.outputs, c)
        ck_transpose(p + to.u, p + from.v, from.inputs, c, from.inputs)
    }
}
