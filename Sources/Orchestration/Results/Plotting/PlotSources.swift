import Artifacts
import Experiments
import Foundation
import JSON
package import Store

/// What figures are drawn from: runs, the runs of a job, weights or folders on this machine.
package struct PlotSources {
    /// One run, or one file or folder.
    struct Source: Equatable {
        let path: String
        /// The name to call figures by; nil: the folder's own name.
        var name: String?
        /// What pages call it: with what the sweep varies.
        var label: String?
        /// What it shares with runs that differ only in their seeds.
        var group: String?
        /// The config, where the state has it: JSON text.
        var config: String?
        /// How the target was trained, as JSON text.
        var target: String?
        /// Where target and text are, of a language model.
        var targetFiles: String?
        var seed: String?
    }

    private(set) var sources: [Source] = []
    /// What sweeps have set for the runs among them, by their places.
    private var settings: [Int: (run: Run, varied: Overrides)] = [:]
    /// Runs that have left nothing to draw yet.
    package private(set) var empty: [RunID] = []
    /// Runs that had begun and whose folders are gone.
    package private(set) var gone: [RunID] = []
    /// Whether a job was named, or several runs.
    package var isStudy: Bool { sources.count + empty.count + gone.count > 1 }

    /// Finds what the command line names: files, folders, jobs' numbers, runs' names or their beginnings.
    ///
    /// - Throws: `StoreError` for a run or job that does not exist; ``Failure`` where nothing can be drawn.
    package init(named names: [String], in state: @autoclosure () async throws -> OpenStore) async throws {
        for name in names {
            if FileManager.default.fileExists(atPath: name) {
                guard !Self.isArchive(name) else {
                    throw Failure.badInput(
                        "\(name) is an archive: name a run in it, as in `plot RUN --archive \(name)`")
                }
                sources.append(Source(path: name))
                continue
            }
            if Self.isPath(name) {
                throw Failure.badInput("there is no file or folder \(name)\(Self.advice(insteadOf: name))")
            }
            let store = try await Self.advising(name) { try await state().store }
            switch Reference(name) {
            case .job(let job):
                let specs = try store.specs(of: job)
                let byRun = Dictionary(specs.map { ($0.run, $0) }, uniquingKeysWith: { first, _ in first })
                for run in try store.snapshot(of: job).runs { try add(run, byRun[run.id]) }
            case .agent:
                throw Failure.badInput(
                    "\(name): expected a run, a job, or a file or folder that holds figures or weights")
            case .run(let text):
                let id = try await Self.advising(name) { try store.run(startingWith: text) }
                try add(store.run(id), store.spec(of: id))
            }
        }
        nameWhatDiffers()
        guard !sources.isEmpty else {
            if empty.isEmpty, !gone.isEmpty {
                throw Failure.badInput(
                    gone.count == 1
                        ? "run \(gone[0]) has nothing left to draw: its folder is gone"
                        : "the folders of all \(gone.count) runs are gone")
            }
            throw Failure.badInput(
                empty.count == 1
                    ? "run \(empty[0]) has left nothing to draw yet: figures come every image_freq steps, weights at its end "
                        + "or every save_freq steps"
                    : "none of the \(empty.count) runs has left anything to draw yet")
        }
    }

    private static func isArchive(_ name: String) -> Bool {
        [".tar", ".tar.gz", ".tgz", ".tar.zst"].contains { name.hasSuffix($0) }
    }

    /// Whether a name can be that of a file or folder only.
    private static func isPath(_ name: String) -> Bool {
        name.contains("/") || isArchive(name) || [".safetensors", ".pth", ".zip"].contains { name.hasSuffix($0) }
    }

    /// The file or folder that was probably meant, as an end of a sentence; empty if none is near.
    private static func advice(insteadOf name: String) -> String {
        let place = URL(filePath: name)
        let folder = place.deletingLastPathComponent().path
        let names = (try? FolderListing.names(in: folder)) ?? []
        let near = Spelling.nearest(to: place.lastPathComponent, among: names.filter { !$0.hasPrefix(".") }.sorted())
        let prefix = name.dropLast(place.lastPathComponent.count)
        return near.map { "; did you mean \(prefix)\($0)?" } ?? ""
    }

    /// Adds to an error about a name which file or folder was probably meant, if one is near.
    private static func advising<Result>(_ name: String, _ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch {
            let advice = advice(insteadOf: name)
            if advice.isEmpty { throw error }
            let reason = (error as? Failure)?.message ?? "\(error)"
            throw Failure.badInput("\(reason)\(advice)")
        }
    }

    private mutating func add(_ run: Run, _ spec: Spec?) throws(Failure) {
        let folder = run.folder.path
        guard FileManager.default.fileExists(atPath: folder) else {
            return run.attempt > 0 ? gone.append(run.id) : empty.append(run.id)
        }
        let hasFigures = try !FigureFiles(in: folder).packs.isEmpty
        let hasWeights = try !RunWeights.files(of: run).isEmpty
        let hasMetrics = try SizedFile.all(in: folder).contains {
            folder + "/" + $0.name == run.folder.metrics && $0.bytes > 0
        }
        guard hasFigures || hasWeights || hasMetrics else { return empty.append(run.id) }
        // A run that is named twice is shown once.
        guard !sources.contains(where: { $0.path == folder }) else { return }
        let varied = try Overrides(json: run.overrides)
        settings[sources.count] = (run, varied)
        sources.append(
            Source(
                path: folder, name: run.id.rawValue, config: spec?.knownConfig,
                target: spec?.target, targetFiles: spec?.targetFiles, seed: varied.values["seed"]))
    }

    /// Labels runs with the settings that distinguish them: those that all share would only hide the differences.
    private mutating func nameWhatDiffers() {
        let common = Overrides.common(settings.values.map(\.varied))
        let hasExperiments = Set(settings.values.map(\.run.experiment)).count > 1
        for (index, (run, varied)) in settings {
            let experiment = hasExperiments ? [run.experiment] : []
            sources[index].label = ([run.id.rawValue] + experiment + [varied.shortText(without: common)])
                .filter { !$0.isEmpty }.joined(separator: " ")
            let group = (experiment + [varied.withoutSeed.shortText(without: common)]).filter { !$0.isEmpty }
            sources[index].group = group.isEmpty ? run.experiment : group.joined(separator: " ")
        }
    }

    /// The label on a page: a run's name and what distinguishes it.
    ///
    /// - Parameter names: What the command line says.
    /// - Returns: The title.
    package func title(named names: [String]) -> String {
        if sources.count == 1, let label = sources[0].label { return "Run \(label)" }
        let isJob = names.count == 1 && sources.allSatisfy { $0.label != nil }
        return (isJob ? "Job " : "") + names.joined(separator: ", ")
    }

    /// The name of a source's own folder, where several are drawn.
    func folder(of source: Source) -> String {
        source.name ?? URL(filePath: source.path).lastPathComponent
    }

    /// A query to the worker about a source.
    ///
    /// - Parameters:
    ///   - source: The source.
    ///   - key: The config's key whose value matters; nil: none.
    /// - Returns: JSON.
    /// - Throws: ``Failure`` where its config has no such key.
    func question(_ source: Source, by key: String?) throws(Failure) -> String {
        var members: [JSONValue.Member] = [.init("path", .string(source.path))]
        if let name = source.name { members.append(.init("name", .string(name))) }
        if let label = source.label { members.append(.init("label", .string(label))) }
        if let group = try key.map({ key throws(Failure) in try value(of: key, source) }) ?? source.group {
            members.append(.init("group", .string(group)))
        }
        if let target = source.target { members.append(.init("target", .string(target))) }
        if let files = source.targetFiles { members.append(.init("target_files", .string(files))) }
        if let seed = source.seed { members.append(.init("seed", .string(seed))) }
        if let key { members.append(.init("value", .string(try value(of: key, source)))) }
        return JSONValue.object(members).text
    }

    private func value(of key: String, _ source: Source) throws(Failure) -> String {
        guard let text = source.config else {
            throw .badInput("--by compares runs of a job; \(source.path) is not one, so its config is not available")
        }
        let config: JSONValue
        do { config = try JSONValue(parsing: text) } catch {
            throw .failed("the state's config can't be read: \(error)")
        }
        let value = key.split(separator: ".").reduce(Optional(config)) { $0?[String($1)] }
        guard let value else {
            let known = Self.paths(config)
            let nearest = Spelling.nearest(to: key, among: known).map { "; did you mean '\($0)'?" }
            throw .badInput("--by '\(key)': the runs' configs have no such key\(nearest ?? "")")
        }
        return value.string ?? value.text
    }

    private static func paths(_ value: JSONValue, below prefix: String = "") -> [String] {
        guard case .object(let members) = value else { return [] }
        return members.flatMap { [prefix + $0.name] + paths($0.value, below: prefix + $0.name + ".") }
    }

    /// The key that sets these runs apart: the first that the sweep varies besides seeds, with numbers for values.
    package func variedKey() throws(Failure) -> String? {
        let configs = sources.compactMap { $0.config.flatMap { try? JSONValue(parsing: $0) } }
        guard let first = configs.first, configs.count == sources.count, configs.count > 1 else { return nil }
        return Self.paths(first).first { path in
            let values = configs.map { config in
                path.split(separator: ".").reduce(Optional(config)) { $0?[String($1)] }
            }
            let isNumber = values.allSatisfy { if case .number? = $0 { true } else { false } }
            return path != "seed" && isNumber && Set(values.map { $0?.text }).count > 1
        }
    }
}
