import Artifacts
import Foundation
import JSON
package import Store
import Version
import WandB

/// What a job was submitted from, kept next to its worker as `snapshot.json`: enough to say later which code, configs,
/// targets and machine a result came from.
package struct Snapshot: Encodable {
    /// A file of the user's and the copy of it in the job's folder or the cache.
    package struct Copy: Encodable {
        package let source: String
        package let copy: String
        package let sha256: String?
    }

    /// The program that the agents run.
    package struct Worker: Encodable {
        package let source: String
        package let bytes: Int
        package let report: WorkerReport?
        package let trouble: String?
    }

    package let version: String
    package let submitted: String
    package let submittedFrom: String
    package let machine: Machine
    package let slurm: String?
    package let worker: Worker
    package let git: GitCheckout?
    package let targets: [Copy]
    package let observers: [ObserverNote]
    /// Variables that change what is run, with their values.
    package let variables: [String: String]
    /// Variables that were set and whose values are left out.
    package let secretVariables: [String]
    package var configs: [Copy] = []

    fileprivate static let patience = Duration.seconds(3)

    /// Looks around; whatever cannot be found out in time is left out.
    ///
    /// - Parameters:
    ///   - worker: The program that the agents run.
    ///   - targets: Copies of users' targets, by the originals' paths.
    ///   - observers: Copies of users' observers.
    ///   - usesSlurm: Whether SLURM starts the agents.
    ///   - environment: The caller's environment.
    package init(
        worker: String, targets: [String: String], observers: [ObserverBundle] = [], usesSlurm: Bool,
        environment: [String: String]
    ) {
        version = ProgramVersion.number
        submitted = Date().ISO8601Format()
        submittedFrom = FileManager.default.currentDirectoryPath
        machine = .this
        slurm = usesSlurm ? Self.slurmVersion(environment) : nil
        self.worker = Worker(worker, environment: environment)
        let secrets = Secrets(environment)
        git = GitCheckout(holding: submittedFrom, secrets: secrets, environment: environment)
        self.targets = targets.sorted { $0.key < $1.key }.map { Copy(source: $0.key, copy: $0.value, sha256: nil) }
        self.observers = observers.map { ObserverNote($0, environment: environment) }
        variables = Self.telling(environment, secrets)
        let hidden = environment.filter { Self.mayHide($0.key, $0.value) }.keys
        secretVariables = Set(secrets.names).union(hidden).sorted()
    }

    /// The variables that this program, OpenBLAS, SLURM or W&B act on.
    private static func telling(_ environment: [String: String], _ secrets: Secrets) -> [String: String] {
        let prefixes = ["SPD_", "OMP_", "OPENBLAS_", "SBATCH_", "SLURM_CONF", "SLURM_PARTITION", "WANDB_"]
        return environment.filter { name, value in
            prefixes.contains(where: name.hasPrefix) && !Secrets.isSecret(name, value) && !mayHide(name, value)
        }.mapValues { secrets.redacted(GitCheckout.withoutCredentials($0)) }
    }

    /// Whether a setting of W&B's may hold a key that was meant for another: what messages do not show is not stored.
    private static func mayHide(_ name: String, _ value: String) -> Bool {
        name.hasPrefix("WANDB_") && SecretShapes.mayBeOne(value)
    }

    private static func slurmVersion(_ environment: [String: String]) -> String? {
        guard let program = Program.find("sbatch", environment: environment) else { return nil }
        do throws(ChildProcess.Trouble) {
            let answer = try ChildProcess(command: [program, "--version"], environment: environment)
                .run(patience: patience)
            return answer.text.split(whereSeparator: \.isNewline).first.map(String.init)
        } catch {
            return "sbatch \(error)"
        }
    }
}

extension Snapshot.Worker {
    fileprivate init(_ path: String, environment: [String: String]) {
        source = path
        var info = stat()
        bytes = stat(path, &info) == 0 ? Int(info.st_size) : 0
        do throws(Failure) {
            report = try WorkerReport(askingWorker: path, environment: environment, patience: Snapshot.patience)
            trouble = nil
        } catch {
            report = nil
            trouble = error.message
        }
    }
}

extension Snapshot {
    /// Writes the snapshot and what belongs to it into a job's folder.
    ///
    /// - Parameters:
    ///   - files: The user's config files, copies of which are kept by content.
    ///   - folder: The job's.
    /// - Throws: What cannot be read or written.
    package func write(configs files: [String], into folder: JobFolder) throws(Failure) {
        var snapshot = self
        do throws(FileError) {
            for file in files {
                let bytes = try DurableFile.read(file, limit: 1 << 20)
                let digest = SHA256.hex(bytes)
                let url = URL(filePath: file)
                let name = JobFolder.config(named: url.deletingPathExtension().lastPathComponent, digest: digest)
                try DurableFile.createFolder(folder.configs)
                try DurableFile.write(bytes, to: "\(folder.path)/\(name)")
                snapshot.configs.append(Copy(source: url.path, copy: name, sha256: digest))
            }
            if let diff = git?.diff, !diff.isEmpty { try DurableFile.write(diff, to: folder.diff) }
            try DurableFile.write(try Self.json(snapshot), to: folder.snapshot)
        } catch {
            throw .failed("\(error); nothing was stored")
        }
    }

    private static func json(_ snapshot: Snapshot) throws(FileError) -> String {
        do { return try JSONText.encode(snapshot) } catch {
            throw FileError(.write, "snapshot.json", reason: "\(error)")
        }
    }
}
