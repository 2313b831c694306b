import Foundation
package import Store

/// A job with its runs' files in one file, which is a cache folder of its own: `state.sqlite`, `jobs/N`, `runs/…`.
package enum JobArchive {
    /// Writes a finished job's archive; nothing of the job is changed.
    ///
    /// The file appears only when it is whole.
    ///
    /// - Parameters:
    ///   - id: The job.
    ///   - path: The file to make: `….tar.zst`, or `….tar`.
    ///   - state: Where the job is.
    /// - Returns: The archive's size in bytes.
    /// - Throws: ``Failure`` for a job that goes on, a file that is there, and whatever `tar` has to say.
    package static func write(_ id: JobID, to path: String, in state: OpenStore) throws -> Int {
        let snapshot = try state.store.snapshot(of: id)
        guard snapshot.counts.settled == snapshot.counts.total else {
            throw Failure.badInput(
                "job \(id) is not finished (\(StatusText.counts(snapshot.counts))); an archive is of what is over")
        }
        let file = URL(filePath: path).path
        try checkName(file)
        guard Files.isMissing(file) else { throw Failure.badInput("\(path) exists; name a new file") }
        let aside = try temporaryFolder()
        defer { Files.discard(aside) }
        try state.store.copy(of: id, to: aside + "/state.sqlite")
        let folders = ["jobs/\(id)"] + snapshot.runs.map { "runs/\($0.id)" }
        let names = folders.filter { !Files.isMissing(state.cache.path + "/" + $0) }
        try Files.write(names.joined(separator: "\n") + "\n", to: aside + "/names")
        let unfinished = file + ".unfinished-\(UUID().uuidString.prefix(8))"
        do {
            try tar(
                ["-c"] + compression(file) + [
                    "-f", unfinished, "-C", aside, "state.sqlite", "-C", state.cache.path, "--verbatim-files-from",
                    "-T",
                    aside + "/names",
                ], environment: state.environment)
            try Files.publish(unfinished, as: file)
        } catch {
            Files.discard(unfinished)
            throw error
        }
        var info = stat()
        return stat(file, &info) == 0 ? Int(info.st_size) : 0
    }

    /// Unpacks an archive into a folder of its own, which is the caller's to remove.
    ///
    /// - Throws: ``Failure`` for a file that is no archive of a job, or is cut short.
    package static func unpack(_ path: String, environment: [String: String]) throws(Failure) -> CacheFolder {
        let file = URL(filePath: path).path
        guard !Files.isMissing(file) else { throw .badInput("there is no file \(path)") }
        try checkName(file)
        let folder = try temporaryFolder()
        do throws(Failure) {
            try tar(
                ["-x", "--no-same-owner"] + compression(file) + ["-f", file, "-C", folder], environment: environment)
            guard !Files.isMissing(folder + "/state.sqlite") else {
                throw .badInput("\(path) is no archive of a job: it holds no state.sqlite")
            }
        } catch {
            Files.discard(folder)
            throw .badInput("\(path) cannot be read: \(error.message)")
        }
        return CacheFolder(path: folder)
    }

    private static func checkName(_ file: String) throws(Failure) {
        guard file.hasSuffix(".tar.zst") || file.hasSuffix(".tar") else {
            throw .badInput("\(file): expected a name that ends in .tar.zst or .tar")
        }
    }

    private static func compression(_ file: String) -> [String] { file.hasSuffix(".zst") ? ["--zstd"] : [] }

    private static func temporaryFolder() throws(Failure) -> String {
        let folder = NSTemporaryDirectory() + "/spd-archive-" + UUID().uuidString
        try Files.makeFolder(folder)
        return folder
    }

    private static func tar(_ arguments: [String], environment: [String: String]) throws(Failure) {
        guard let program = Program.find("tar", environment: environment) else {
            throw .failed("there is no tar on the PATH, which archives need")
        }
        let process = ChildProcess(command: [program] + arguments, environment: environment)
        let answer: ChildProcess.Answer
        do throws(ChildProcess.Trouble) { answer = try process.run(patience: .seconds(86_400)) } catch {
            throw .failed("tar \(error)")
        }
        guard answer.code == 0 else {
            let said = answer.error.split(separator: "\n").first.map(String.init) ?? "tar failed"
            throw .failed(said)
        }
    }
}
