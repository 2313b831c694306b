internal import CPNG

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

    /// The file's bytes, the same for the same pixels; nil where there is no memory.
    var encoded: [UInt8]? {
        let counts = counts
        let palette = Self.palette(counts)
        let entries = Self.entries(counts.keys, in: palette)
        var (last, entry) = (pixels.first ?? 0, entries[pixels.first ?? 0] ?? 0)
        let cells = pixels.map { pixel in
            if pixel != last { (last, entry) = (pixel, entries[pixel] ?? 0) }
            return entry
        }
        var image = png_image()
        image.version = png_uint_32(PNG_IMAGE_VERSION)
        image.width = png_uint_32(clamping: width)
        image.height = png_uint_32(clamping: pixels.count / max(width, 1))
        image.format = PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_COLORMAP
        image.colormap_entries = png_uint_32(palette.count)
        let colors = palette.flatMap { color in [16, 8, 0].map { UInt8(truncatingIfNeeded: color >> $0) } }
        var size = png_image_largest_file(image)
        let file = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
            let isWritten = png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, cells, 0, colors) != 0
            count = isWritten ? Int(size) : 0
        }
        return file.isEmpty ? nil : file
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
}
