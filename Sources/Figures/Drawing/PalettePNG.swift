internal import CCompression

/// A picture of at most 256 colours as a PNG file, which takes a third of the room of one that repeats each pixel's colour.
///
/// A figure has more only along its letters' and lines' soft edges: colours that are close there become one.
struct PalettePNG {
    /// Pixels as Cairo keeps them, row after row.
    let pixels: [UInt32]
    /// How many a row has.
    let width: Int

    /// How many colours a file can have.
    private static let most = 256
    /// How many of the most frequent colours are kept as they are, however close.
    private static let kept = 96

    /// The file's bytes, the same for the same pixels; nil where zlib has no memory.
    var encoded: [UInt8]? {
        let counts = counts
        let palette = Self.palette(counts)
        let entries = Self.entries(counts.keys, in: palette)
        let height = pixels.count / max(width, 1)
        var lines: [UInt8] = []
        lines.reserveCapacity(pixels.count + height)
        var (last, entry) = (pixels.first ?? 0, entries[pixels.first ?? 0] ?? 0)
        for row in 0..<height {
            lines.append(0)  // The line as it is.
            for pixel in pixels[row * width..<(row + 1) * width] {
                if pixel != last { (last, entry) = (pixel, entries[pixel] ?? 0) }
                lines.append(entry)
            }
        }
        guard let packed = Self.packed(lines) else { return nil }
        // Eight bits a pixel, which name a colour of the palette.
        let head = Self.bytes(UInt32(clamping: width)) + Self.bytes(UInt32(clamping: height)) + [8, 3, 0, 0, 0]
        return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + Self.chunk("IHDR", head)
            + Self.chunk("PLTE", palette.flatMap { Self.bytes($0).dropFirst() }) + Self.chunk("IDAT", packed)
            + Self.chunk("IEND", [])
    }

    /// How often each colour is there.
    private var counts: [UInt32: Int] {
        var counts: [UInt32: Int] = [:]
        var first = pixels.startIndex
        while first < pixels.endIndex {
            let pixel = pixels[first]
            var end = first + 1
            while end < pixels.endIndex, pixels[end] == pixel { end += 1 }
            counts[pixel, default: 0] += end - first
            first = end
        }
        return counts
    }

    /// The colours that stand for all: the most frequent, and of the others the most frequent of each shade, in the finest
    /// shades of which there are few enough.
    private static func palette(_ counts: [UInt32: Int]) -> [UInt32] {
        let ranked = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        guard ranked.count > most else { return ranked.map(\.key) }
        var chosen = ranked.prefix(kept).map(\.key)
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
        chosen += others.lazy.map(\.key).filter { !taken.contains($0) }.prefix(most - chosen.count)
        return chosen
    }

    /// Of each colour the place of the nearest in the palette.
    private static func entries(_ colors: some Sequence<UInt32>, in palette: [UInt32]) -> [UInt32: UInt8] {
        var entries: [UInt32: UInt8] = [:]
        for (place, color) in palette.enumerated() { entries[color] = UInt8(place) }
        for color in colors where entries[color] == nil {
            var (best, least) = (0, Int32.max)
            for (place, other) in palette.enumerated() {
                var distance: Int32 = 0
                for shift in [UInt32(0), 8, 16] {
                    let difference = Int32(color >> shift & 0xFF) - Int32(other >> shift & 0xFF)
                    distance += difference * difference
                }
                if distance < least { (best, least) = (place, distance) }
            }
            entries[color] = UInt8(best)
        }
        return entries
    }

    private static func packed(_ bytes: [UInt8]) -> [UInt8]? {
        var length = compressBound(UInt(bytes.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        guard compress2(&packed, &length, bytes, UInt(bytes.count), Z_DEFAULT_COMPRESSION) == Z_OK else { return nil }
        return Array(packed[..<Int(length)])
    }

    private static func chunk(_ name: String, _ contents: [UInt8]) -> [UInt8] {
        let named = Array(name.utf8) + contents
        return bytes(UInt32(clamping: contents.count)) + named
            + bytes(UInt32(truncatingIfNeeded: crc32(0, named, UInt32(clamping: named.count))))
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
