import Artifacts
import Experiments
import Foundation

/// An observer's file and those next to it, as they are copied into a job.
package struct ObserverBundle {
    /// Of all names and bytes.
    package let digest: String
    /// Where the program was found.
    package let source: String
    /// The files by name, the program first; those of a folder with its name before their own.
    let files: [(name: String, bytes: [UInt8])]

    /// The program's name.
    package var program: String { files[0].name }

    /// The interpreter and its arguments that the program's first line names; nil for a binary.
    var interpreter: [String]? {
        let first = files[0].bytes.prefix(256).prefix { $0 != UInt8(ascii: "\n") }
        guard first.starts(with: Array("#!".utf8)) else { return nil }
        return String(decoding: first.dropFirst(2), as: UTF8.self).split(separator: " ").map(String.init)
    }

    /// Refuses the files, which are copied to where others may read them, if one contains a key.
    ///
    /// - Throws: ``Failure`` with the file and the line, and without the key.
    func refuse(_ secrets: Secrets) throws(Failure) {
        for (index, file) in files.enumerated() {
            try secrets.refuse(file.bytes, of: index == 0 ? source : "the observer \(source): its file \(file.name)")
        }
    }

    /// Writes the files into a folder of the digest's name.
    ///
    /// - Throws: What cannot be written.
    func write(below folder: String) throws(FileError) {
        let place = "\(folder)/\(digest)"
        try DurableFile.createFolder(place)
        for (index, file) in files.enumerated() {
            let path = "\(place)/\(file.name)"
            if file.name.contains("/") {
                try DurableFile.createFolder(URL(filePath: path).deletingLastPathComponent().path)
            }
            try DurableFile.write(file.bytes, to: path)
            guard index > 0 || chmod(path, 0o755) == 0 else { throw FileError(.create, path) }
        }
    }
}

extension ObserverBundle {
    /// An observer's files as a job has copied them.
    ///
    /// - Parameters:
    ///   - observer: The observer, with its digest.
    ///   - folder: The job's folder of observers.
    /// - Throws: What is missing of them.
    init(_ observer: ObserverConfig, copiedInto folder: String) throws(ObserverFiles.Trouble) {
        let (digest, program) = (observer.digest ?? "", observer.run)
        let files = try ObserverFiles.contents(of: "\(folder)/\(digest)").map { file in
            (name: String(file.name.dropFirst(digest.count + 1)), bytes: file.bytes)
        }
        guard files.contains(where: { $0.name == program }) else {
            throw ObserverFiles.Trouble(reason: "\(folder)/\(digest) lacks \(program)")
        }
        self.init(
            digest: digest, source: "\(folder)/\(digest)/\(program)",
            files: files.filter { $0.name == program } + files.filter { $0.name != program })
    }
}

/// Reads the observers that specs name, each once.
struct ObserverFiles {
    /// The parts of an observer's answer that could not be used.
    struct Trouble: Error {
        let reason: String
    }

    private var known: [String: ObserverBundle] = [:]
    private static let limit = 256 << 20
    private static let most = 1000
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
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
                guard index > 0 else { throw Self.folderAsProgram(url.path, observer) }
                files += try Self.contents(of: url.path)
                continue
            }
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

    private static func folderAsProgram(_ path: String, _ observer: ObserverConfig) -> Trouble {
        Trouble(
            reason:
                "\(path) is a folder: run names the program in it, such as \(observer.run)/main.py, and files whatever it "
                + "needs next to it, including folders")
    }

    /// All files of a folder, with the folder's name before theirs; what Python makes of them and hidden files stay behind.
    static func contents(of folder: String) throws(Trouble) -> [(name: String, bytes: [UInt8])] {
        let paths: [String]
        do { paths = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted() } catch {
            throw Trouble(reason: "cannot look into \(folder): \(error.localizedDescription)")
        }
        let name = URL(filePath: folder).lastPathComponent
        var (files, bytes): ([(name: String, bytes: [UInt8])], Int) = ([], 0)
        for path in paths {
            let parts = path.split(separator: "/")
            var isFolder: ObjCBool = false
            let isThere = FileManager.default.fileExists(atPath: "\(folder)/\(path)", isDirectory: &isFolder)
            guard isThere, !isFolder.boolValue, !parts.contains(where: { $0.hasPrefix(".") || $0 == "__pycache__" })
            else { continue }
            do throws(FileError) {
                files.append(("\(name)/\(path)", try DurableFile.read("\(folder)/\(path)", limit: limit)))
            } catch {
                throw Trouble(reason: "\(error)")
            }
            bytes += files.last?.bytes.count ?? 0
            guard files.count <= most, bytes <= limit else {
                throw Trouble(
                    reason:
                        "\(folder) holds more than \(most) files or \(limit >> 20) MB; name only the files that the observer needs"
                )
            }
        }
        return files
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
                    "\(path) is not a program: expected a first line such as '#!/usr/bin/env python3', or a binary for this machine"
            )
        }
        if bytes.prefix(256).prefix(while: { $0 != UInt8(ascii: "\n") }).last == UInt8(ascii: "\r") {
            throw Trouble(
                reason:
                    "\(path) has Windows line endings, with which no interpreter is found; `sed -i 's/\\r$//' \(path)` mends it"
            )
        }
    }
}
