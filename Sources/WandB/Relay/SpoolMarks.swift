import Glibc

/// A fingerprint of a run's tracking folder: equal marks mean that nothing was written.
///
/// Taken by a few `stat` calls, because thousands of folders on a network file system are looked at again and
/// again.
struct SpoolMarks: Codable, Equatable, Sendable {
    /// Bytes of each append-only file.
    private var sizes: [Int]
    /// The times of `run.json` and `exit.json`, in nanoseconds since 1970, or 0 without them.
    private var times: [Int]

    init(of folder: SpoolFolder) {
        sizes = SpoolFolder.Stream.allCases.map { Self.information(folder.path(of: $0))?.size ?? 0 }
        times = Self.times(of: folder)
        for _ in 1..<SpoolFolder.looks where times[0] == 0 {
            if let pack = Self.information(folder.packPath) {
                // Over, and folded.
                sizes[0] = pack.size
                times = [pack.time, pack.time]
            } else {
                // It may have been unfolded between the two looks.
                times = Self.times(of: folder)
            }
        }
    }

    private static func times(of folder: SpoolFolder) -> [Int] {
        ["run.json", "exit.json"].map { information(folder.path + "/" + $0)?.time ?? 0 }
    }

    /// Whether there is a run at all.
    var hasRun: Bool { times[0] != 0 }
    /// Whether some session of the run has ended.
    var hasExit: Bool { times[1] != 0 }

    /// About how many requests all of it takes: what the server has, the run, its lines, its files.
    var requests: Int {
        let files = sizes[SpoolFolder.Stream.allCases.firstIndex(of: .files) ?? 0]
        // A line of the list of files takes about a hundred bytes.
        return 3 + (sizes.reduce(0, +) - files) / (10 << 20) + (files > 0 ? 1 + files / 100 : 0)
    }

    private static func information(_ path: String) -> (size: Int, time: Int)? {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        return (Int(info.st_size), Int(info.st_mtim.tv_sec) * 1_000_000_000 + Int(info.st_mtim.tv_nsec))
    }
}

extension SpoolFolder {
    /// The marks at which a relay had sent everything of a run that was not over.
    func relayed() throws(SpoolError) -> SpoolMarks? { try read("relayed.json") }
    func write(_ marks: SpoolMarks) throws(SpoolError) { try write(marks, to: "relayed.json") }
}
