package import Experiments
import Foundation
package import Store
import Targets

/// What a submission will run: every spec, valid and in order, before anything is stored.
package struct SweepPlan {
    package let specs: [NewSpec]
    /// What the specs were made of, in the same order.
    package let drafts: [SpecDraft]
    /// The sweep file that the specs come from.
    package let sweepFile: String?
    /// The user's config files that the experiments come from.
    package let configFiles: [String]
    /// The `key=value` pairs that hold for all specs.
    package let settings: [String]
    /// The seed of samples and searches, if one was given.
    package let sweepSeed: Int?
    /// How the specs were drawn, if they were.
    package let sampling: Sampling?
    /// How the specs are compared, if they are.
    package let search: SearchSettings?
    /// The experiments in order.
    package let parts: [Part]
    /// Runs on W&B that trained the targets of some specs, each once.
    package let remoteTargets: [WandBRunReference]
    /// The observers that specs name, each once.
    package let observers: [ObserverBundle]
    /// Specs with which observers are tried, one for each experiment and set of observers.
    package let observerTrials: [ObserverTrials.Case]
    /// Valid but probably unintended settings.
    package let doubts: [String]

    /// Settings of the submission that apply to specs added later.
    package struct Earlier {
        let settings: [String]
        let sweepSeed: Int?

        package init(settings: [String] = [], sweepSeed: Int? = nil) {
            (self.settings, self.sweepSeed) = (settings, sweepSeed)
        }
    }

    /// The specs of one experiment.
    package struct Part {
        package let experiment: String
        /// Where its specs stand among all.
        package let range: Range<Int>
        /// How many more specs had the config of an existing one.
        package let duplicates: Int
        /// The first spec.
        package let example: SpecDraft
    }

    /// How many specs came out with the config of another and are stored once.
    package var duplicates: Int { parts.reduce(0) { $0 + $1.duplicates } }

    /// The note on duplicates for users.
    package var duplicatesNote: String? {
        guard duplicates > 0 else { return nil }
        let are = duplicates == 1 ? "is a duplicate" : "are duplicates"
        return "\(duplicates) of \(plural(specs.count + duplicates, "spec")) \(are) and stored once"
    }

    /// Loads and expands what the command line names.
    ///
    /// - Parameters:
    ///   - experiments: Names or files, separated by commas; none means every published experiment.
    ///   - sweep: The sweep file.
    ///   - settings: Values that hold for every spec, `key=value` each.
    ///   - earlier: What the submission said that this adds to; the new arguments override it.
    ///   - sampling: How many samples to draw; `nil` takes every combination.
    ///   - seed: The seed where the sweep file itself says how many samples there are.
    ///   - project: A W&B project to put into every config.
    ///   - runs: Where runs of W&B's are kept that trained targets.
    /// - Throws: Everything that is wrong with the files.
    package init(
        experiments: [String], sweep: String?, settings: [String] = [], after earlier: Earlier = Earlier(),
        sampling: Sampling? = nil, seed: Int? = nil, project: String?, runs: String
    ) throws(Failure) {
        let sweepFile = sweep.map(Self.locate)
        self.sweepFile = sweepFile
        let selection = Selection(try ExperimentNames.read(experiments))
        configFiles = selection.experiments.flatMap(\.files)
        var problems = selection.problems
        var drafts: [SpecDraft] = []
        var doubts: [String] = []
        var (drawn, search): (Sampling?, SearchSettings?) = (sampling, nil)
        var definition: SearchDefinition?
        var inForce = settings
        let isSeedAskedFor = seed != nil
        let seed = seed ?? earlier.sweepSeed
        sweepSeed = seed
        do throws(ConfigError) {
            var file = try sweepFile.map { (path) throws(ConfigError) in try SweepFile.load(path: path) }
            inForce = try SweepFile.settings(settings, after: earlier.settings, in: file)
            if !inForce.isEmpty { file = try SweepFile.setting(inForce, in: file) }
            if let file {
                doubts = file.doubts.map(\.description)
                (drawn, search) = (file.sampling(sampling, seed: seed ?? 0), file.searchSettings)
                definition = SearchDefinition(file, settings: inForce, seed: drawn?.seed ?? 0)
                if isSeedAskedFor, drawn == nil {
                    problems.append(
                        "--sweep-seed is the seed of samples: give --samples N, or 'method' and 'run_cap: N' in \(file.source)"
                    )
                }
                drafts = try file.expand(
                    experiments: selection.experiments, sampling: sampling, seed: seed ?? 0,
                    besides: selection.unread)
            } else {
                drafts = selection.experiments.map(SpecDraft.init)
            }
        } catch {
            problems.append("\(error)")
        }
        (self.sampling, self.search, self.settings) = (drawn, search, inForce)
        let gathering: SpecBuilder
        do {
            gathering = try SpecBuilder(
                drafts, project: project, runs: runs,
                search: try definition.flatMap { definition in
                    try search.map { (try definition.json(), $0.choosesConfigs) }
                })
        } catch {
            throw Failure(error)
        }
        problems += gathering.problems
        guard problems.isEmpty else { throw .badInput(problems.joined(separator: "\n")) }
        specs = gathering.specs
        self.drafts = gathering.drafts
        parts = gathering.parts
        remoteTargets = gathering.remoteTargets
        observers = gathering.observers.bundles
        observerTrials = gathering.observerTrials
        self.doubts = doubts
    }

    /// Checks the specs whose targets have just been downloaded, as those whose targets were here have been.
    ///
    /// - Throws: What keeps them from being run.
    package func checkDownloads(in runs: String) throws(Failure) {
        guard !remoteTargets.isEmpty else { return }
        var targets = KnownTargets(runs: runs)
        var problems: [String] = []
        for draft in drafts where draft.target == nil {
            do throws(TargetError) {
                guard let target = try targets.config(of: draft.config, training: nil) else { continue }
                for problem in draft.obstacles(decomposing: target) where !problems.contains(problem) {
                    problems.append(problem)
                }
            } catch {
                problems.append(draft.problem("pretrained_model_path", "\(error)"))
            }
        }
        guard problems.isEmpty else { throw .badInput(problems.joined(separator: "\n")) }
    }

    /// The sweep file that a bare `--sweep` means.
    package static let defaultSweepFile = "sweeps/sweep_params.yaml"

    /// The sweep file's path; the default one may also be next to the program's folder.
    private static func locate(_ path: String) -> String {
        guard path == defaultSweepFile, !FileManager.default.fileExists(atPath: path) else {
            return path
        }
        let installed = Program.folder + "/../" + path
        return FileManager.default.fileExists(atPath: installed) ? installed : path
    }
}

/// The experiments that the user names.
private struct Selection {
    private(set) var experiments: [Experiment] = []
    /// Under which names a sweep file may mention those that could not be read.
    private(set) var unread: [String] = []
    private(set) var problems: [String] = []

    init(_ names: [String]) {
        for name in names {
            do throws(ConfigError) {
                experiments.append(try Registry.experiment(named: name))
            } catch {
                problems.append("\(error)")
                unread.append(Experiment.name(ofFile: name))
            }
        }
    }
}
