import Artifacts
package import Experiments
import Foundation
import JSON
import Metrics
package import Store
package import WandB

/// A run with its spec, its attempts and its files.
package struct RunDetails {
    package let run: Run
    package let spec: Spec
    package let config: ExperimentConfig
    /// The config as shown, with null for settings not chosen yet.
    private let known: ConfigValue
    package let attempts: [(attempt: Attempt, agent: Agent?)]
    package let files: [SizedFile]
    /// Where the job keeps what it was submitted from.
    package let snapshot: String
    package let page: RunPage?
    /// Whether the run is over and W&B lacks something of it.
    package let isUnsent: Bool
    /// How well the target's features were recovered, or why that is not known.
    private let recovery: Result<RecoveryReport?, Failure>

    package init(
        startingWith name: String, in store: Store, cache: CacheFolder, environment: [String: String]
    ) throws {
        run = try store.run(store.run(startingWith: name.lowercased()))
        spec = try store.spec(of: run.id)
        config = try ExperimentConfig.load(yaml: spec.config, source: "the spec of run \(run.id)")
        known = try config.value.known(from: spec)
        let agents = Dictionary(grouping: try store.agents(of: run.job), by: \.id)
        attempts = try store.attempts(at: run.id).map { ($0, agents[$0.agent]?.first) }
        files = try SizedFile.all(in: run.folder.path)
        snapshot = try store.job(run.job).folder.snapshot
        page = try RunPage(folder: run.folder.spool)
        let kept = try SpoolFiles(folder: run.folder.spool, offlineFolders: cache.wandb)
        isUnsent = run.status.isSettled && kept?.isSent == false
        let (run, config) = (run, config)
        recovery = Result { () throws(Failure) in try RecoveryReport.told(of: run, config, environment: environment) }
    }

    /// For people.
    package func text(_ style: TerminalStyle) throws -> String {
        var lines = [style.paint("Run \(run.id) (job \(run.job), \(run.experiment)): \(state)", .bold)]
        let settings = try Overrides(json: run.overrides).text()
        if !settings.isEmpty { lines.append("Settings: \(settings)") }
        lines.append("Step: \(run.progress.step) of \(run.progress.steps)" + speed)
        if let started = run.started { lines.append("Started: \(Self.date(started))") }
        if let ended = run.ended { lines.append("Ended: \(Self.date(ended))") }
        if let note = run.note { lines.append("Note: \(note)") }
        if !run.tags.isEmpty { lines.append("Tags: " + run.tags.joined(separator: " ")) }
        if run.isHeld { lines.append("Held: `orchestrator release \(run.id)` lets it go on") }
        if run.priority != 0 { lines.append("Priority: \(run.priority)") }
        if let page { lines.append("W&B: \(page.url)") }
        if isUnsent {
            lines.append(
                style.paint("W&B does not have all of it yet: `orchestrator sync \(run.id)` sends it", .yellow))
        }
        if let error = run.error { lines.append(style.paint("Error: ", .red) + error) }
        let numbers = run.metrics.isEmpty ? run.progress.losses : run.metrics
        if !numbers.isEmpty {
            lines += ["", style.paint(run.metrics.isEmpty ? "Latest losses" : "Final metrics", .bold)]
            lines += numbers.sorted { $0.key < $1.key }.map { "  \($0.key): \($0.value)" }
        }
        switch recovery {
        case .success(let found?): lines += ["", style.paint("Recovery of features", .bold)] + found.lines
        case .success(nil): break
        case .failure(let reason): lines += ["", "Recovery of features: unknown, \(reason.message)"]
        }
        if !attempts.isEmpty { lines += [""] + attemptLines(style) }
        lines += ["", style.paint("Config", .bold)] + known.yaml.split(separator: "\n").map { "  " + $0 }
        let source = FolderListing.isMissing(snapshot) ? "no longer known, \(snapshot) is gone" : "see \(snapshot)"
        lines += ["", style.paint("Submitted from", .bold) + ": \(source)"]
        let isGone = run.attempt > 0 && FolderListing.isMissing(run.folder.path)
        lines +=
            ["", style.paint("Files", .bold) + (isGone ? ": \(run.folder.path) is gone" : " in \(run.folder.path)")]
            + fileLines
        return lines.joined(separator: "\n") + "\n"
    }

    /// The run's own files one by one, those of a folder together.
    private var fileLines: [String] {
        let own = files.filter { !$0.name.contains("/") }.map { "  \($0.name)  \(Self.size($0.bytes))" }
        let folders = Dictionary(grouping: files.filter { $0.name.contains("/") }) { $0.name.prefix { $0 != "/" } }
        return own
            + folders.sorted { $0.key < $1.key }.map { name, files in
                let bytes = files.reduce(0) { $0 + $1.bytes }
                return "  \(name)/  \(plural(files.count, "file")), \(Self.size(bytes))"
            }
    }

    private var state: String {
        run.status.rawValue + (run.attempt > 1 ? " (attempt \(run.attempt))" : "")
    }

    private var speed: String {
        guard run.status == .running, let speed = run.progress.stepsPerSecond else { return "" }
        return String(format: ", %.1f steps/s", speed) + (run.remaining.map { ", \(StatusText.time($0)) left" } ?? "")
    }

    private func attemptLines(_ style: TerminalStyle) -> [String] {
        var table = TextTable([
            ("ATTEMPT", .right), ("AGENT", .left), ("NODE", .left), ("STARTED", .left), ("TOOK", .right),
            ("OUTCOME", .left), ("", .left),
        ])
        for (attempt, agent) in attempts {
            table.add([
                .init(String(attempt.number)), .init(agent.map { "\($0.job).\($0.number)" } ?? ""),
                .init(agent?.host ?? ""), .init(Self.date(attempt.started)),
                .init(attempt.ended.map { StatusText.time($0 - attempt.started) } ?? ""),
                .init(attempt.outcome?.rawValue ?? "goes on"), .init(attempt.reason ?? "", .dim),
            ])
        }
        return table.lines(style)
    }

    private static func date(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: time.rawValue.rounded(.down)).ISO8601Format()
    }

    /// `512 B`, `3.4 kB`, `1.2 MB`.
    package static func size(_ bytes: Int) -> String { ByteCount.words(bytes) }
}

extension RunDetails {
    /// For programs: keys are only ever added.
    package func json() throws -> String {
        try JSONText.encode(
            WholeReport(
                own: Report(
                    job: run.job.rawValue, run: JobReport.RunReport(run), config: EncodableConfig(known),
                    attempts: attempts.map(Report.AttemptReport.init),
                    files: files.map { Report.File(name: $0.name, bytes: $0.bytes) }, wandbUrl: page?.url,
                    isUnsent: isUnsent, hasTokens: config.taskConfig.hasTokens ? true : nil),
                recovery: RecoveryMembers(recovery, of: config.taskConfig.name)))
    }

    /// The members of both beside each other.
    private struct WholeReport: Encodable {
        let own: Report
        let recovery: RecoveryMembers

        func encode(to encoder: any Encoder) throws {
            try own.encode(to: encoder)
            try recovery.encode(to: encoder)
        }
    }

    private struct Report: Encodable {
        struct AttemptReport: Encodable {
            let attempt: Int
            let agent: Int64
            let host: String?
            let slurmJobId: Int64?
            let started: Double
            let leaseUntil: Double
            let ended: Double?
            let outcome: String?
            let reason: String?

            init(_ attempt: Attempt, _ agent: Agent?) {
                self.attempt = attempt.number
                self.agent = attempt.agent.rawValue
                host = agent?.host
                slurmJobId = agent?.slurm.job
                started = attempt.started.rawValue
                leaseUntil = attempt.leaseUntil.rawValue
                ended = attempt.ended?.rawValue
                outcome = attempt.outcome?.rawValue
                reason = attempt.reason
            }
        }
        struct File: Encodable {
            let name: String
            let bytes: Int
        }
        let job: Int64
        let run: JobReport.RunReport
        let config: EncodableConfig
        let attempts: [AttemptReport]
        let files: [File]
        let wandbUrl: String?
        let isUnsent: Bool
        /// That `explain` can be asked which subcomponents matter at which tokens; nil where it cannot.
        let hasTokens: Bool?
    }
}

extension ConfigValue {
    /// The config of a spec as far as it is known.
    fileprivate func known(from spec: Spec) throws(JSONError) -> ConfigValue {
        spec.knownConfig == spec.config ? self : known(as: try JSONValue(parsing: spec.knownConfig))
    }

    private func known(as other: JSONValue) -> ConfigValue {
        guard case .map(let entries) = self, case .object(let members) = other else {
            return other == .null ? .null : self
        }
        guard !members.isEmpty else { return .map([]) }
        return .map(entries.map { entry in Entry(entry.key, other[entry.key].map(entry.value.known) ?? entry.value) })
    }
}

/// A config's value as an encoder takes it; its keys keep their names.
package struct EncodableConfig: Encodable {
    private let value: ConfigValue

    package init(_ value: ConfigValue) { self.value = value }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch value {
        case .null: try container.encodeNil()
        case .bool(let bool): try container.encode(bool)
        case .int(let int): try container.encode(int)
        case .number(let number): try container.encode(number)
        case .string(let string): try container.encode(string)
        case .list(let list): try container.encode(list.map(EncodableConfig.init))
        case .map(let entries):
            // The encoder changes the names of keyed containers' keys, but not those of dictionaries.
            try container.encode(
                Dictionary(entries.map { ($0.key, EncodableConfig($0.value)) }) { _, last in last })
        }
    }
}
