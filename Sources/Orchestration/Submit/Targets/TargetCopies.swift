import Artifacts
import Experiments
import Foundation
package import Store
import Targets

/// Copies of the targets that users name by their files, kept by content: runs read these, whatever becomes of the
/// originals, and all jobs with the same target share one.
package struct TargetCopies {
    private let folder: TargetsFolder
    /// More than any toy model's weights.
    private static let limit = 4 << 30
    /// From the path that a user gave to the copy's.
    package private(set) var copies: [String: String] = [:]

    package init(in cache: CacheFolder) {
        folder = cache.targets
    }

    /// The specs with copies in place of the files they name.
    package mutating func taking(_ specs: [NewSpec]) throws(Failure) -> [NewSpec] {
        var specs = specs
        for index in specs.indices {
            guard let path = specs[index].targetFiles else { continue }
            specs[index].targetFiles = try copy(of: path)
        }
        return specs
    }

    private mutating func copy(of path: String) throws(Failure) -> String {
        if let copy = copies[path] { return copy }
        let source: TargetFolder
        do throws(TargetError) { source = try TargetFolder(path) } catch { throw .badInput("\(error)") }
        do throws(FileError) {
            let draft = try Aside(in: folder.path, named: UUID().uuidString)
            let aside = draft.path
            defer { FileRemoval.discard(draft) }
            for name in source.names {
                let bytes = try DurableFile.read("\(source.path)/\(name)", limit: Self.limit)
                try DurableFile.write(bytes, to: "\(aside)/\(name)")
            }
            let digest = try Self.digest(of: source.names, in: aside)
            let place = folder.copy(digest: digest)
            try Self.publish(draft, as: place, holding: source.names, digest: digest)
            let copy = source.isNamedByWeights ? "\(place)/\(source.weights)" : place
            copies[path] = copy
            return copy
        } catch {
            throw .failed("\(error); nothing was stored")
        }
    }

    /// Puts a copy into its place, unless the same one is there already.
    private static func publish(
        _ draft: Aside, as place: String, holding names: [String], digest: String
    ) throws(FileError) {
        while true {
            do throws(FileError) { return try draft.publish(as: place) } catch {
                guard error.code == EEXIST || error.code == ENOTEMPTY else { throw error }
            }
            do throws(FileError) {
                if try Self.digest(of: names, in: place) == digest { return }
            } catch {
                // It has changed: somebody has tidied up in there.
            }
            do throws(FileError) { try DurableFile.rename(place, to: TargetsFolder.damaged(place)) } catch {
                guard error.cause == .missing else { throw error }
            }
        }
    }

    private static func digest(of names: [String], in folder: String) throws(FileError) -> String {
        var lines = ""
        for name in names.sorted() {
            lines += "\(SHA256.hex(try DurableFile.read("\(folder)/\(name)", limit: Self.limit))) \(name)\n"
        }
        return SHA256.hex(lines)
    }
}
