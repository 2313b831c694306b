import Foundation

/// The checkout that the tests were built from, where they find what they compare with.
package enum Checkout {
    /// The package's folder.
    package static let path = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// The path of a file or folder below `Tests/Fixtures`.
    package static func fixture(_ name: String) -> String { path + "/Tests/Fixtures/" + name }

    /// What a file of the checkout holds that a person can read and that pins a text.
    ///
    /// With `SPD_RECORD_SNAPSHOTS=1` in the environment the file is written anew first.
    ///
    /// - Parameters:
    ///   - text: What the file should hold.
    ///   - file: The file's path in the checkout.
    /// - Returns: What it holds.
    /// - Throws: Why it can't be read or written.
    package static func pinned(_ text: String, in file: String) throws -> String {
        let url = URL(filePath: path + "/" + file)
        if ProcessInfo.processInfo.environment["SPD_RECORD_SNAPSHOTS"] != nil {
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        return try String(contentsOf: url, encoding: .utf8)
    }
}
