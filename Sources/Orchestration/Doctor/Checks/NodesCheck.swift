import Artifacts
import Experiments
import Foundation
package import Slurm
package import Store

/// Whether two nodes see each other's files and locks, found out by a batch job of seconds.
package struct NodesCheck {
    package let cache: CacheFolder
    package let commands: SlurmCommands
    /// How long the job may wait for its nodes and take.
    package let patience: Duration

    package init(cache: CacheFolder, commands: SlurmCommands, patience: Duration) {
        self.cache = cache
        self.commands = commands
        self.patience = patience
    }

    private static let subject = "nodes"

    package func findings() async -> [Finding] {
        let name = CacheFolder.checkName(UUID().uuidString.prefix(8).lowercased())
        let folder = CacheFolder.check(named: name, in: cache.path)
        let isNew = access(cache.path, F_OK) != 0
        defer {
            FileRemoval.discard(folder)
            if isNew { rmdir(cache.path) }
        }
        do {
            try storing { () throws(FileError) in try DurableFile.createFolder(folder) }
            try FileCopy.make(of: Program.path, at: folder + "/orchestrator", mode: 0o755)
            let script = try script(name: name, folder: folder)
            try storing { () throws(FileError) in try DurableFile.write(script, to: folder + "/job.sh") }
            _ = try await commands.submit(scriptAt: folder + "/job.sh", name: name)
        } catch let error as SlurmError {
            return [
                .warning(
                    Self.subject, "SLURM does not accept a job on two nodes: \(error)",
                    "name a partition with two nodes in \(SiteFile.path(in: cache)), or ask the site's admins")
            ]
        } catch {
            return [.problem(Self.subject, Failure(error).message, "fix the state folder first")]
        }
        let findings = await wait(for: name, in: NodesMeeting(folder: folder))
        // The rest of it in the queue is no longer needed.
        do throws(SlurmError) { try await commands.cancel(named: name) } catch {
            return findings + [
                .warning(Self.subject, "job \(name) may still be queued: \(error)", "scancel -n \(name)")
            ]
        }
        return findings
    }

    private func script(name: String, folder: String) throws(Failure) -> String {
        let site = try SiteFile.read(cache: cache)
        // Agents' sizes and hours are not asked for: two small tasks start sooner.
        let kept = ["partition", "account", "qos", "constraint", "exclude"]
        let resources = kept.compactMap { key in site.resources[key].map { "#SBATCH --\(key)=\($0)" } }
        return
            (["#!/bin/sh"] + resources + [
                "#SBATCH --job-name=\(name)", "#SBATCH --nodes=2", "#SBATCH --ntasks=2",
                "#SBATCH --ntasks-per-node=1", "#SBATCH --time=2", "#SBATCH --chdir=/", "#SBATCH --no-requeue",
                "#SBATCH --output=/dev/null",
                "cd '\(folder.replacing("'", with: "'\\''"))' && exec srun --output=log ./orchestrator \(Probe.command) node .",
            ]).joined(separator: "\n") + "\n"
    }

    private func wait(for name: String, in meeting: NodesMeeting) async -> [Finding] {
        var end = ContinuousClock.now + patience
        var isRunning = false
        var reason = "not known to the queue"
        while .now < end {
            do {
                try await Task.sleep(for: .milliseconds(500))
                if let done = meeting.note("done") { return Self.findings(done, meeting) }
                if let trouble = meeting.note("held")?.trouble ?? meeting.note("looked")?.trouble {
                    return [Self.problem(meeting, trouble)]
                }
                // One question every few seconds: a job of two nodes rarely starts at once.
                let entries = try await commands.queue(named: name)
                guard let entry = entries.first(where: { !$0.state.isFinal }) else {
                    return try await afterTheEnd(meeting)
                }
                reason = "\(entry.state) (\(entry.reason))"
                if !isRunning, entry.state == .running {
                    isRunning = true
                    end = .now + NodesMeeting.patience * 2
                }
                try await Task.sleep(for: .seconds(isRunning ? 1 : 3))
            } catch {
                reason = "\(error)"
            }
        }
        return [
            .warning(
                Self.subject, "did not get two nodes within \(StatusText.time(patience)): the job is \(reason)",
                "try again later, or with a longer --wait")
        ]
    }

    /// The job is over; its notes may take a while to be seen here.
    private func afterTheEnd(_ meeting: NodesMeeting) async throws -> [Finding] {
        let isLocal = FileSystem(holding: meeting.folder)?.isLocal ?? false
        let end = ContinuousClock.now + (isLocal ? .seconds(3) : NodesMeeting.patience)
        while .now < end {
            if let done = meeting.note("done") { return Self.findings(done, meeting) }
            try await Task.sleep(for: .milliseconds(500))
        }
        return [ended(meeting)]
    }

    /// The job is over and this machine has not seen its results.
    private func ended(_ meeting: NodesMeeting) -> Finding {
        let log = FileManager.default.contents(atPath: meeting.folder + "/log").map {
            String(decoding: $0, as: UTF8.self)
        }
        if let said = log?.split(whereSeparator: \.isNewline).last { return Self.problem(meeting, String(said)) }
        return .problem(
            Self.subject,
            "the job has ended and left nothing here: the nodes do not see \(cache.path) as this machine does",
            "set SPD_CACHE_DIR to a folder that all nodes share under the same path")
    }

    private static func problem(_ meeting: NodesMeeting, _ trouble: String) -> Finding {
        let hosts = [meeting.note("held")?.host, meeting.note("looked")?.host].compactMap(\.self)
        let who = hosts.isEmpty ? "" : " (\(hosts.joined(separator: ", ")))"
        return .problem(
            subject, "two nodes\(who) do not share the folder: \(trouble)",
            "set SPD_CACHE_DIR to a folder that all nodes share under the same path")
    }

    private static func findings(_ done: NodesMeeting.Note, _ meeting: NodesMeeting) -> [Finding] {
        guard let first = meeting.note("held"), let held = done.held, let free = done.free else {
            return [problem(meeting, "their notes are incomplete")]
        }
        guard first.host != done.host else {
            return [
                .warning(subject, "both tasks ran on \(done.host)", "name a partition with several nodes in site.yaml")
            ]
        }
        var findings = [Finding.ok(subject, "\(first.host), \(done.host) and this machine see the same files")]
        findings.append(
            held.problem(expected: .held, subject: "node locks", other: done.host)
                ?? free.problem(expected: .free, subject: "node locks", other: done.host)
                ?? .ok("node locks", "\(done.host) sees \(first.host)'s locks, and their release"))
        if done.isFresh == false, held == .held {
            findings.append(
                .problem(
                    "node files",
                    "\(done.host) keeps reading old data after \(first.host)'s changes: this would damage the state",
                    "mount it so that taking a lock refreshes a node's cache (NFS does, FUSE with direct_io), or set "
                        + "SPD_CACHE_DIR to another file system"))
        }
        if let python = done.python { findings.append(.ok("node Python", "\(done.host): \(python)")) }
        findings.append(Self.sight(done.delay ?? 0, first.host, done.host))
        return findings
    }

    /// The finding when one node saw another's file this many seconds after it was written, by two clocks.
    private static func sight(_ delay: Double, _ first: String, _ second: String) -> Finding {
        if delay < -1 { return ScratchProbe.clock(delay, of: second, subject: "node clocks") }
        guard delay > 5 else {
            return .ok("node clocks", "a file from \(first) is seen within \(StatusText.time(.seconds(max(1, delay))))")
        }
        return .warning(
            "node clocks", "\(second) saw a file from \(first) after \(StatusText.time(.seconds(delay))) by its clock",
            "if the clocks agree, this is NFS caching (mount option actimeo): agents wait that long for each other")
    }
}
