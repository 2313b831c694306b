import Metrics

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

    /// Numbers that say how good the decomposition is, by its target's kind.
    public func scores() throws(KernelError) -> [NamedNumber] { try target.target.scores(of: self) }

    let network: any Network
    let subcomponents: Subcomponents
    let runs: [MaskedRun]
    let team: Team
    let crews: Crews
    let workers: StepWorkers
    let sums: StepSums
    /// The rows of a step's batch.
    let rows: BatchRows
    /// How many of them a tile takes.
    let tileRows: Int
    var layout: ParameterLayout { subcomponents.layout }
    var parameters: Storage { subcomponents.parameters }

    /// Starts a decomposition from random subcomponents.
    ///
    /// - Throws: a pattern that matches nothing, settings that cannot be computed, no available threads.
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
        guard settings.coefficients[.embeddingRecon] == nil else {
            throw .invalidSettings(
                "embedding_recon_coeff: the target has no embedding module that is decomposed; leave it null")
        }
        let all = target.modules
        let decomposed = try target.modules(matching: settings.modulePatterns)
        let modules = decomposed.map { all[$0] }
        let names = modules.map(\.name)
        subcomponents = Subcomponents(
            modules.map { DecomposedWeight($0) },
            tied: target.target.tiedModules.compactMap { first, second in
                guard let i = names.firstIndex(of: first), let j = names.firstIndex(of: second) else {
                    return nil
                }
                return (i, j)
            },
            settings: settings)
        let layout = subcomponents.layout
        let network = target.target.network(
            decomposed: decomposed, outputLoss: settings.outputLoss, layout: layout)
        self.target = target
        self.data = data
        self.settings = settings
        self.network = network
        runs = MaskedRun.all(
            settings.coefficients, samples: settings.maskSamples, modules: modules.count)
        let team = try Team(threads: threads)
        self.team = team
        // A tile has sixteen rows at least.
        crews = try Crews(parts: settings.batchSize / 16 + 1, team: team)
        let sums = try StepSums(
            network: network, layout: layout, runs: runs.count,
            hasFits: settings.interpolatesGates && settings.gateNeurons > 0)
        let tileRows = Self.tileRows(subcomponents: settings.subcomponents, batch: settings.batchSize)
        let memory = subcomponents.parameters.pointer
        self.sums = sums
        self.tileRows = tileRows
        rows = BatchRows(range: 0..<settings.batchSize, features: target.features)
        workers = StepWorkers(threads: threads) {
            StepWorker(
                capacity: tileRows, features: target.features, network: network, layout: layout, sums: sums,
                parameters: memory)
        }
    }

    /// How many rows a tile takes, whatever the number of threads: their blocks should stay in the second-level cache.
    private static func tileRows(subcomponents: Int, batch: Int) -> Int {
        min(subcomponents <= 64 ? 256 : 128, (batch + 15) & ~15)
    }
}
