import Foundation

/// A folder with a data set's files, or one file, and the splits in their names.
public struct DatasetFolder: Sendable {
    /// The folder or file.
    public let path: String
    private let files: [String]
    /// Words of the data set's own name, which say nothing about a split.
    private let ownName: String?

    /// What splits are called, with the other words for each.
    private static let words = [
        "train": ["train", "training"], "validation": ["validation", "valid", "val", "dev"],
        "test": ["test", "testing", "eval", "evaluation"],
    ]
    /// What the tools that write data sets leave next to them.
    private static let metadata: Set<String> = [
        "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json", "license.txt",
        "readme.txt", "requirements.txt",
    ]

    /// Looks through a folder, or takes the one file.
    ///
    /// - Parameters:
    ///   - path: the folder or file.
    ///   - ownName: what files' names may begin with that says nothing about a split, such as `tiny_stories`.
    /// - Throws: `TextDataError` if there is nothing to read.
    public init(path: String, ignoring ownName: String? = nil) throws(TextDataError) {
        self.path = path
        self.ownName = ownName
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw TextDataError(path, "there is no such file or folder")
        }
        guard isFolder.boolValue else {
            files = [path]
            return
        }
        guard let names = FileManager.default.enumerator(atPath: path) else {
            throw TextDataError(path, "cannot be listed; check its permissions")
        }
        var files: [String] = []
        for case let name as String in names where Self.holdsRows(name) { files.append(name) }
        guard !files.isEmpty else {
            throw TextDataError(path, "holds no files of texts (.parquet, .arrow, .jsonl or .txt)")
        }
        self.files = files.sorted().map { path + "/" + $0 }
    }

    /// Takes files that may not be here yet, by their paths below a data set of that name.
    public init(name: String, files: [String], ignoring ownName: String? = nil) {
        path = name
        self.ownName = ownName
        self.files = files.filter(Self.holdsRows).sorted()
    }

    private static func holdsRows(_ path: String) -> Bool {
        guard DatasetFile.Format(path: path) != nil,
            !path.split(separator: "/").contains(where: { $0.hasPrefix(".") })
        else { return false }
        let name = (path as NSString).lastPathComponent.lowercased()
        // What `map` and `filter` have left is computed from the other files.
        return !metadata.contains(name) && !name.hasPrefix("cache-")
    }

    /// The splits named in the files' names, in their usual order.
    public var splits: [String] {
        let found = Set(files.compactMap(split(of:)))
        let usual = ["train", "validation", "test"].filter(found.contains)
        return usual.isEmpty ? ["train"] : usual
    }

    /// The files of a split, in order.
    ///
    /// - Throws: `TextDataError` if there is no such split, with those there are.
    public func files(of split: String) throws(TextDataError) -> [DatasetFile] {
        if split.contains("[") {
            throw TextDataError(
                path, "slices of a split such as '\(split)' are not supported; name a whole split: \(list)",
                concernsSplit: true)
        }
        let aliases = Self.words.values.first { $0.contains(split.lowercased()) } ?? [split.lowercased()]
        var chosen = files.filter { file in words(of: file).contains { aliases.contains($0) } }
        // If no file's name gives a split, all files are for training.
        if chosen.isEmpty, aliases.contains("train"), files.allSatisfy({ self.split(of: $0) == nil }) {
            chosen = files
        }
        guard !chosen.isEmpty else {
            throw TextDataError(path, "has no split '\(split)'; it has \(list)", concernsSplit: true)
        }
        // The same rows may be there in several formats.
        let formats = chosen.compactMap(DatasetFile.Format.init(path:))
        if let best = formats.min() { chosen.removeAll { DatasetFile.Format(path: $0) != best } }
        try checkParts(chosen, of: split)
        return chosen.map(DatasetFile.init(path:))
    }

    /// Files called `…-00000-of-00003.…` come in threes; fewer are a copy that was cut short.
    private func checkParts(_ files: [String], of split: String) throws(TextDataError) {
        let part = /^(.*)-(\d{5})-of-(\d{5})\b.*$/
        var counts: [String: (here: Int, all: Int)] = [:]
        for file in files {
            guard let match = file.wholeMatch(of: part), let all = Int(match.3) else { continue }
            counts["\(match.1)-of-\(match.3)", default: (0, all)].here += 1
        }
        for (_, count) in counts.sorted(by: { $0.key < $1.key }) where count.here < count.all {
            throw TextDataError(path, "holds only \(count.here) of the \(count.all) files of the split '\(split)'")
        }
    }

    private var list: String { splits.map { "'\($0)'" }.joined(separator: ", ") }

    private func split(of file: String) -> String? {
        let words = words(of: file)
        return Self.words.first { $0.value.contains { words.contains($0) } }?.key
    }

    /// The words of a file's path below the folder.
    private func words(of file: String) -> Set<String> {
        var below = file
        if file == path {
            below = (file as NSString).lastPathComponent
        } else if file.hasPrefix(path + "/") {
            below = String(file.dropFirst(path.count))
        }
        if let ownName { below = below.replacingOccurrences(of: ownName + "-", with: "-") }
        return Set(below.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
    }
}
