import CKernels
import Testing

@testable import Kernels

/// Products along a tile's rows, against packed ones and OpenBLAS's.
@Suite struct TileProductTests {
    /// Features, components, rows of inputs, of which the last few are padding; around the vectors' edges.
    static let sizes = [(3, 16, 16), (40, 200, 48), (100, 25, 32), (7, 33, 16)]

    private func numbers(_ count: Int, _ seed: Int) -> [Float] {
        RandomStream(seed: seed, .mask).normal(count)
    }

    /// A tile of inputs (rows, features) of which a tenth is not zero, none in the last three rows.
    private func sparse(_ rows: Int, _ features: Int) -> [Float] {
        let chosen = RandomStream(seed: 9, .batchActive).uniform(rows * features)
        return zip(numbers(rows * features, 1), chosen).enumerated().map { place, number in
            place < (rows - 3) * features && number.1 < 0.1 ? number.0 : 0
        }
    }

    private func listed(_ inputs: [Float], _ rows: Int, _ features: Int, _ body: (ck_active) -> Void) {
        var start = [UInt32](repeating: 0, count: rows + 1)
        var feature = [UInt32](repeating: 0, count: inputs.count)
        var value = [Float](repeating: 0, count: inputs.count)
        start.withUnsafeMutableBufferPointer { start in
            feature.withUnsafeMutableBufferPointer { feature in
                value.withUnsafeMutableBufferPointer { value in
                    let list = ck_active(
                        start: start.baseAddress, feature: feature.baseAddress, value: value.baseAddress,
                        room: inputs.count)
                    let count = ck_list_active(list, inputs, rows - 3, features, rows)
                    #expect(count == inputs.count { $0 != 0 })
                    body(list)
                }
            }
        }
    }

    @Test(arguments: sizes) func inputsWithFewActiveFeaturesGiveThePackedProductsBytes(size: (Int, Int, Int)) {
        let (features, components, rows) = size
        let inputs = sparse(rows, features)
        let x = Storage(Tensor(shape: [rows, features], values: inputs).transposed.values)
        let (v, bias) = (Storage(numbers(features * components, 2)), Storage(numbers(components, 3)))
        let packed = PackedMatrix(rows: features, columns: components, values: v)
        for withBias in [false, true] {
            let (ours, expected) = (Storage(count: components * rows), Storage(count: components * rows))
            if withBias { ck_fill_rows(expected.pointer, bias.pointer, components, rows) }
            packed.multiplyTransposed(x.pointer, into: expected.pointer, rows, keep: withBias)
            listed(inputs, rows, features) {
                ck_active_product(ours.pointer, $0, v.pointer, withBias ? bias.pointer : nil, components, rows)
            }
            #expect(ours.values(0, components * rows) == expected.values(0, components * rows))
        }
    }

    @Test(arguments: sizes) func theirSumsAreOpenBLASs(size: (Int, Int, Int)) {
        let (features, components, rows) = size
        let inputs = sparse(rows, features)
        let x = Storage(Tensor(shape: [rows, features], values: inputs).transposed.values)
        let d = Storage(numbers(components * rows, 4))
        let start = numbers(features * components, 5)
        let (ours, expected) = (Storage(start), Storage(start))
        product(
            into: expected.pointer, x.pointer, d.pointer, m: features, n: components, k: rows, .none, .transposed,
            keep: 1)
        listed(inputs, rows, features) { ck_active_sums(ours.pointer, $0, d.pointer, components, rows) }
        for (x, y) in zip(ours.values(0, start.count), expected.values(0, start.count)) { #expect(abs(x - y) < 1e-5) }
    }

    @Test(arguments: [(1, 1, 16), (10, 200, 48), (200, 10, 128), (5, 66, 240)], [false, true])
    func narrowSumsAreOpenBLASs(size: (Int, Int, Int), keep: Bool) {
        let (m, n, rows) = size
        let (a, b, start) = (Storage(numbers(m * rows, 6)), Storage(numbers(n * rows, 7)), numbers(m * n, 8))
        let (ours, expected) = (Storage(start), Storage(start))
        ck_narrow_sums(ours.pointer, a.pointer, b.pointer, m, n, rows, keep ? 1 : 0)
        product(
            into: expected.pointer, a.pointer, b.pointer, m: m, n: n, k: rows, .none, .transposed, keep: keep ? 1 : 0)
        let bound = 1e-5 * Float(rows).squareRoot()
        for (x, y) in zip(ours.values(0, m * n), expected.values(0, m * n)) { #expect(abs(x - y) <= bound) }
    }

    /// Around the edges of panels and blocks, both ways round; what is not the sums' own stays as it is.
    @Test(
        .enabled(if: ck_has_panels(CK_PANELS_V3) != 0),
        arguments: [
            (1, 1, 16), (6, 16, 16), (7, 17, 112), (25, 400, 112), (400, 25, 112), (17, 50, 128), (200, 10, 128),
            (5, 20, 240), (20, 5, 240), (31, 47, 272), (8, 33, 528),
        ], [false, true])
    func sumsByPanelsAreOpenBLASs(size: (Int, Int, Int), keep: Bool) {
        let (m, n, rows) = size
        let (a, b) = (Storage(numbers(m * rows, 6)), Storage(numbers(n * rows, 7)))
        let start = numbers(m * n + 16, 8)
        let (ours, expected) = (Storage(start), Storage(start))
        ck_panel_sums(ours.pointer, a.pointer, b.pointer, m, n, rows, keep ? 1 : 0)
        product(
            into: expected.pointer, a.pointer, b.pointer, m: m, n: n, k: rows, .none, .transposed, keep: keep ? 1 : 0)
        let bound = 1e-5 * Float(rows).squareRoot()
        for (x, y) in zip(ours.values(0, m * n), expected.values(0, m * n)) { #expect(abs(x - y) <= bound) }
        #expect(ours.values(m * n, 16) == Array(start[(m * n)...]))
    }

    /// What is not listed for lack of room is told, not left out.
    @Test func moreThanThereIsRoomForIsTold() {
        var (start, feature, value) = (
            [UInt32](repeating: 0, count: 17), [UInt32](repeating: 0, count: 2), [Float](repeating: 0, count: 2)
        )
        let inputs: [Float] = [1, 0, 2, 3]
        let found = start.withUnsafeMutableBufferPointer { start in
            feature.withUnsafeMutableBufferPointer { feature in
                value.withUnsafeMutableBufferPointer { value in
                    ck_list_active(
                        ck_active(
                            start: start.baseAddress, feature: feature.baseAddress, value: value.baseAddress, room: 2),
                        inputs, 2, 2, 16)
                }
            }
        }
        #expect(found > 2)
    }
}
