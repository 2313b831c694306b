internal import CCairo

@testable import Figures

/// A PNG file as a viewer sees it.
struct Picture {
    let width: Int
    let height: Int
    private let pixels: [UInt32]

    /// Decodes a PNG with Cairo; nil if it is none.
    init?(_ png: [UInt8], _ cairo: Cairo) {
        let functions = cairo.functions.pointee
        var rest = png[...]
        let surface = withUnsafeMutablePointer(to: &rest) { rest in
            functions.image_surface_create_from_png_stream(
                { rest, data, count in
                    guard let data, let rest = rest?.assumingMemoryBound(to: ArraySlice<UInt8>.self),
                        rest.pointee.count >= count
                    else { return CAIRO_STATUS_READ_ERROR }
                    for index in 0..<Int(count) { data[index] = rest.pointee.removeFirst() }
                    return CAIRO_STATUS_SUCCESS
                }, rest)
        }
        defer { functions.surface_destroy(surface) }
        guard functions.surface_status(surface) == CAIRO_STATUS_SUCCESS,
            let bytes = functions.image_surface_get_data(surface)
        else { return nil }
        (width, height) = (
            Int(functions.image_surface_get_width(surface)), Int(functions.image_surface_get_height(surface))
        )
        let stride = Int(functions.image_surface_get_stride(surface))
        var pixels: [UInt32] = []
        for row in 0..<height {
            let line = UnsafeRawPointer(bytes + row * stride)
            for column in 0..<width {
                pixels.append(line.load(fromByteOffset: 4 * column, as: UInt32.self) & 0xFFFFFF)
            }
        }
        self.pixels = pixels
    }

    subscript(x: Int, y: Int) -> UInt32 { pixels[y * width + x] }

    /// How many pixels have a colour.
    func count(_ color: Color) -> Int { pixels.count { $0 == color.pixel } }
}
