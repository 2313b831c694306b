/// Why a file or folder of texts cannot be used.
public struct TextDataError: Error, Equatable, CustomStringConvertible {
    /// The file or folder.
    public let path: String
    /// What is wrong with it: what was expected, what there is.
    public let reason: String
    /// Whether the file is right, but has no such column, or no text in it.
    public let concernsColumn: Bool
    /// Whether there are files, but none of the split that was asked for.
    public let concernsSplit: Bool

    /// Creates an error about a file or folder.
    public init(_ path: String, _ reason: String, concernsColumn: Bool = false, concernsSplit: Bool = false) {
        self.path = path
        self.reason = reason
        self.concernsColumn = concernsColumn
        self.concernsSplit = concernsSplit
    }

    /// One readable line.
    public var description: String { "\(path): \(reason)" }
}

/// What is wrong inside a file, before it is known which file that is.
struct Fault: Error {
    let reason: String
    /// Whether it is the column that was asked for.
    var concernsColumn = false

    init(_ reason: String, concernsColumn: Bool = false) {
        self.reason = reason
        self.concernsColumn = concernsColumn
    }

    /// The file does not hold what its own words promise.
    static func damaged(_ what: String) -> Fault {
        Fault("\(what); the file is damaged, or was copied or downloaded in part")
    }

    /// The file is right but uses what this program does not read.
    static func unsupported(_ what: String, instead: String) -> Fault {
        Fault("\(what) cannot be read; \(instead)")
    }
}
