import Artifacts
import Experiments
import Foundation
package import Store

/// Looks at a state folder the way agents will use it.
///
/// It works in its own process, because a dead file server blocks any process that touches it.
package struct FolderProbe {
    package let cache: CacheFolder
    package let environment: [String: String]

    package init(cache: CacheFolder, environment: [String: String]) {
        self.cache = cache
        self.environment = environment
    }

    private static let patience = Duration.seconds(30)

    /// A child process's findings, within a time limit.
    package static func findings(of cache: CacheFolder, environment: [String: String]) -> [Finding] {
        let child = ChildProcess(
            command: [Program.path, Probe.command, "folder", cache.path], environment: environment)
        do throws(ChildProcess.Trouble) {
            let answer = try child.run(patience: patience)
            do { return try JSONDecoder().decode([Finding].self, from: Data(answer.output)) } catch {
                let said = answer.error.split(whereSeparator: \.isNewline).first ?? "no word of it"
                return [.problem("state folder", "\(cache.path) could not be examined: \(said)", "report this")]
            }
        } catch {
            return [
                .problem(
                    "state folder", "\(cache.path) \(error)",
                    "is its file server up? `stat -f \(cache.path)` should answer at once; else set SPD_CACHE_DIR")
            ]
        }
    }

    /// Everything, in this process.
    package func findings() -> [Finding] {
        let place = existingFolder
        let scratch = CacheFolder.check(named: CacheFolder.checkName("\(getpid())"), in: place)
        guard mkdir(scratch, 0o755) == 0 else {
            let reason = String(cString: strerror(errno))
            return [
                .problem(
                    "state folder", "\(cache.path) cannot be \(place == cache.path ? "written" : "made"): \(reason)",
                    "make \(place) writable, or set SPD_CACHE_DIR to another folder")
            ] + state()
        }
        defer { FileRemoval.discard(scratch) }
        var findings: [Finding] = [
            .ok(
                "state folder",
                cache.path + (place == cache.path ? " is there and writable" : " can be made; the first submit does"))
        ]
        findings.append(fileSystem(place))
        findings += room(place)
        findings += files()
        let uses = ScratchProbe(folder: scratch, environment: environment)
        findings += uses.findings()
        findings += state() + site()
        return findings
    }

    /// The cache folder, or the nearest one above it that exists.
    private var existingFolder: String {
        var path = cache.path
        while access(path, F_OK) != 0, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            path = String(path[..<slash])
        }
        return access(path, F_OK) == 0 ? path : "/"
    }

    private func fileSystem(_ place: String) -> Finding {
        let subject = "file system"
        guard let fileSystem = FileSystem(holding: place) else {
            return .warning(subject, "the kernel does not identify it", "agents treat it as a network file system")
        }
        if ["tmpfs", "ramfs"].contains(fileSystem.name) {
            return .warning(
                subject, "\(fileSystem.name): in this machine's memory, lost on reboot",
                "set SPD_CACHE_DIR to a folder on a disk")
        }
        guard fileSystem.isLocal else {
            return .ok(subject, "\(fileSystem.name), shared between machines: no write-ahead log there")
        }
        let hasSlurm = Program.find("sbatch", environment: environment) != nil
        return .ok(
            subject,
            "\(fileSystem.name), a disk of this machine"
                + (hasSlurm ? "; `orchestrator doctor --slurm` finds out whether nodes see it" : ""))
    }

    private func room(_ place: String) -> [Finding] {
        var info = statvfs()
        guard statvfs(place, &info) == 0 else {
            return [.warning("room", "unknown: \(String(cString: strerror(errno)))", "look at `df \(place)`")]
        }
        let bytes = Int(clamping: UInt64(info.f_bavail) * UInt64(info.f_frsize))
        let files = Int(clamping: UInt64(info.f_favail))
        // Some file systems do not count files.
        let counts = info.f_files > 0
        let text = "\(RunDetails.size(bytes))\(counts ? " and \(files) files" : "") free; a quota may allow less"
        let advice =
            "free some there, or set SPD_CACHE_DIR to another disk; a finished run takes a few MB in five files, "
            + "and one for each set of figures"
        if bytes < 200_000_000 || counts && files < 1000 { return [.problem("room", text, advice)] }
        if bytes < 5_000_000_000 || counts && files < 50_000 { return [.warning("room", text, advice)] }
        return [.ok("room", text)]
    }

    /// Clusters count files: how many the runs have here.
    private func files() -> [Finding] {
        let names: [String]
        do throws(FileError) { names = try FolderListing.names(in: cache.runs) } catch {
            return [.problem("files", "\(error)", "make \(cache.runs) readable")]
        }
        guard !names.isEmpty else { return [] }
        var (count, unread) = (0, 0)
        for name in names {
            do { count += try SizedFile.all(in: cache.runs + "/" + name).count } catch { unread += 1 }
        }
        let text =
            "\(plural(count, "file")) of \(plural(names.count, "run"))"
            + (unread > 0 ? "; \(unread) of them cannot be read" : "")
        // Runs that are not over, and those of earlier versions, have many.
        guard count > 100_000, count > 8 * names.count else { return [.ok("files", text)] }
        return [
            .warning(
                "files", text,
                "`orchestrator clean --figures` and `clean --spools` show what can be deleted; `orchestrator sync` leaves one file "
                    + "of a run's W&B data")
        ]
    }

    private func state() -> [Finding] {
        do throws(StoreError) {
            guard let store = try Store.existing(cache, for: .looking) else { return [] }
            let jobs = try store.jobs().count
            var findings: [Finding] = [.ok("state file", "\(store.path) can be read: \(plural(jobs, "job"))")]
            if let obstacle = cache.obstacle { findings.append(Self.problem(StoreError(obstacle))) }
            if let original = store.original {
                findings.append(
                    .warning(
                        "state file", "the cache is a copy of \(original.path): their runs have the same W&B ids",
                        "send from only one of them"))
            }
            return findings
        } catch {
            return [Self.problem(error)]
        }
    }

    private static func problem(_ error: StoreError) -> Finding {
        let parts = "\(error)".split(separator: ": ", maxSplits: 1).map(String.init)
        return .problem("state file", parts[0], parts.count > 1 ? parts[1] : "look at its folder")
    }

    private func site() -> [Finding] {
        let path = SiteFile.path(in: cache)
        guard access(path, F_OK) == 0 else { return [] }
        do throws(Failure) {
            let site = try SiteFile.read(cache: cache)
            let keys = site.resources.keys.sorted().joined(separator: ", ")
            return [.ok("site file", "\(path) sets \(keys.isEmpty ? "no resources" : keys)")]
        } catch {
            return error.message.split(whereSeparator: \.isNewline).map {
                .problem("site file", String($0), "correct that line")
            }
        }
    }
}
