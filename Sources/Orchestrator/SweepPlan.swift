import Experiments
import Foundation
import Store

/// What a submission will run: every spec, valid and in order, before anything is stored.
struct SweepPlan {
    let specs: [NewSpec]
    /// The sweep file that the specs come from.
    let sweepFile: String?
    /// The experiments in order, with how many specs each has.
    let counts: [(experiment: String, count: Int)]
    /// What the sweep sets for the first spec, for people.
    let example: String

    /// Loads and expands what the command line names.
    ///
    /// - Parameters:
    ///   - experiments: Names or files, separated by commas; `nil` means every published experiment.
    ///   - sweep: The sweep file.
    ///   - project: A W&B project to put into every config.
    /// - Throws: Everything that is wrong with the files.
    init(experiments: String?, sweep: String?, project: String?) throws(Failure) {
        let drafts: [SpecDraft]
        sweepFile = sweep.map(Self.locate)
        do {
            let selected = try Self.select(experiments)
            if let sweepFile {
                drafts = try SweepFile.load(path: sweepFile).expand(experiments: selected)
            } else {
                drafts = selected.map(SpecDraft.init)
            }
            specs = try drafts.map { try NewSpec($0, project: project) }
        } catch {
            throw Failure(error)
        }
        var counts: [(experiment: String, count: Int)] = []
        for draft in drafts {
            if counts.last?.experiment == draft.experiment {
                counts[counts.count - 1].count += 1
            } else {
                counts.append((draft.experiment, 1))
            }
        }
        self.counts = counts
        example = drafts.first.map { Overrides($0.overrides).text() } ?? ""
    }

    private static func select(_ names: String?) throws -> [Experiment] {
        guard let names else { return try Registry.names.map { try Registry.experiment(named: $0) } }
        let parts = names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !parts.isEmpty else { throw Failure.badInput("--experiments names no experiment") }
        if let twice = Dictionary(grouping: parts, by: \.self).first(where: { $0.value.count > 1 })?.key {
            throw Failure.badInput("--experiments names '\(twice)' twice")
        }
        return try parts.map { try Registry.experiment(named: $0) }
    }

    /// The sweep file's path; the default one may also lie beside the folder of the program.
    private static func locate(_ path: String) -> String {
        guard path == Spelling.defaultSweepFile, !FileManager.default.fileExists(atPath: path) else {
            return path
        }
        let installed = Program.folder + "/../" + path
        return FileManager.default.fileExists(atPath: installed) ? installed : path
    }
}

extension NewSpec {
    /// A draft as it is stored: with the project that the user asked for, and with an absolute target.
    fileprivate init(_ draft: SpecDraft, project: String?) throws {
        var config = draft.config
        if let project { config = try config.setting("wandb_project", to: .string(project)) }
        if case .local(let path) = config.pretrainedModelPath {
            let absolute = URL(filePath: path).path
            guard FileManager.default.isReadableFile(atPath: absolute) else {
                throw Failure.badInput(
                    "\(draft.experiment): pretrained_model_path names \(path), which cannot be read")
            }
            config = try config.setting("pretrained_model_path", to: .string(absolute))
        }
        self.init(
            experiment: draft.experiment, config: config.json(),
            overrides: try Overrides(draft.overrides).json(),
            target: draft.target?.canonicalJSON(), steps: config.steps)
    }
}
