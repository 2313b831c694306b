package import Slurm
package import Store

/// Checks agents' requests against SLURM's own settings, before anything is submitted.
///
/// Many versions take jobs that no node can run, and let them wait forever.
package struct SlurmFit {
    /// Expected problems.
    package private(set) var notes: [String] = []
    /// The memory that an agent gets which asks for none.
    package private(set) var defaultMemory: MemoryRoom?

    /// Looks at the partition that agents are to run in; what SLURM does not say is unknown.
    package init(_ options: JobOptions, _ slurm: SlurmCommands) async {
        let partitions: [SlurmPartition]
        do throws(SlurmError) { partitions = try await slurm.partitions() } catch { return }
        let wanted = options.resources["partition"]?.split(separator: ",").map(String.init)
        let chosen = partitions.filter { partition in
            wanted.map { $0.contains(partition["PartitionName"] ?? "") } ?? (partition["Default"] == "YES")
        }
        guard !chosen.isEmpty else { return }
        let names = chosen.compactMap { $0["PartitionName"] }
        let place = "partition " + names.joined(separator: ", ")
        if let time = options.resources["time"], let limit = SlurmTime.duration(time) {
            let most = chosen.map { $0["MaxTime"].flatMap(SlurmTime.duration) ?? .seconds(Int64.max / 2) }.max()
            if let most, limit > most {
                notes.append(
                    "--time \(time) is more than \(place) gives (\(chosen.compactMap { $0["MaxTime"] }[0])): agents may "
                        + "wait forever")
            }
        }
        await compare(options, names, place, slurm)
        await findDefaultMemory(options, chosen, slurm)
    }

    private mutating func compare(
        _ options: JobOptions, _ names: [String], _ place: String, _ slurm: SlurmCommands
    ) async {
        let kinds: [SlurmNodeKind]
        do throws(SlurmError) { kinds = try await slurm.nodeKinds().filter { names.contains($0.partition) } } catch {
            return
        }
        if let cores = options.resources["cpus-per-task"].flatMap({ Int($0) }), let most = kinds.map(\.cores).max(),
            cores > most
        {
            notes.append(
                "an agent asks for \(plural(cores, "core")), but no node of \(place) has more than \(most): it may wait "
                    + "forever (--slots, --threads, --cpus-per-task)")
        }
        if let text = options.resources["mem"], let bytes = MemoryRoom.bytes(text),
            let most = kinds.map(\.megabytes).max(), bytes > most << 20
        {
            notes.append(
                "--mem \(text) is more than any node of \(place) has (\(RunDetails.size(most << 20))): agents will not "
                    + "start")
        }
    }

    private mutating func findDefaultMemory(
        _ options: JobOptions, _ chosen: [SlurmPartition], _ slurm: SlurmCommands
    ) async {
        guard chosen.count == 1, options.resources["mem"] == nil,
            !options.sbatchArguments.contains(where: { $0.hasPrefix("--mem") || $0.hasPrefix("--exclusive") })
        else { return }
        func find(in words: [String: String]) -> (name: String, megabytes: Int)? {
            ["DefMemPerNode", "DefMemPerCPU"].lazy.compactMap { name in
                words[name].flatMap { Int($0) }.map { (name, $0) }
            }.first { $0.1 > 0 }
        }
        let found: (name: String, megabytes: Int)?
        do throws(SlurmError) {
            if let own = find(in: chosen[0]) { found = own } else { found = find(in: try await slurm.settings()) }
        } catch {
            return
        }
        guard let found else { return }
        let cores = options.resources["cpus-per-task"].flatMap { Int($0) } ?? 1
        let megabytes = found.name == "DefMemPerCPU" ? found.megabytes * max(1, cores) : found.megabytes
        defaultMemory = MemoryRoom(
            perRun: megabytes << 20, owner: "SLURM's default without --mem (\(found.name) \(found.megabytes))",
            isSure: false)
    }
}
