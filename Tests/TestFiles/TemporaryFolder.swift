import Foundation

/// A folder of a test's own, removed with it.
package final class TemporaryFolder: Sendable {
    /// The folder's path.
    package let path: String

    /// Makes an empty folder.
    ///
    /// - Throws: Why it can't be made.
    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/spd-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Lends a new folder to `body`, and tells what it makes.
    package static func with<Result>(_ body: (TemporaryFolder) throws -> Result) throws -> Result {
        let folder = try TemporaryFolder()
        return try withExtendedLifetime(folder) { try body(folder) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the folder.
    package func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// The names of all files in the folder.
    package var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() } }

    /// Writes a text file and tells its path.
    package func write(_ text: String, to name: String) throws -> String {
        let path = self(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }
}
