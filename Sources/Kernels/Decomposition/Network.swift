/// A target's forward and backward passes with some of its modules replaced by masked subcomponents.
///
/// One instance serves all threads: between `prepare` and `finish` it is only read, and what passes add up goes to the
/// accumulator in the order of their tiles.
protocol Network: AnyObject {
    /// The decomposed modules.
    var modules: [TargetModule] { get }
    /// The length of an output row.
    var outputs: Int { get }
    /// Whether a row of zeros has no inner activation anywhere, so every mask gives the target's output.
    var emptyRowsAreConstant: Bool { get }
    /// How many floats the accumulator holds.
    var accumulatorCount: Int { get }
    /// How often a pass back over a tile adds to the accumulator at most.
    var mostSums: Int { get }
    /// How many floats of scratch a pass over `rows` rows takes.
    func scratchCount(rows: Int) -> Int

    /// How many independent pieces of work `prepare` and `finish` fall into.
    var preparations: Int { get }
    var finishes: Int { get }

    /// Computes what depends on the parameters alone; once a step, before any pass.
    func prepare(_ piece: Int, parameters: Floats)
    /// Runs the unmodified target: fills `inner` of every module, and `target`.
    func clean(_ pass: Pass)
    /// Runs the target with the modules of `replaced` masked by `uniforms`: fills `output`.
    func forward(_ pass: Pass, replaced: ModuleSet)
    /// Adds the gradients of `dOutput` to `dInner`, `dci` and the accumulator.
    func backward(_ pass: Pass, replaced: ModuleSet)
    /// Adds the gradient of `dInner` to the accumulator; the last thing done with a tile.
    func backwardInner(_ pass: Pass)
    /// Turns the summed accumulator into gradients of V and U, added to what is there.
    func finish(_ piece: Int, accumulator: Floats, parameters: Floats, gradients: Floats)
    /// The target's whole output (outputs, rows) of the last clean pass.
    func targetOutput(_ pass: Pass, into output: Floats)
}

/// What a pass over a tile reads and writes.
struct Pass {
    let tile: Tile
    let parameters: Floats
    /// Where gradients are added up, tile after tile.
    let accumulator: Floats
    let sums: TileSums
    let scratch: Floats
    /// The threads that work on the tile.
    let crew: Crew
}

/// A set of decomposed modules, by their indices.
enum ModuleSet {
    case all
    case one(Int)

    func contains(_ module: Int) -> Bool {
        switch self {
        case .all: true
        case .one(let only): only == module
        }
    }
}
