internal import CKernels

/// What a step adds up over the tiles of its batch.
///
/// Each addition is a section that tiles pass through in their order, so a step gives the same bytes on any number of
/// threads; the tiles follow each other from section to section. Each masked run has sections of its own, and the gates
/// behind the runs, so a section always adds to the same place, whichever runs a step leaves out. A place that a tile
/// adds to more than once has room of its own for each further addition: else a tile would have to wait for the one before
/// to be through with all of them.
final class StepSums {
    /// The network's accumulator, then the gates' gradients laid out as the parameters' gate part.
    let accumulator: Storage
    /// The sum of each masked run's loss over rows, before its share of the mean.
    let runSums: UnsafeMutableBufferPointer<Double>
    /// By module and subcomponent: weighted sums over rows of ci_upper^p, shifted and not.
    let importanceSums: UnsafeMutableBufferPointer<Double>
    let schattenSums: UnsafeMutableBufferPointer<Double>
    /// By module: how many causal importances exceed 0.01.
    let counts: UnsafeMutableBufferPointer<Double>
    /// The highest causal importance of each subcomponent this step (modules, C).
    let peaks: Storage
    /// The gates' interpolants (modules, C), where they are used, and the intervals that the step's rows span.
    let fits: Numbered<ck_fit>?
    let intervals: Numbered<ck_interval>

    private let layout: ParameterLayout
    private let networkCount: Int
    private let turns: Turns
    private let sectionsEach: Int
    private let rooms: UnsafeMutableBufferPointer<Room?>

    /// Where a section adds, and the place of the accumulator that it is for.
    private struct Room {
        let sum: Floats
        let place: Floats
        let count: Int
        /// What holds the sum, unless it is the accumulator.
        let own: Storage?
    }

    /// - Throws: `outOfMemory`.
    init(network: any Network, layout: ParameterLayout, runs: Int, hasFits: Bool) throws(KernelError) {
        let modules = network.modules.count
        let count = modules * layout.subcomponents
        // A run adds its loss besides, what comes after the runs a module's importances.
        sectionsEach = network.mostSums + modules + 1
        let sections = (runs + 1) * sectionsEach
        turns = try Turns(sections: sections)
        self.layout = layout
        networkCount = network.accumulatorCount
        accumulator = Storage(count: networkCount + layout.count - layout.gates)
        runSums = .allocate(capacity: runs)
        counts = .allocate(capacity: modules)
        importanceSums = .allocate(capacity: count)
        schattenSums = .allocate(capacity: count)
        for sums in [runSums, counts, importanceSums, schattenSums] { sums.initialize(repeating: 0) }
        peaks = Storage(count: count)
        fits = hasFits ? Numbered(ck_fit(), count: count) : nil
        intervals = Numbered(ck_interval(), count: count)
        rooms = .allocate(capacity: sections)
        rooms.initialize(repeating: nil)
    }

    deinit {
        for sums in [runSums, counts, importanceSums, schattenSums] { sums.deallocate() }
        rooms.deinitialize()
        rooms.deallocate()
    }

    /// The gates' gradients, to be indexed by places of the layout.
    var gateGradients: Floats { accumulator.pointer + networkCount - layout.gates }

    /// Forgets the step before.
    ///
    /// What is left of its products is overwritten by the first tile's.
    func begin() {
        (accumulator.pointer + networkCount).update(repeating: 0, count: accumulator.count - networkCount)
        peaks.clear()
        for sums in [runSums, counts, importanceSums, schattenSums] { sums.update(repeating: 0) }
        turns.restart()
    }

    /// Runs `body` once all earlier tiles have passed through the same section.
    fileprivate func inTurn(section: Int, tile: Int, _ body: () -> Void) {
        turns.reach(section, piece: tile)
        body()
        turns.pass(section)
    }

    /// The sections of a masked run, or those after the last one.
    fileprivate func sections(ofRun run: Int) -> Range<Int> { run * sectionsEach..<(run + 1) * sectionsEach }

    /// Where a section adds.
    ///
    /// Only the first tile of the first step finds no room yet, and it is alone in the section then.
    fileprivate func sum(section: Int, place: Floats, count: Int) -> Floats {
        if let room = rooms[section] { return room.sum }
        let isTaken = rooms.contains { $0?.place == place }
        let own = isTaken ? Storage(count: count) : nil
        let room = Room(sum: own?.pointer ?? place, place: place, count: count, own: own)
        rooms[section] = room
        return room.sum
    }

    /// Adds up what the sections have added in their own rooms.
    func join(_ team: Team) {
        for case let room? in rooms where room.own != nil {
            team.split(room.count) { range in
                ck_add(room.place + range.lowerBound, room.sum + range.lowerBound, range.count)
            }
        }
    }
}

/// A tile's way through the sections of a step's sums.
final class TileSums {
    private let sums: StepSums
    private var tile = 0
    private var crew = Crew.alone
    /// The sections that this run has still before it.
    private var ahead = 0..<0

    init(_ sums: StepSums) {
        self.sums = sums
    }

    /// Takes up a masked run of a tile, by their numbers, or what comes after the last one, with the tile's crew.
    func begin(tile: Int, run: Int, _ crew: Crew) {
        self.tile = tile
        self.crew = crew
        ahead = sums.sections(ofRun: run)
    }

    /// Runs `body` once all earlier tiles have passed through this section.
    func inTurn(_ body: (StepSums) -> Void) {
        precondition(!ahead.isEmpty, "more sums than the network says")
        sums.inTurn(section: ahead.lowerBound, tile: tile) { body(sums) }
        ahead.removeFirst()
    }

    /// Adds to a place of the accumulator: `body` sets what it receives where `keep` is 0, and adds to it where that is 1.
    func add(to place: Floats, count: Int, _ body: (_ sum: Floats, _ keep: Float) -> Void) {
        let (section, keep) = (ahead.lowerBound, Float(tile == 0 ? 0 : 1))
        inTurn { body($0.sum(section: section, place: place, count: count), keep) }
    }

    /// Adds source (height, rows) · gradient (columns, rows)ᵀ to a place of the accumulator.
    func addProduct(
        _ source: Floats, _ gradient: Floats, to place: Floats, _ height: Int, _ columns: Int, _ rows: Int
    ) {
        let kind = ck_fastest_sums(height, columns)
        add(to: place, count: height * columns) { sum, keep in
            shareRows(height, each: columns * rows) { some in
                let (sum, source) = (sum + some.lowerBound * columns, source + some.lowerBound * rows)
                switch kind {
                case CK_SUMS_NARROW: ck_narrow_sums(sum, source, gradient, some.count, columns, rows, keep == 0 ? 0 : 1)
                case CK_SUMS_BY_PANELS:
                    ck_panel_sums(sum, source, gradient, some.count, columns, rows, keep == 0 ? 0 : 1)
                default:
                    product(
                        into: sum, source, gradient, m: some.count, n: columns, k: rows, .none, .transposed, keep: keep)
                }
            }
        }
    }

    /// Lets the crew share the rows of a sum that takes so many multiplications a row: an element is one chain along the
    /// tile's rows, whichever elements are computed with it.
    ///
    /// But for small products, below 10⁶ multiplications, a library may have other kernels, with chains of their own.
    private func shareRows(_ height: Int, each multiplications: Int, _ body: (Range<Int>) -> Void) {
        let least = max(64, ((1 << 21) / max(multiplications, 1) + 16) & ~15)
        guard !crew.isAlone, height >= 2 * least else { return body(0..<height) }
        let pieces = height / least
        crew.share(pieces) { body(height * $0 / pieces..<height * ($0 + 1) / pieces) }
    }

    /// Adds the tile's input (features, rows) · gradient (columns, rows)ᵀ to a place of the accumulator.
    func addProduct(ofInput tile: Tile, features: Int, _ gradient: Floats, to place: Floats, _ columns: Int) {
        guard let active = tile.active, columns >= Tile.fewestColumns else {
            return addProduct(tile.x, gradient, to: place, features, columns, tile.rows)
        }
        add(to: place, count: features * columns) { sum, keep in
            if keep == 0 { sum.update(repeating: 0, count: features * columns) }
            ck_active_sums(sum, active, gradient, columns, tile.rows)
        }
    }
}

/// One value for each subcomponent of each module (modules, C), in memory that threads point into.
final class Numbered<Value> {
    let all: UnsafeMutableBufferPointer<Value>

    init(_ value: Value, count: Int) {
        all = .allocate(capacity: count)
        all.initialize(repeating: value)
    }

    deinit {
        all.deallocate()
    }

    func from(_ place: Int) -> UnsafeMutablePointer<Value>? { all.baseAddress.map { $0 + place } }
}
