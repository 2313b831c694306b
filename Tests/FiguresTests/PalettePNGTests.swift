import Testing

@testable import Figures

struct PalettePNGTests {
    private let cairo: Cairo

    init() throws { cairo = try Cairo() }

    private func decoded(_ pixels: [UInt32], width: Int) throws -> Picture {
        let encoded = try #require(self.encoded(pixels, width: width, stride: width))
        #expect(encoded == self.encoded(pixels, width: width, stride: width), "the same bytes")
        return try #require(Picture(encoded, cairo))
    }

    private func encoded(_ pixels: [UInt32], width: Int, stride: Int) -> [UInt8]? {
        pixels.withUnsafeBufferPointer { pixels in
            pixels.baseAddress.flatMap {
                PalettePNG(pixels: $0, width: width, height: pixels.count / stride, stride: stride).encoded
            }
        }
    }

    @Test func whatLiesBesidePixelsIsOfNoMeaning() throws {
        let rows: [[UInt32]] = [[1, 1, 2], [1, 1, 2], [1, 2, 2]]
        let plain = try #require(encoded(rows.flatMap { $0 }, width: 3, stride: 3))
        // Two more pixels between rows, and the upper bytes, are as they happen to be.
        var dirty: [UInt32] = []
        for (y, row) in rows.enumerated() {
            for (x, color) in row.enumerated() { dirty.append(color | UInt32(60 * y + x) << 24) }
            dirty += [UInt32(7 * y), 0xFFFF_FFFF]
        }
        #expect(encoded(dirty, width: 3, stride: 5) == plain)
    }

    @Test(arguments: [1, 7, 256])
    func fewColoursStayAsTheyAre(count: Int) throws {
        let colors = (0..<count).map { UInt32($0 * 65_537 % 0xFFFFFF) }
        let picture = try decoded(colors + colors.reversed(), width: count)
        #expect((picture.width, picture.height) == (count, 2))
        for (x, color) in colors.enumerated() {
            #expect(picture[x, 0] == color)
            #expect(picture[count - 1 - x, 1] == color)
        }
    }

    @Test func rowsLikeTheOneBeforeAndOthersAreAllThere() throws {
        let rows: [[UInt32]] = [
            [1, 1, 2], [1, 1, 2], [1, 1, 2], [2, 2, 1], [2, 2, 1], [1, 1, 2], [3, 3, 3], [3, 3, 3],
        ]
        let picture = try decoded(rows.flatMap { $0 }, width: 3)
        for (y, row) in rows.enumerated() { for (x, color) in row.enumerated() { #expect(picture[x, y] == color) } }
    }

    @Test func manyColoursComeCloseAndTheFrequentOnesStay() throws {
        // 16,384 colours, each once, between wide fields of a few.
        let fields: [UInt32] = [0xFFFFFF, 0x0072B2, 0xD55E00, 0x010203]
        let many = (0..<128 * 128).map { place -> UInt32 in
            let (green, red) = (UInt32(place / 128), UInt32(place % 128))
            return green << 9 | red << 17 | 0x40
        }
        let picture = try decoded(fields.flatMap { Array(repeating: $0, count: 1280) } + many, width: 128)
        for (field, color) in fields.enumerated() { #expect(picture[64, field * 10 + 5] == color) }
        var worst = 0
        for (place, color) in many.enumerated() {
            let found = picture[place % 128, 40 + place / 128]
            for shift in [UInt32(0), 8, 16] {
                let (wanted, shown) = (Int(color >> shift & 0xFF), Int(found >> shift & 0xFF))
                worst = max(worst, abs(wanted - shown))
            }
        }
        #expect(worst <= 32)
    }
}
