package import Artifacts
import Foundation

/// A file of weights, whatever a user's folder holds under such a name.
package enum WeightsFile {
    /// Reads a `.safetensors` or PyTorch file.
    ///
    /// - Throws: What is wrong with the file, or what it is instead.
    package static func read(_ path: String) throws(TargetError) -> SafeTensors {
        var info = stat()
        // Opening a pipe would wait for its writer.
        guard stat(path, &info) != 0 || info.st_mode & S_IFMT == S_IFREG else {
            throw TargetError("\(path) is not a regular file; expected weights")
        }
        if let instead = textual(path) { throw TargetError("\(path) \(instead)") }
        do {
            switch (path as NSString).pathExtension {
            case "safetensors": return try SafeTensors(contentsOf: path)
            case "pth", "pt": return SafeTensors(arrays: try TorchFile(contentsOf: path).arrays)
            default: break
            }
        } catch {
            throw TargetError("\(error)")
        }
        throw TargetError("\(path) is neither .safetensors nor .pth weights nor a folder with some")
    }

    /// The kind of a text in a binary file's place; nil for what may be binary.
    private static func textual(_ path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        guard let head = try? handle.read(upToCount: 4096) ?? Data() else { return nil }
        guard !head.isEmpty else { return "is empty; it should hold weights" }
        guard head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else {
            return nil
        }
        return stranger(head, insteadOf: "weights") ?? "is a text, not weights"
    }

    /// What is in place of a file that was not properly downloaded.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - what: What it should hold.
    /// - Returns: A Git LFS pointer or a web page, in words that follow the path; nil for any other file, or none.
    package static func stranger(_ path: String, insteadOf what: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        guard let head = try? handle.read(upToCount: 256) else { return nil }
        return stranger(head, insteadOf: what)
    }

    private static func stranger(_ head: Data, insteadOf what: String) -> String? {
        let text = String(decoding: head, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines).lowercased()
        if text.hasPrefix("version https://git-lfs") {
            return "is a Git LFS pointer, not the \(what) that it stands for; `git lfs pull` fetches them"
        }
        if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") || text.hasPrefix("<?xml") {
            return "is a web page, not \(what); the download needs the file's own address (or a login)"
        }
        return nil
    }
}
