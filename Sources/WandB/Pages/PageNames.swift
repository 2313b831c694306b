internal import Artifacts

/// Names that W&B's own pages make up at random, made here from what a page is for: the same page always gets the same.
enum PageNames {
    /// Eleven of the letters and digits that W&B takes.
    static func name(_ parts: String...) -> String { String(SHA256.hex(parts.joined(separator: "\n")).prefix(11)) }
}
