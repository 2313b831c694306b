package import Slurm

/// Whether SLURM is there and answers, and how it is set up.
package struct SlurmCheck {
    package let commands: SlurmCommands
    package let environment: [String: String]
    /// Whether the user counts on it.
    package let isWanted: Bool

    package init(commands: SlurmCommands, environment: [String: String], isWanted: Bool) {
        self.commands = commands
        self.environment = environment
        self.isWanted = isWanted
    }

    private static let subject = "SLURM"

    package func findings() async -> [Finding] {
        guard commands.isInstalled else {
            return isWanted
                ? [
                    .problem(
                        Self.subject, "there is no sbatch on PATH",
                        "load your site's SLURM module, or leave out --slurm: agents run on this machine")
                ]
                : [.ok(Self.subject, "there is none here: agents run on this machine")]
        }
        do throws(SlurmError) {
            let version = try await commands.version()
            let needed = ["squeue", "scancel", "scontrol"] + (isWanted ? ["srun"] : [])
            let missing = needed.filter {
                Program.find($0, environment: environment) == nil
            }
            guard missing.isEmpty else {
                return [
                    .problem(
                        Self.subject, "\(version) lacks \(missing.joined(separator: ", "))",
                        "install the rest of SLURM's clients (Debian: slurm-client)")
                ]
            }
            try await commands.ping()
            let settings = try await commands.settings()
            let partitions = try await commands.partitions()
            return [.ok(Self.subject, "\(version), its controller answers"), Self.limits(settings)]
                + [Self.requeueing(settings)].compactMap(\.self) + Self.partitions(partitions, environment)
        } catch {
            let level: Finding.Level = isWanted ? .problem : .warning
            return [
                Finding(
                    level: level, subject: Self.subject, message: "\(error)",
                    advice: Self.isMissing(error)
                        ? "without it, `submit` starts agents on this machine"
                        : "until it answers, `submit` starts no agents but with --executor local")
            ]
        }
    }

    /// Whether there is no SLURM here, whatever its commands are for.
    private static func isMissing(_ error: SlurmError) -> Bool {
        if case .notConfigured = error { true } else { false }
    }

    private static func limits(_ settings: [String: String]) -> Finding {
        let names = ["MaxArraySize", "MaxJobCount", "MinJobAge", "KillWait", "DefMemPerCPU", "DefMemPerNode"]
        let set = names.compactMap { name in settings[name].map { "\(name) \($0)" } }
        return .ok("SLURM limits", set.isEmpty ? "none are told" : set.joined(separator: ", "))
    }

    private static func requeueing(_ settings: [String: String]) -> Finding? {
        guard settings["JobRequeue"] == "0" else { return nil }
        return .ok("SLURM requeue", "off by default; agents' scripts ask for it")
    }

    private static func partitions(_ partitions: [SlurmPartition], _ environment: [String: String]) -> [Finding] {
        func text(_ partition: SlurmPartition) -> String {
            let name = partition["PartitionName"] ?? "?"
            return "\(name): \(partition["TotalNodes"] ?? "?") nodes, \(partition["TotalCPUs"] ?? "?") CPUs, at most "
                + "\(partition["MaxTime"] ?? "?")"
        }
        let others = partitions.compactMap { $0["PartitionName"] }.joined(separator: ", ")
        if let wanted = environment["SBATCH_PARTITION"] ?? environment["SLURM_PARTITION"] {
            let named = wanted.split(separator: ",").map(String.init)
            let unknown = named.filter { name in !partitions.contains { $0["PartitionName"] == name } }
            if !unknown.isEmpty {
                return [
                    .problem(
                        "partition", "the environment names '\(unknown.joined(separator: ", "))', which is unknown",
                        "the partitions are \(others)")
                ]
            }
        }
        guard let usual = partitions.first(where: { $0["Default"] == "YES" }) else {
            return [.warning("partition", "there is no default; there are \(others)", "put one into site.yaml")]
        }
        guard usual["State"] == "UP" else {
            return [
                .warning(
                    "partition", "the default one, \(usual["PartitionName"] ?? "?"), is \(usual["State"] ?? "?")",
                    "choose another with --partition: \(others)")
            ]
        }
        return [.ok("partition", "\(text(usual)) (the default of \(others))")]
    }
}
