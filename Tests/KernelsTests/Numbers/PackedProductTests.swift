import CKernels
import Testing

@testable import Kernels

/// Products with a packed factor, against OpenBLAS's.
@Suite struct PackedProductTests {
    /// Every kind of panels that this CPU can multiply.
    static let panels = [CK_PANELS_PLAIN, CK_PANELS_V3, CK_PANELS_V4].filter { ck_has_panels($0) != 0 }

    /// Around the panels' edges, and beyond the blocks of depth and width; m, n, k.
    static let sizes = [
        (1, 1, 1), (5, 16, 3), (6, 16, 17), (7, 32, 400), (12, 48, 25), (13, 31, 2), (25, 128, 511), (40, 144, 513),
        (3, 300, 1100),
    ]

    private func numbers(_ count: Int, _ seed: Int) -> [Float] {
        RandomStream(seed: seed, .mask).normal(count)
    }

    @Test(arguments: panels, sizes)
    func theProductIsOpenBLASs(panels: ck_panels, size: (Int, Int, Int)) {
        let (m, n, k) = size
        let (a, b) = (Storage(numbers(m * k, 1)), Storage(numbers(k * n, 2)))
        for isTransposed in [false, true] {
            for keep in [false, true] {
                let start = numbers(m * n, 3)
                let (ours, expected) = (Storage(start), Storage(start))
                let packed = Storage(count: m * k)
                ck_pack(packed.pointer, a.pointer, m, k, isTransposed ? 1 : 0, 0, isTransposed ? k : m, panels)
                ck_packed_product(ours.pointer, packed.pointer, b.pointer, m, n, k, n, keep ? 1 : 0, panels)
                product(
                    into: expected.pointer, a.pointer, b.pointer, m: m, n: n, k: k,
                    isTransposed ? .transposed : .none, keep: keep ? 1 : 0)
                let bound = 1e-6 * Float(k).squareRoot() * 8
                for (x, y) in zip(ours.values(0, m * n), expected.values(0, m * n)) {
                    #expect(abs(x - y) <= bound)
                }
            }
        }
    }

    /// However a batch is cut into tiles, its bytes are the same.
    @Test(arguments: panels, [1, 16, 48])
    func aColumnDoesNotDependOnTheOthers(panels: ck_panels, tile: Int) {
        let (m, n, k) = (29, 144, 530)
        let (a, b) = (Storage(numbers(m * k, 4)), numbers(k * n, 5))
        let packed = Storage(count: m * k)
        ck_pack(packed.pointer, a.pointer, m, k, 0, 0, m, panels)
        let (right, whole) = (Storage(b), Storage(count: m * n))
        ck_packed_product(whole.pointer, packed.pointer, right.pointer, m, n, k, n, 0, panels)
        let first = Storage((0..<k).flatMap { b[$0 * n + 16..<$0 * n + 16 + tile] })
        let part = Storage(count: m * tile)
        ck_packed_product(part.pointer, packed.pointer, first.pointer, m, tile, k, tile, 0, panels)
        for row in 0..<m { #expect(part.values(row * tile, tile) == whole.values(row * n + 16, tile)) }

        // In place among the others, which stay as they are.
        let inPlace = Storage(Array(repeating: 7, count: m * n))
        ck_packed_product(inPlace.pointer + 16, packed.pointer, right.pointer + 16, m, tile, k, n, 0, panels)
        for row in 0..<m {
            #expect(inPlace.values(row * n, 16) == Array(repeating: 7, count: 16))
            #expect(inPlace.values(row * n + 16, tile) == whole.values(row * n + 16, tile))
            #expect(inPlace.values(row * n + 16 + tile, n - 16 - tile).allSatisfy { $0 == 7 })
        }
    }
}
