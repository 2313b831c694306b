internal import CCairo

/// A picture in memory that is drawn on, in pixels from its upper left corner.
final class Canvas {
    let width: Int
    let height: Int
    private let cairo: Cairo
    private let surface: OpaquePointer?
    private let context: OpaquePointer?

    private var functions: cairo_functions { cairo.functions.pointee }

    /// A white canvas.
    init(width: Int, height: Int, cairo: Cairo) {
        self.width = width
        self.height = height
        self.cairo = cairo
        // Cairo hands out inert objects instead of none; their status is looked at when the PNG is made.
        surface = cairo.functions.pointee.image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height))
        context = cairo.functions.pointee.create(surface)
        // Sharp edges: all that is filled lies on whole pixels.
        functions.set_antialias(context, CAIRO_ANTIALIAS_NONE)
        functions.set_source_rgb(context, 1, 1, 1)
        functions.paint(context)
    }

    deinit {
        functions.destroy(context)
        functions.surface_destroy(surface)
    }

    /// Fills a rectangle.
    func fill(_ area: Area, _ color: Color) {
        use(color)
        functions.rectangle(context, Double(area.x), Double(area.y), Double(area.width), Double(area.height))
        functions.fill(context)
    }

    /// Draws a rectangle's border, one pixel wide, just outside it.
    func frame(_ area: Area, _ color: Color) {
        fill(Area(x: area.x - 1, y: area.y - 1, width: area.width + 2, height: 1), color)
        fill(Area(x: area.x - 1, y: area.y + area.height, width: area.width + 2, height: 1), color)
        fill(Area(x: area.x - 1, y: area.y, width: 1, height: area.height), color)
        fill(Area(x: area.x + area.width, y: area.y, width: 1, height: area.height), color)
    }

    /// Fills an area with equal cells, `color(row, column)` each; the area's size is a multiple of the cells'.
    ///
    /// Straight into memory: half a million rectangles would take longer than all the rest.
    func cells(_ area: Area, rows: Int, columns: Int, color: (Int, Int) -> Color) {
        functions.surface_flush(surface)
        guard rows > 0, columns > 0, let bytes = functions.image_surface_get_data(surface) else { return }
        let stride = Int(functions.image_surface_get_stride(surface))
        let (cellWidth, cellHeight) = (area.width / columns, area.height / rows)
        for row in 0..<rows {
            let first = bytes + (area.y + row * cellHeight) * stride + area.x * 4
            first.withMemoryRebound(to: UInt32.self, capacity: area.width) { pixels in
                for column in 0..<columns {
                    (pixels + column * cellWidth).update(repeating: color(row, column).pixel, count: cellWidth)
                }
            }
            for line in 1..<max(cellHeight, 1) {
                (first + line * stride).update(from: first, count: area.width * 4)
            }
        }
        functions.surface_mark_dirty(surface)
    }

    /// Where a text's anchor is.
    enum Alignment: Double {
        case left = 0
        case center = 0.5
        case right = 1
    }

    /// Writes ASCII text, its vertical middle at `y`; `upwards` turns it by a quarter.
    func text(
        _ text: String, x: Double, y: Double, size: Double, _ alignment: Alignment = .center, isBold: Bool = false,
        upwards: Bool = false
    ) {
        choose(size: size, isBold: isBold)
        functions.save(context)
        functions.translate(context, x, y)
        if upwards { functions.rotate(context, -Double.pi / 2) }
        // Half the height of a digit, whatever the text's own ascenders: labels of an axis stand on one line.
        functions.move_to(context, -alignment.rawValue * width(of: text), 0.36 * size)
        use(.black)
        functions.show_text(context, text)
        functions.restore(context)
    }

    /// How wide a text comes out, in pixels.
    func width(of text: String, size: Double, isBold: Bool = false) -> Double {
        choose(size: size, isBold: isBold)
        return width(of: text)
    }

    private func width(of text: String) -> Double {
        var extents = cairo_text_extents_t()
        functions.text_extents(context, text, &extents)
        return extents.x_advance
    }

    private func choose(size: Double, isBold: Bool) {
        // Cairo's built-in strokes: a figure has the same bytes on every node, whatever fonts it has or lacks.
        functions.select_font_face(
            context, "@cairo:", CAIRO_FONT_SLANT_NORMAL, isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        functions.set_font_size(context, size)
    }

    private func use(_ color: Color) {
        functions.set_source_rgb(
            context, Double(color.red) / 255, Double(color.green) / 255, Double(color.blue) / 255)
    }

    /// The picture as a PNG file.
    ///
    /// - Throws: `FigureError.refused` with what Cairo says of the first thing that went wrong.
    func png(figure: String) throws(FigureError) -> [UInt8] {
        if let reason = cairo.failure(functions.status(context)) { throw .refused(figure: figure, reason: reason) }
        var bytes: [UInt8] = []
        // The array itself, not its elements: it grows.
        let status = withUnsafeMutablePointer(to: &bytes) { bytes in
            functions.surface_write_to_png_stream(
                surface,
                { bytes, data, count in
                    guard let data else { return CAIRO_STATUS_WRITE_ERROR }
                    bytes?.assumingMemoryBound(to: [UInt8].self).pointee
                        .append(contentsOf: UnsafeBufferPointer(start: data, count: Int(count)))
                    return CAIRO_STATUS_SUCCESS
                }, bytes)
        }
        if let reason = cairo.failure(status) { throw .refused(figure: figure, reason: reason) }
        return bytes
    }
}

/// A rectangle of pixels.
struct Area: Equatable {
    let x: Int
    let y: Int
    let width: Int
    let height: Int
}
