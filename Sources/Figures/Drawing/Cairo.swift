internal import CCairo
import Glibc

/// The drawing library, loaded at run time: a compute node may lack it.
public struct Cairo: @unchecked Sendable {
    // Unchecked: the table is written once, before anybody sees it, and kept for good.
    let functions: UnsafePointer<cairo_functions>
    /// The font for text: one of this machine's, or Cairo's own strokes if it has none.
    let fontFamily: String

    /// The shared libraries that are tried, in order.
    public static let usualLibraries = ["libcairo.so.2"]

    /// Loads the first of some shared libraries that can be opened.
    ///
    /// - Throws: `FigureError.noCairo` if there is none, or if it lacks a function.
    public init(libraries: [String] = usualLibraries) throws(FigureError) {
        let copies: [UnsafeMutablePointer<CChar>?] = libraries.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let names: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) } + [nil]
        var reason: UnsafeMutablePointer<CChar>?
        guard let functions = cairo_functions_load(names, &reason) else {
            defer { free(reason) }
            throw .noCairo(reason: reason.map { String(cString: $0) } ?? "there is no memory for it")
        }
        self.functions = functions
        fontFamily = Self.canWrite("sans-serif", functions.pointee) ? "sans-serif" : "@cairo:"
    }

    /// Whether text in a font takes any room.
    private static func canWrite(_ family: String, _ functions: cairo_functions) -> Bool {
        // On its own picture: after an error nothing more could be drawn.
        let surface = functions.image_surface_create(CAIRO_FORMAT_RGB24, 1, 1)
        let context = functions.create(surface)
        defer {
            functions.destroy(context)
            functions.surface_destroy(surface)
        }
        functions.select_font_face(context, family, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL)
        functions.set_font_size(context, 10)
        var extents = cairo_text_extents_t()
        functions.text_extents(context, "M", &extents)
        return functions.status(context) == CAIRO_STATUS_SUCCESS && extents.x_advance > 0
    }

    /// What Cairo itself says about a status, if it is not success.
    func failure(_ status: cairo_status_t) -> String? {
        guard status != CAIRO_STATUS_SUCCESS else { return nil }
        return functions.pointee.status_to_string(status).map { String(cString: $0) } ?? "status \(status.rawValue)"
    }
}

/// Why a figure could not be drawn.
public enum FigureError: Error, Equatable, CustomStringConvertible {
    /// The drawing library cannot be loaded.
    case noCairo(reason: String)
    /// Cairo refused, in its own words.
    case refused(figure: String, reason: String)

    /// One readable line.
    public var description: String {
        switch self {
        case .noCairo(let reason): "\(reason); install libcairo2 to get them"
        case .refused(let figure, let reason): "cannot draw \(figure): \(reason)"
        }
    }
}
