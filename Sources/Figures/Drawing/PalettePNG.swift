internal import CPNG
import Glibc

/// A picture of at most 256 colours as a PNG file, which takes a third of the room of one that repeats each pixel's colour.
///
/// A figure has more only along its letters' and lines' soft edges: colours that are close there become one.
struct PalettePNG {
    /// The first pixel's place; they lie there as Cairo keeps them, row after row.
    let pixels: UnsafePointer<UInt32>
    /// How many pixels a row has.
    let width: Int
    /// How many rows there are.
    let height: Int
    /// How far rows are apart, in pixels.
    let stride: Int

    /// How many colours a file can have.
    private static let most = 256
    /// How many of the most frequent colours are kept exactly, however close.
    private static let kept = 96

    /// The file's bytes, the same for the same pixels; nil if there is no memory.
    var encoded: [UInt8]? {
        var colors = ColorCounts()
        let rows = colors.runs(of: self)
        let palette = Self.palette(colors)
        let entries = Self.entries(colors.colors, in: palette)
        let cells = [UInt8](unsafeUninitializedCapacity: width * height) { buffer, count in
            for (row, runs) in rows.ranges.enumerated() {
                if row > 0, runs == rows.ranges[row - 1] {
                    let before = UnsafeMutableBufferPointer(rebasing: buffer[count - width..<count])
                    _ = UnsafeMutableBufferPointer(rebasing: buffer[count..<count + width]).initialize(from: before)
                    count += width
                    continue
                }
                for run in rows.runs[runs] {
                    buffer[count..<count + Int(run.length)].initialize(repeating: entries[Int(run.place)])
                    count += Int(run.length)
                }
            }
        }
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(clamping: width)
        image.height = png_uint_32(clamping: height)
        image.format = PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP
        // Packs in a third of the time, to a fifth more: figures are drawn in parallel with training.
        image.flags = png_uint_32(PNG_IMAGE_FLAG_FAST)
        image.colormap_entries = png_uint_32(palette.count)
        let map = palette.flatMap { color in [16, 8, 0].map { UInt8(truncatingIfNeeded: color >> $0) } }
        var size = png_image_largest_file(image)
        let file = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            let isWritten = png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, cells, 0, map) != 0
            count = isWritten ? Int(size) : 0
        }
        return file.isEmpty ? nil : file
    }

    /// The colours that represent all: the most frequent, and the most frequent of each other shade, in the finest
    /// shades of which there are few enough.
    private static func palette(_ counts: ColorCounts) -> [UInt32] {
        let ranked = zip(counts.colors, counts.counts).sorted { ($1.1, $0.0) < ($0.1, $1.0) }
        guard ranked.count > most else { return ranked.map(\.0) }
        var chosen = ranked.prefix(kept).map(\.0)
        let others = ranked.dropFirst(kept)
        var shades: [(color: UInt32, count: Int)] = []
        for bits in [7, 6, 5, 4, 3] {
            let mask = UInt32(0x010101) * (UInt32(0xFF) << UInt32(8 - bits) & 0xFF)
            var places: [UInt32: Int] = [:]
            shades = []
            for (color, count) in others {
                if let place = places[color & mask] {
                    shades[place].count += count
                } else {
                    places[color & mask] = shades.count
                    shades.append((color, count))
                }
            }
            if shades.count <= most - kept { break }
        }
        shades.sort { ($1.count, $0.color) < ($0.count, $1.color) }
        chosen += shades.prefix(most - kept).map(\.color)
        let taken = Set(chosen)
        chosen += others.lazy.map(\.0).filter { !taken.contains($0) }.prefix(most - chosen.count)
        return chosen
    }

    /// Of each colour the place of the nearest in the palette.
    private static func entries(_ colors: [UInt32], in palette: [UInt32]) -> [UInt8] {
        let own = Dictionary(uniqueKeysWithValues: palette.enumerated().map { ($1, UInt8($0)) })
        func channel(_ color: UInt32, _ shift: UInt32) -> Int32 { Int32(color >> shift & 0xFF) }
        let parts = palette.map { (red: channel($0, 16), green: channel($0, 8), blue: channel($0, 0)) }
        return colors.map { color in
            if let place = own[color] { return place }
            let (red, green, blue) = (channel(color, 16), channel(color, 8), channel(color, 0))
            var (best, least) = (0, Int32.max)
            for (place, part) in parts.enumerated() {
                let (r, g, b) = (red &- part.red, green &- part.green, blue &- part.blue)
                let distance = r &* r &+ g &* g &+ b &* b
                if distance < least { (best, least) = (place, distance) }
            }
            return UInt8(best)
        }
    }
}

/// How often each colour is in a picture, counted in a table that takes a tenth of a dictionary's time.
private struct ColorCounts {
    /// Each colour once, in the order in which they come.
    private(set) var colors: [UInt32] = []
    /// How often each is there.
    private(set) var counts: [Int] = []
    // Places among the colours, by their hash; -1 if none is. A power of two, at least half of them free.
    private var slots = [Int32](repeating: -1, count: 1024)

    /// Counts pixels, row by row: most rows of a figure are as the one before, and most pixels.
    ///
    /// - Returns: How many pixels in a row have which colour; rows that are alike have the same runs.
    mutating func runs(of picture: PalettePNG) -> (runs: [Stretch], ranges: [Range<Int>]) {
        var runs: [Stretch] = []
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(picture.height)
        for row in 0..<picture.height {
            let here = picture.pixels + row * picture.stride
            if row > 0, memcmp(here, here - picture.stride, 4 * picture.width) == 0 {
                let before = ranges[row - 1]
                for run in runs[before] { counts[Int(run.place)] += Int(run.length) }
                ranges.append(before)
                continue
            }
            let begin = runs.count
            count(UnsafeBufferPointer(start: here, count: picture.width), &runs)
            ranges.append(begin..<runs.count)
        }
        return (runs, ranges)
    }

    /// Pixels of one colour next to each other.
    typealias Stretch = (place: Int32, length: Int32)

    /// The upper byte of a pixel is of no meaning.
    private static let color: UInt32 = 0xFFFFFF

    private mutating func count(_ row: UnsafeBufferPointer<UInt32>, _ runs: inout [Stretch]) {
        var first = 0
        while first < row.count {
            let pixel = row[first] & Self.color
            var end = first + 1
            while end < row.count, row[end] & Self.color == pixel { end += 1 }
            let place = place(of: pixel)
            counts[place] += end - first
            runs.append((Int32(place), Int32(end - first)))
            first = end
        }
    }

    private mutating func place(of color: UInt32) -> Int {
        let slot = slot(of: color)
        if slots[slot] >= 0 { return Int(slots[slot]) }
        let place = colors.count
        slots[slot] = Int32(place)
        colors.append(color)
        counts.append(0)
        if colors.count * 2 > slots.count {
            slots = Array(repeating: -1, count: slots.count * 2)
            for (place, color) in colors.enumerated() { slots[self.slot(of: color)] = Int32(place) }
        }
        return place
    }

    /// The slot that has a colour, or is free for it.
    private func slot(of color: UInt32) -> Int {
        let mask = slots.count - 1
        var slot = Int((color &* 0x9E37_79B1) >> 12) & mask
        while slots[slot] >= 0, colors[Int(slots[slot])] != color { slot = (slot + 1) & mask }
        return slot
    }
}
