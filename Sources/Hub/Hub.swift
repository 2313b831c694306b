import Artifacts
import Foundation
import JSON
import Layout
public import TextData

/// Models and data sets by name: from the caches of the hub's own tools, from ours, or downloaded into ours.
///
/// Compute nodes need no network: what `submit` has found or downloaded is in a folder.
public struct Hub: Sendable {
    /// Where things come from.
    public let settings: HubSettings
    /// Our own cache, laid out as the hub's tools lay out theirs.
    private let cache: String
    private let say: @Sendable (String) -> Void
    private let progress: @Sendable (HubProgress) -> Void
    private let isCancelled: @Sendable () -> Bool

    /// Creates a hub.
    ///
    /// - Parameters:
    ///   - settings: where things come from.
    ///   - cache: the folder to download into.
    ///   - say: takes lines for people.
    ///   - progress: takes how far a download is, many times a second.
    ///   - isCancelled: asked often; true ends a download, which a later one continues with.
    public init(
        settings: HubSettings, cache: String, say: @escaping @Sendable (String) -> Void = { _ in },
        progress: @escaping @Sendable (HubProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.settings = settings
        self.cache = cache
        self.say = say
        self.progress = progress
        self.isCancelled = isCancelled
    }

    /// A model's files in a folder.
    public struct Model: Sendable, Equatable {
        /// The folder.
        public let folder: String
        /// The commit that they are of; nil for a folder that the user named.
        public let commit: String?
    }

    // MARK: Models

    /// The folder of a model, if it is on this machine: a folder by its path, or a name in a cache.
    ///
    /// - Parameters:
    ///   - name: the folder or the name.
    ///   - needsWeights: false for a model of which only the tokenizer is asked for.
    /// - Returns: nil if it is not here, or not whole.
    /// - Throws: `HubError` if it may be here, but what is in a cache cannot be read.
    public func localModel(_ name: String, needsWeights: Bool = true) throws(HubError) -> Model? {
        // Agents run in other folders than the user who named it.
        if FileManager.default.fileExists(atPath: name) { return Model(folder: URL(filePath: name).path, commit: nil) }
        guard let hubName = HubName(name, kind: .model) else { return nil }
        var trouble: HubError?
        for cache in [settings.hubCache, cache] {
            do {
                if let snapshot = try HubFolder(hubName, in: cache).snapshot(),
                    try ModelFiles.areWhole(in: snapshot.folder, needsWeights: needsWeights)
                {
                    return Model(folder: snapshot.folder, commit: snapshot.commit)
                }
            } catch {
                // The other cache may have it whole.
                trouble = Self.trouble(error)
            }
        }
        if let trouble { throw trouble }
        return nil
    }

    /// What is already here, or nil if it has to be downloaded; faults in a cache are reported but no obstacle.
    private func here<Result>(_ look: () throws -> Result?) throws -> Result? {
        do {
            return try look()
        } catch let error as HubError where settings.offline == nil {
            say("\(error); looking for it on the hub")
            return nil
        }
    }

    private static func trouble(_ error: any Error) -> HubError {
        error as? HubError ?? HubError(.disk, "\(error)")
    }

    /// The folder of a model, downloaded if it is not on this machine yet.
    ///
    /// - Parameters:
    ///   - name: the folder or the name.
    ///   - needsWeights: false for a model of which only the tokenizer is asked for.
    /// - Returns: the folder, and the commit that it is of.
    /// - Throws: `HubError` with what is missing and what to do, `FileError` if our cache cannot be written.
    public func model(_ name: String, needsWeights: Bool = true) throws -> Model {
        if let model = try here({ try localModel(name, needsWeights: needsWeights) }) { return model }
        let hubName = try modelName(name)
        let client = try client(for: name)
        let folder = HubFolder(hubName, in: cache)
        return try locked(folder) {
            let (commit, files) = try listing(hubName, client)
            let wanted = try ModelFiles.wanted(among: files, of: name, needsWeights: needsWeights)
            let download = HubDownload(
                name: hubName, commit: commit, folder: folder, client: client, progress: progress)
            // An index says which further files there are.
            var all = wanted
            if let index = wanted.first(where: { $0.path.hasSuffix(".index.json") }) {
                try download.download([index], finishes: false)
                let shards = try ShardIndex(contentsOf: folder.file(index.path, commit: commit))
                for shard in shards.files {
                    guard let file = files.first(where: { $0.path == shard }) else {
                        throw HubError(.unusable, "\(name): its \(index.path) names '\(shard)', which is not there")
                    }
                    all.append(file)
                }
            }
            try download.download(all, finishes: true)
            return Model(folder: folder.path + "/snapshots/" + commit, commit: commit)
        }
    }

    /// Checks that a model is available, without downloading it: it is here, or the hub has its files.
    ///
    /// What is wrong with a cache is said, and no obstacle where the hub has the model.
    ///
    /// - Parameters:
    ///   - name: the folder or the name.
    ///   - needsWeights: false for a model of which only the tokenizer is asked for.
    /// - Returns: The model where it is here, nil if only the hub has it.
    /// - Throws: `HubError` with what is missing and what to do.
    @discardableResult
    public func checkModel(_ name: String, needsWeights: Bool = true) throws -> Model? {
        if let model = try here({ try localModel(name, needsWeights: needsWeights) }) { return model }
        let hubName = try modelName(name)
        let files = try listing(hubName, try client(for: name)).files
        _ = try ModelFiles.wanted(among: files, of: name, needsWeights: needsWeights)
        return nil
    }

    /// A model's config.json, from this machine or from the hub, without its weights.
    ///
    /// - Parameter name: the folder or the name.
    /// - Returns: the text, and where it is from.
    /// - Throws: `HubError` with what is missing and what to do, `FileError`.
    public func modelConfig(_ name: String) throws -> (text: String, source: String) {
        if let model = try here({ try localModel(name) }) {
            let path = model.folder + "/config.json"
            return (String(decoding: try DurableFile.read(path, limit: 16 << 20), as: UTF8.self), path)
        }
        let hubName = try modelName(name)
        let client = try client(for: name)
        let commit = try listing(hubName, client).commit
        let source = "\(name)/config.json"
        return (try client.json("/\(name)/resolve/\(commit)/config.json", about: source).text, source)
    }

    private func modelName(_ name: String) throws(HubError) -> HubName {
        guard let hubName = HubName(name, kind: .model) else {
            throw HubError(.unusable, "'\(name)' is neither a folder nor a model's name such as ORG/NAME")
        }
        return hubName
    }

    // MARK: Data sets

    /// The files of a data set's split, if they are on this machine: a folder or file by its path, or a name in a
    /// cache.
    ///
    /// - Returns: Nil if the name is in no cache.
    /// - Throws: `TextDataError` if it is here but has no such split, `HubError` if a cache cannot be read.
    public func localFiles(_ name: String, split: String) throws -> [DatasetFile]? {
        if FileManager.default.fileExists(atPath: name) { return try DatasetFolder(path: name).files(of: split) }
        guard let hubName = HubName(name, kind: .dataset) else { return nil }
        let folders: [String]
        do throws(FileError) {
            folders = try DatasetCaches(settings: settings, cache: cache).folders(of: hubName)
        } catch {
            throw Self.trouble(error)
        }
        var refusal: TextDataError?
        for folder in folders {
            do throws(TextDataError) {
                return try DatasetFolder(path: folder, ignoring: hubName.snakeCased).files(of: split)
            } catch {
                refusal = error
            }
        }
        if let refusal, settings.offline != nil { throw refusal }
        return nil
    }

    /// The files of a data set's split, downloaded if they are not on this machine yet.
    ///
    /// - Throws: `HubError` or `TextDataError` with what is missing, what there is, and what to do.
    public func files(_ name: String, split: String) throws -> [DatasetFile] {
        if let files = try here({ try localFiles(name, split: split) }) { return files }
        let hubName = try datasetName(name)
        let client = try client(for: name)
        let folder = HubFolder(hubName, in: cache)
        try locked(folder) {
            // Another split of the same commit may be here already.
            let (commit, files) = try remoteFiles(hubName, client, split: split, commit: try folder.begun()?.commit)
            let download = HubDownload(
                name: hubName, commit: commit, folder: folder, client: client, progress: progress)
            try download.download(files, finishes: true)
        }
        guard let here = try localFiles(name, split: split) else {
            throw HubError(.disk, "\(name): its files vanished from \(folder.path)")
        }
        return here
    }

    /// Checks that a data set's split is available, without downloading it: it is here, or the hub has its files.
    ///
    /// - Returns: The files that are here; nil if they have to be downloaded.
    /// - Throws: `HubError` or `TextDataError` with what is missing, what there is, and what to do.
    @discardableResult
    public func checkFiles(_ name: String, split: String) throws -> [DatasetFile]? {
        if let files = try here({ try localFiles(name, split: split) }) { return files }
        let hubName = try datasetName(name)
        _ = try remoteFiles(
            hubName, try client(for: name), split: split, commit: try HubFolder(hubName, in: cache).begun()?.commit)
        return nil
    }

    private func datasetName(_ name: String) throws(HubError) -> HubName {
        guard let hubName = HubName(name, kind: .dataset) else {
            throw HubError(.unusable, "'\(name)' is neither a file, a folder nor a data set's name such as ORG/NAME")
        }
        return hubName
    }

    /// The files of a split that the hub has.
    private func remoteFiles(
        _ name: HubName, _ client: HubClient, split: String, commit: String?
    ) throws -> (commit: String, files: [HubDownload.File]) {
        var (commit, files) = try listing(name, client, revision: commit)
        if !files.contains(where: { $0.path.hasSuffix(".parquet") }),
            let converted = try converted(name, client, split: split)
        {
            (commit, files) = converted
        }
        let splits = DatasetFolder(name: name.description, files: files.map(\.path), ignoring: name.snakeCased)
        let paths = Set(try splits.files(of: split).map(\.path))
        return (commit, files.filter { paths.contains($0.path) })
    }

    /// The Parquet files that the hub has made of a data set, on their own branch.
    private func converted(
        _ name: HubName, _ client: HubClient, split: String
    ) throws(HubError) -> (commit: String, files: [HubDownload.File])? {
        let listed: JSONValue
        do {
            listed = try client.json("/api/datasets/\(name)/parquet", about: "\(name)'s Parquet files")
        } catch let error where error.cause == .unusable {
            return nil
        }
        guard case .object(let configs) = listed,
            let config = configs.first(where: { $0.name == "default" }) ?? configs.first
        else { return nil }
        if case .object(let splits) = config.value, splits.contains(where: { $0.name == "partial-\(split)" }) {
            say("\(name): the hub has converted a part of the split '\(split)' only; the rest is left out")
        }
        let (commit, files) = try listing(name, client, revision: "refs/convert/parquet")
        return (commit, files.filter { $0.path.hasPrefix(config.name + "/") && $0.path.hasSuffix(".parquet") })
    }

    // MARK: The hub

    /// Asks who the token belongs to; nil without a token.
    ///
    /// - Throws: `HubError` if the hub cannot be reached or refuses the token.
    public func user() throws(HubError) -> String? {
        let client = try client(for: "the hub")
        guard settings.token != nil else {
            _ = try client.json("/api/models?limit=1", about: "the hub")
            return nil
        }
        let answer = try client.json("/api/whoami-v2", about: "the token from \(settings.tokenSource ?? "HF_TOKEN")")
        return answer["name"]?.string ?? "an unnamed user"
    }

    private func client(for name: String) throws(HubError) -> HubClient {
        if let variable = settings.offline {
            throw HubError(
                .unreachable,
                "\(name) is not in the caches (\(settings.hubCache), \(cache)), and \(variable) forbids downloading it")
        }
        return try HubClient(settings, say: say, isCancelled: isCancelled)
    }

    private func listing(
        _ name: HubName, _ client: HubClient, revision: String? = nil
    ) throws(HubError) -> (commit: String, files: [HubDownload.File]) {
        let revision = revision.map { "/revision/" + $0.split(separator: "/").joined(separator: "%2F") } ?? ""
        let what = "\(name.kind == .model ? "the model" : "the data set") '\(name)'"
        let info = try client.json("/api/\(name.kind.rawValue)/\(name)\(revision)?blobs=true", about: what)
        guard let commit = info["sha"]?.string, HubFolder.isCommit(commit), let siblings = info["siblings"]?.elements
        else { throw HubError(.unreachable, "\(what): the hub's answer names no commit or no files") }
        let files = siblings.compactMap { sibling in
            sibling["rfilename"]?.string.map { HubDownload.File(path: $0, size: sibling["size"]?.integer) }
        }
        // A name becomes a path below our cache.
        for file in files where file.path.hasPrefix("/") || file.path.split(separator: "/").contains("..") {
            throw HubError(.unusable, "\(what): it has a file called '\(file.path)', which leads outside its folder")
        }
        return (commit, files)
    }

    /// Keeps two downloads of the same thing from each other's way.
    private func locked<Result>(_ folder: HubFolder, _ body: () throws -> Result) throws -> Result {
        try DurableFile.createFolder(folder.path)
        let lock = try FileLock.waiting(
            for: CacheFolder.lock(ofHubFolder: folder.path),
            tell: { say("another command is downloading into \(folder.path); waiting for it") }, shouldStop: isCancelled
        )
        guard let lock else { throw HubError(.cancelled, "the download was given up") }
        defer { lock.release() }
        return try body()
    }
}
