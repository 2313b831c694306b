import Artifacts
import Experiments
import Foundation

/// An observer's file and those beside it, as they are copied into a job.
package struct ObserverBundle {
    /// Of all names and bytes.
    package let digest: String
    /// Where the program was found.
    package let source: String
    /// The files by name, the program first.
    let files: [(name: String, bytes: [UInt8])]

    /// The program's name.
    package var program: String { files[0].name }

    /// The interpreter and its arguments that the program's first line names; nil for a binary.
    var interpreter: [String]? {
        let first = files[0].bytes.prefix(256).prefix { $0 != UInt8(ascii: "\n") }
        guard first.starts(with: Array("#!".utf8)) else { return nil }
        return String(decoding: first.dropFirst(2), as: UTF8.self).split(separator: " ").map(String.init)
    }

    /// Writes the files into a folder of the digest's name.
    ///
    /// - Throws: What cannot be written.
    func write(below folder: String) throws(FileError) {
        let place = "\(folder)/\(digest)"
        try DurableFile.createFolder(place)
        for (index, file) in files.enumerated() {
            let path = "\(place)/\(file.name)"
            try DurableFile.write(file.bytes, to: path)
            guard index > 0 || chmod(path, 0o755) == 0 else { throw FileError(.create, path) }
        }
    }
}

/// Reads the observers that specs name, each once.
struct ObserverFiles {
    /// What could not be used of an observer.
    struct Trouble: Error {
        let reason: String
    }

    private var known: [String: ObserverBundle] = [:]
    private static let limit = 256 << 20
    private static let helper = "spd_observer.py"

    /// The bundles that were read, each once.
    var bundles: [ObserverBundle] {
        var digests: Set<String> = []
        return known.sorted { $0.key < $1.key }.map(\.value).filter { digests.insert($0.digest).inserted }
    }

    /// Reads an observer.
    ///
    /// - Parameters:
    ///   - observer: The observer as its config names it.
    ///   - folder: What its paths are relative to.
    /// - Returns: Its files.
    /// - Throws: `Trouble`.
    mutating func bundle(_ observer: ObserverConfig, relativeTo folder: String) throws(Trouble) -> ObserverBundle {
        let key = ([folder, observer.run] + observer.files).joined(separator: "\n")
        if let bundle = known[key] { return try Self.checked(bundle, observer) }
        let base = URL(filePath: folder.isEmpty ? "." : folder, directoryHint: .isDirectory)
        var files: [(name: String, bytes: [UInt8])] = []
        var source = ""
        for (index, path) in ([observer.run] + observer.files).enumerated() {
            let url = URL(filePath: path, relativeTo: base).standardizedFileURL
            if index == 0 { source = url.path }
            do throws(FileError) {
                files.append((url.lastPathComponent, try DurableFile.read(url.path, limit: Self.limit)))
            } catch {
                throw Trouble(reason: "\(error)")
            }
        }
        if let twice = files.map(\.name).first(where: { name in files.count { $0.name == name } > 1 }) {
            throw Trouble(reason: "\(observer.name): two of its files are called \(twice)")
        }
        try Self.checkProgram(files[0].bytes, source)
        if !files.contains(where: { $0.name == Self.helper }) {
            files.append((Self.helper, PackageResources.spd_observer_py))
        }
        let lines = files.map { "\(SHA256.hex($0.bytes)) \($0.name)\n" }.joined()
        let bundle = ObserverBundle(digest: SHA256.hex(lines), source: source, files: files)
        known[key] = bundle
        return try Self.checked(bundle, observer)
    }

    /// A config that was submitted before names its observer's digest, too.
    private static func checked(_ bundle: ObserverBundle, _ observer: ObserverConfig) throws(Trouble) -> ObserverBundle
    {
        if let digest = observer.digest, digest != bundle.digest {
            throw Trouble(
                reason: "\(bundle.source) is not the file that the config's digest \(digest.prefix(12)) is of "
                    + "(its own is \(bundle.digest.prefix(12))); leave the digest out to take this one")
        }
        return bundle
    }

    private static func checkProgram(_ bytes: [UInt8], _ path: String) throws(Trouble) {
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return }
        guard bytes.starts(with: Array("#!".utf8)) else {
            throw Trouble(
                reason:
                    "\(path) is no program: expected a first line such as '#!/usr/bin/env python3', or a binary of this machine's"
            )
        }
        if bytes.prefix(256).prefix(while: { $0 != UInt8(ascii: "\n") }).last == UInt8(ascii: "\r") {
            throw Trouble(
                reason:
                    "\(path) has line ends of Windows, with which no interpreter is found; `sed -i 's/\\r$//' \(path)` mends it"
            )
        }
    }
}
