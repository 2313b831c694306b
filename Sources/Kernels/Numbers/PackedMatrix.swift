internal import CKernels

/// A matrix (rows, columns) that many blocks are multiplied with, packed ahead for both directions.
///
/// A product's columns do not depend on each other: the same bytes come out however a batch is cut into blocks.
final class PackedMatrix {
    let rows: Int
    let columns: Int
    private let straight: Storage
    private let transposed: Storage
    private static let panels = ck_best_panels()

    init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        straight = Storage(count: rows * columns)
        transposed = Storage(count: rows * columns)
    }

    convenience init(rows: Int, columns: Int, values: Storage) {
        self.init(rows: rows, columns: columns)
        withExtendedLifetime(values) { pack(values.pointer) }
    }

    /// Takes on the values of a dense matrix (rows, columns).
    func pack(_ values: Floats) {
        ck_pack(straight.pointer, values, rows, columns, 0, Self.panels)
        ck_pack(transposed.pointer, values, columns, rows, 1, Self.panels)
    }

    /// result (rows, n) = matrix · block (columns, n), added to what is there if `keep`.
    func multiply(_ block: Floats, into result: Floats, _ n: Int, keep: Bool = false) {
        ck_packed_product(result, straight.pointer, block, rows, n, columns, keep ? 1 : 0, Self.panels)
    }

    /// result (columns, n) = matrixᵀ · block (rows, n), added to what is there if `keep`.
    func multiplyTransposed(_ block: Floats, into result: Floats, _ n: Int, keep: Bool = false) {
        ck_packed_product(result, transposed.pointer, block, columns, n, rows, keep ? 1 : 0, Self.panels)
    }
}
