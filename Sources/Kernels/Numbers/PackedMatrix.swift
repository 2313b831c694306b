internal import CKernels

/// A matrix (rows, columns) that many blocks are multiplied with, packed ahead, as a rule for both directions.
///
/// A product's columns do not depend on each other: the same bytes come out however a batch is cut into blocks.
final class PackedMatrix {
    let rows: Int
    let columns: Int
    private let straight: Storage
    private let transposed: Storage?
    /// The matrix as it is, where inputs are multiplied with it of which few are not zero.
    private let plain: Storage?
    private static let panels = ck_best_panels()

    init(rows: Int, columns: Int, takesInputs: Bool = false, goesBack: Bool = true) {
        plain = takesInputs ? Storage(count: rows * columns) : nil
        self.rows = rows
        self.columns = columns
        straight = Storage(count: rows * columns)
        transposed = goesBack ? Storage(count: rows * columns) : nil
    }

    convenience init(rows: Int, columns: Int, values: Storage, takesInputs: Bool = false) {
        self.init(rows: rows, columns: columns, takesInputs: takesInputs)
        withExtendedLifetime(values) { pack(values.pointer) }
    }

    /// Takes on the values of a dense matrix (rows, columns), or some of its rows, which several threads can do at once.
    func pack(_ values: Floats, rows some: Range<Int>? = nil) {
        let (first, end) = (some?.lowerBound ?? 0, some?.upperBound ?? rows)
        if let plain {
            (plain.pointer + first * columns).update(from: values + first * columns, count: (end - first) * columns)
        }
        ck_pack(straight.pointer, values, rows, columns, 0, first, end, Self.panels)
        if let transposed { ck_pack(transposed.pointer, values, columns, rows, 1, first, end, Self.panels) }
    }

    /// result (rows, n) = matrix · block (columns, n), added to what is there if `keep`; rows of both are `stride` apart.
    func multiply(_ block: Floats, into result: Floats, _ n: Int, stride: Int? = nil, keep: Bool = false) {
        ck_packed_product(
            result, straight.pointer, block, rows, n, columns, stride ?? n, keep ? 1 : 0, Self.panels)
    }

    /// result (columns, n) = matrixᵀ · block (rows, n), added to what is there if `keep`; rows of both are `stride` apart.
    func multiplyTransposed(_ block: Floats, into result: Floats, _ n: Int, stride: Int? = nil, keep: Bool = false) {
        guard let transposed else { preconditionFailure("the matrix is packed for one direction") }
        ck_packed_product(
            result, transposed.pointer, block, columns, n, rows, stride ?? n, keep ? 1 : 0, Self.panels)
    }

    /// result (columns, rows) = matrixᵀ · the tile's input (rows, rows of the tile), plus a bias (columns).
    func multiplyTransposed(input tile: Tile, bias: Floats? = nil, into result: Floats, crew: Crew) {
        if let plain, let active = tile.active, columns >= Tile.fewestColumns {
            ck_active_product(result, active, plain.pointer, bias, columns, tile.rows)
        } else {
            if let bias { ck_fill_rows(result, bias, columns, tile.rows) }
            multiplyTransposed(tile.x, into: result, tile.rows, keep: bias != nil, crew: crew)
        }
    }
}

// MARK: On a crew

extension PackedMatrix {
    /// Products with fewer multiplications take less time than it takes others to come and help.
    private static let leastForCrew = 1 << 19

    private func shareColumns(_ n: Int, _ crew: Crew, _ body: (_ first: Int, _ count: Int) -> Void) {
        guard !crew.isAlone, rows * columns * n >= Self.leastForCrew else { return body(0, n) }
        crew.shareColumns(n) { body($0.lowerBound, $0.count) }
    }

    /// `multiply`, its columns shared by a crew.
    func multiply(_ block: Floats, into result: Floats, _ n: Int, keep: Bool = false, crew: Crew) {
        shareColumns(n, crew) { multiply(block + $0, into: result + $0, $1, stride: n, keep: keep) }
    }

    /// `multiplyTransposed`, its columns shared by a crew.
    func multiplyTransposed(_ block: Floats, into result: Floats, _ n: Int, keep: Bool = false, crew: Crew) {
        shareColumns(n, crew) { multiplyTransposed(block + $0, into: result + $0, $1, stride: n, keep: keep) }
    }
}
