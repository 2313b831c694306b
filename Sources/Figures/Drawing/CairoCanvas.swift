internal import CCairo

/// A PNG picture or a PDF page that a sheet is drawn on.
final class CairoCanvas {
    private let cairo: Cairo
    private let surface: OpaquePointer?
    private let context: OpaquePointer?
    /// What has been written of a PDF.
    private let output = Output()

    private var functions: cairo_functions { cairo.functions.pointee }

    private final class Output {
        var bytes: [UInt8] = []
    }

    // Cairo hands out inert objects instead of none; their status is looked at in the end.
    private init(_ cairo: Cairo, surface: OpaquePointer?) {
        self.cairo = cairo
        self.surface = surface
        context = cairo.functions.pointee.create(surface)
    }

    deinit {
        functions.destroy(context)
        functions.surface_destroy(surface)
    }

    /// Draws a sheet as PNG.
    ///
    /// - Parameters:
    ///   - sheet: What to draw.
    ///   - scale: Pixels per point.
    ///   - cairo: The library.
    ///   - figure: What errors call it.
    /// - Returns: The file's bytes.
    /// - Throws: `FigureError.refused` with what Cairo says about the first thing that went wrong.
    static func png(
        _ sheet: Sheet, scale: Double, _ cairo: Cairo, figure: String
    ) throws(FigureError) -> [UInt8] {
        let canvas = CairoCanvas(
            cairo,
            surface: cairo.functions.pointee.image_surface_create(
                CAIRO_FORMAT_RGB24, Int32(clamping: Int((sheet.width * scale).rounded(.up))),
                Int32(clamping: Int((sheet.height * scale).rounded(.up)))))
        canvas.functions.scale(canvas.context, scale, scale)
        canvas.functions.set_source_rgb(canvas.context, 1, 1, 1)
        canvas.functions.paint(canvas.context)
        canvas.draw(sheet)
        return try canvas.encodePNG(figure)
    }

    /// Makes a PNG of cells, one pixel each.
    ///
    /// - Returns: The file's bytes.
    /// - Throws: `FigureError.refused`.
    static func png(
        rows: Int, columns: Int, colors: [Color], _ cairo: Cairo, figure: String
    ) throws(FigureError) -> [UInt8] {
        let canvas = CairoCanvas(cairo, surface: image(rows: rows, columns: columns, colors, cairo))
        return try canvas.encodePNG(figure)
    }

    /// Draws a sheet as a PDF of one page, without a date: the same sheet has the same bytes.
    ///
    /// - Returns: The file's bytes.
    /// - Throws: `FigureError.refused`.
    static func pdf(_ sheet: Sheet, _ cairo: Cairo, figure: String) throws(FigureError) -> [UInt8] {
        let output = Output()
        let functions = cairo.functions.pointee
        let surface = functions.pdf_surface_create_for_stream(
            { output, data, count in
                guard let output, let data else { return CAIRO_STATUS_WRITE_ERROR }
                Unmanaged<Output>.fromOpaque(output).takeUnretainedValue().bytes
                    .append(contentsOf: UnsafeBufferPointer(start: data, count: Int(count)))
                return CAIRO_STATUS_SUCCESS
            }, Unmanaged.passUnretained(output).toOpaque(), sheet.width, sheet.height)
        functions.pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z")
        return try withExtendedLifetime(output) { () throws(FigureError) in
            let canvas = CairoCanvas(cairo, surface: surface)
            canvas.draw(sheet)
            functions.show_page(canvas.context)
            try canvas.check(figure)
            functions.surface_finish(surface)
            if let reason = cairo.failure(functions.surface_status(surface)) {
                throw .refused(figure: figure, reason: reason)
            }
            return output.bytes
        }
    }

    private func check(_ figure: String) throws(FigureError) {
        if let reason = cairo.failure(functions.status(context)) { throw .refused(figure: figure, reason: reason) }
    }

    /// - Precondition: the surface is a picture.
    private func encodePNG(_ figure: String) throws(FigureError) -> [UInt8] {
        try check(figure)
        functions.surface_flush(surface)
        let (width, height) = (
            Int(functions.image_surface_get_width(surface)), Int(functions.image_surface_get_height(surface))
        )
        guard let bytes = functions.image_surface_get_data(surface) else {
            throw .refused(figure: figure, reason: "its picture has no pixels")
        }
        // Rows begin at multiples of a pixel.
        let stride = Int(functions.image_surface_get_stride(surface)) / MemoryLayout<UInt32>.stride
        let encoded = bytes.withMemoryRebound(to: UInt32.self, capacity: stride * height) { pixels in
            PalettePNG(pixels: pixels, width: width, height: height, stride: stride).encoded
        }
        guard let encoded else {
            throw .refused(figure: figure, reason: "there is no memory for it")
        }
        return encoded
    }

    /// A picture of cells, one pixel each; to be destroyed.
    private static func image(rows: Int, columns: Int, _ colors: [Color], _ cairo: Cairo) -> OpaquePointer? {
        let functions = cairo.functions.pointee
        let image = functions.image_surface_create(
            CAIRO_FORMAT_RGB24, Int32(clamping: columns), Int32(clamping: rows))
        functions.surface_flush(image)
        guard let bytes = functions.image_surface_get_data(image) else { return image }
        let stride = Int(functions.image_surface_get_stride(image))
        for row in 0..<rows {
            (bytes + row * stride).withMemoryRebound(to: UInt32.self, capacity: columns) { pixels in
                for column in 0..<columns { pixels[column] = colors[row * columns + column].pixel }
            }
        }
        functions.surface_mark_dirty(image)
        return image
    }

    private func draw(_ sheet: Sheet) {
        for mark in sheet.marks {
            switch mark {
            case .rectangle(let box, let fill, let opacity):
                use(fill, opacity)
                functions.rectangle(context, box.x, box.y, box.width, box.height)
                functions.fill(context)
            case .line(let points, let stroke): draw(points, stroke)
            case .area(let points, let fill, let opacity):
                use(fill, opacity)
                outline(points)
                functions.fill(context)
            case .dot(let point, let radius, let marker, let fill, let opacity):
                use(fill, opacity)
                trace(marker, at: point, radius)
                functions.fill(context)
            case .text(let label, let point): write(label, at: point)
            case .cells(let box, let rows, let columns, let colors, _):
                guard rows > 0, columns > 0 else { continue }
                let image = Self.image(rows: rows, columns: columns, colors, cairo)
                functions.save(context)
                functions.translate(context, box.x, box.y)
                functions.scale(context, box.width / Double(columns), box.height / Double(rows))
                functions.set_source_surface(context, image, 0, 0)
                functions.pattern_set_filter(functions.get_source(context), CAIRO_FILTER_NEAREST)
                functions.rectangle(context, 0, 0, Double(columns), Double(rows))
                functions.fill(context)
                functions.restore(context)
                functions.surface_destroy(image)
            }
        }
    }

    private func draw(_ points: [Point], _ stroke: Stroke) {
        guard let first = points.first else { return }
        use(stroke.color, stroke.opacity)
        functions.set_line_width(context, stroke.width)
        functions.set_dash(context, stroke.dash, Int32(stroke.dash.count), 0)
        functions.move_to(context, first.x, first.y)
        for point in points.dropFirst() { functions.line_to(context, point.x, point.y) }
        functions.stroke(context)
    }

    private func trace(_ marker: Marker, at center: Point, _ radius: Double) {
        let corners = marker.corners(around: center, radius: radius)
        if corners.isEmpty {
            functions.arc(context, center.x, center.y, radius, 0, 2 * Double.pi)
        } else {
            outline(corners)
        }
    }

    private func outline(_ corners: [Point]) {
        guard let first = corners.first else { return }
        functions.move_to(context, first.x, first.y)
        for corner in corners.dropFirst() { functions.line_to(context, corner.x, corner.y) }
        functions.close_path(context)
    }

    private func write(_ label: Label, at point: Point) {
        functions.select_font_face(
            context, cairo.fontFamily, CAIRO_FONT_SLANT_NORMAL,
            label.isBold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
        functions.set_font_size(context, label.size)
        var extents = cairo_text_extents_t()
        functions.text_extents(context, label.text, &extents)
        functions.save(context)
        functions.translate(context, point.x, point.y)
        if label.isUpright { functions.rotate(context, -Double.pi / 2) }
        // Half the height of a digit, whatever the text's own ascenders: labels of an axis stand on one line.
        functions.move_to(context, -label.anchor.rawValue * extents.x_advance, 0.36 * label.size)
        use(label.color, 1)
        functions.show_text(context, label.text)
        functions.restore(context)
    }

    private func use(_ color: Color, _ opacity: Double) {
        functions.set_source_rgba(
            context, Double(color.red) / 255, Double(color.green) / 255, Double(color.blue) / 255, opacity)
    }
}
