import Foundation
public import Layout
public import Slurm
public import Store

extension SlurmEnding {
    /// What an entry in SLURM's queue says about an agent that ended badly; `nil` if it continues or ended well.
    public init?(_ entry: QueueEntry) {
        guard entry.state.isFinal, entry.state.rawValue != "COMPLETED" else { return nil }
        self.init(
            name: entry.name, number: entry.job.rawValue, arrayJob: entry.arrayJob.rawValue,
            state: entry.state.rawValue,
            reason: entry.reason, nodes: entry.nodes)
    }

    /// What an entry in SLURM's queue says about an agent that ended badly, and what SLURM has written into its log.
    ///
    /// Where SLURM itself watches over memory, the queue says no more than that the program was killed.
    public init?(_ entry: QueueEntry, logsIn folder: JobFolder) {
        guard let ending = SlurmEnding(entry) else { return nil }
        let isDoubtful = ["FAILED", "CANCELLED"].contains(ending.state) && !ending.nodes.isEmpty
        guard isDoubtful, Self.tellsOfMemory(folder.log(ofSlurms: ending.name)) else {
            self = ending
            return
        }
        self.init(
            name: ending.name, number: ending.number, arrayJob: ending.arrayJob, state: ending.state,
            reason: "OutOfMemory", nodes: ending.nodes)
    }

    /// Whether the last lines of a log are SLURM's, that it or the kernel has killed for memory.
    private static func tellsOfMemory(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { file.closeFile() }
        do {
            let end = try file.seekToEnd()
            try file.seek(toOffset: end > 4096 ? end - 4096 : 0)
            let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self).lowercased()
            return text.split(whereSeparator: \.isNewline).suffix(8).contains { line in
                line.hasPrefix("slurmstepd")
                    && ["memory limit", "oom-kill", "oom_kill", "oom killed", "out of memory"].contains {
                        line.contains($0)
                    }
            }
        } catch {
            // Then the queue's words have to do.
            return false
        }
    }

    /// SLURM's words for it: `FAILED, BadConstraints`.
    public var words: String { ["", "None"].contains(reason) ? state : "\(state), \(reason)" }

    /// The same in plain words, if known.
    ///
    /// - Parameter hasSpoken: Whether the agent had reported before: then its node has started it.
    /// - Returns: The words.
    public func meaning(hasSpoken: Bool) -> String? { cause(hasSpoken: hasSpoken)?.meaning }

    /// Whether the next agent is likely to end the same way, if it asks for the same.
    public func willRecur(hasSpoken: Bool) -> Bool { cause(hasSpoken: hasSpoken)?.recurs ?? false }

    /// Whether an agent that had reported ended for a reason unrelated to what it ran, so another one
    /// may do better.
    public var mayBeReplaced: Bool {
        ["FAILED", "NODE_FAIL", "BOOT_FAIL", "TIMEOUT", "PREEMPTED"].contains(state) && !willRecur(hasSpoken: true)
    }

    private struct Cause {
        let meaning: String
        var recurs = false
    }

    private func cause(hasSpoken: Bool) -> Cause? {
        let word = String(reason.prefix { $0.isLetter })
        // SLURM says so too when somebody kills the program of a job.
        if hasSpoken, word == "JobLaunchFailure" { return Cause(meaning: "its program was killed") }
        return Self.causes[word] ?? Self.causes[state]
    }

    private static let memory = Cause(
        meaning: "it used more memory than SLURM allowed; raise --mem, or use fewer --slots", recurs: true)

    /// By SLURM's reason, or its state.
    private static let causes: [String: Cause] = [
        "AccountingPolicy": Cause(meaning: "a limit of the account forbids it", recurs: true),
        "BadConstraints": Cause(meaning: "no node has what it asks for", recurs: true),
        "BOOT_FAIL": Cause(meaning: "its node did not boot"),
        "CANCELLED": Cause(meaning: "somebody cancelled it in SLURM"),
        "DEADLINE": Cause(meaning: "its deadline had passed", recurs: true),
        "InactiveLimit": Cause(meaning: "SLURM considered it inactive"),
        "JobLaunchFailure": Cause(
            meaning: "its node could not start it: does the node see the folders of the job and of its log?",
            recurs: true),
        "NODE_FAIL": Cause(meaning: "its node failed"),
        "NodeDown": Cause(meaning: "its node failed"),
        "NonZeroExitCode": Cause(meaning: "its program ended with an error"),
        "OUT_OF_MEMORY": memory, "OutOfMemory": memory,
        "PREEMPTED": Cause(meaning: "jobs of a higher priority took its node"),
        "Prolog": Cause(meaning: "the node's prolog failed", recurs: true),
        "RaisedSignal": Cause(meaning: "a signal ended its program"),
        "REVOKED": Cause(meaning: "another cluster of the federation has taken it"),
        "SystemFailure": Cause(meaning: "SLURM itself failed"),
        "TIMEOUT": Cause(meaning: "it was still running at its time limit"),
    ]
}

extension [SlurmEnding] {
    /// A line for each way in which agents ended, the most frequent first: `3 agents: FAILED, BadConstraints (…)`.
    ///
    /// - Parameters:
    ///   - spoken: SLURM's numbers for the agents that reported before their end.
    ///   - lookAt: What else to look at, given one of the agents' endings.
    /// - Returns: The lines.
    public func lines(spoken: Set<Int64>, _ lookAt: (SlurmEnding) -> String? = { _ in nil }) -> [String] {
        Dictionary(grouping: self, by: \.words).sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }
            .map { words, endings in
                let names = endings.prefix(3).map(\.name).joined(separator: ", ") + (endings.count > 3 ? ", …" : "")
                let nodes = Set(endings.map(\.nodes)).filter { !$0.isEmpty }.sorted()
                let place = nodes.isEmpty ? "" : " on " + nodes.prefix(3).joined(separator: ", ")
                var line = "\(endings.count) agent\(endings.count == 1 ? "" : "s"): \(words)"
                if let meaning = endings[0].meaning(hasSpoken: spoken.contains(endings[0].number)) {
                    line += ": \(meaning)"
                }
                line += " (SLURM's \(names)\(place))"
                if let hint = lookAt(endings[0]) { line += "; \(hint)" }
                return line
            }
    }
}
