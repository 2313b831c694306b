import Artifacts
package import Experiments
import Foundation
package import Store

/// Copies of the texts that small language models are trained on, kept by content: all agents read the same, whatever
/// becomes of the originals.
package struct TextCopies {
    package let cache: CacheFolder
    /// Mapped and streamed, but nobody trains a small model on more.
    private static let limit = 16 << 30

    package init(in cache: CacheFolder) {
        self.cache = cache
    }

    /// Why the text of a training config cannot be read; nil if it can, or there is none.
    package static func obstacle(in target: TargetConfig?) -> String? {
        guard let path = target?.training.textFile else { return nil }
        var information = stat()
        guard stat(path, &information) == 0 else { return "\(path): \(String(cString: strerror(errno)))" }
        guard information.st_mode & S_IFMT == S_IFREG else { return "\(path) is not a file" }
        guard access(path, R_OK) == 0 else { return "\(path): \(String(cString: strerror(errno)))" }
        return information.st_size == 0 ? "\(path) is empty" : nil
    }

    /// The specs with copies in place of the texts that their targets name.
    ///
    /// - Throws: A text that cannot be read or copied.
    package func taking(_ specs: [NewSpec], of drafts: [SpecDraft]) throws(Failure) -> [NewSpec] {
        var (specs, known) = (specs, [String: String]())
        for (index, draft) in drafts.enumerated() {
            guard let target = draft.target, let path = target.training.textFile else { continue }
            if known[path] == nil { known[path] = try copy(of: path) }
            guard let copy = known[path] else { continue }
            specs[index].target = target.readingText(from: cache.relative(copy)).canonicalJSON()
        }
        return specs
    }

    private func copy(of path: String) throws(Failure) -> String {
        do throws(FileError) {
            let bytes = try DurableFile.read(path, limit: Self.limit)
            // What a file holds shows in its name: .jsonl, .txt.gz.
            let endings = (path as NSString).lastPathComponent.split(separator: ".").dropFirst().suffix(2)
            let copy = cache.targets.text(
                digest: SHA256.hex(bytes), endings: endings.map { "." + $0 }.joined())
            guard !FileManager.default.fileExists(atPath: copy) else { return copy }
            try DurableFile.createFolder(cache.targets.path)
            try DurableFile.write(bytes, to: copy)
            return copy
        } catch {
            throw .failed("text_file: \(error); nothing was stored")
        }
    }
}
