import Artifacts
import Foundation
package import Layout

/// Whether what runs observers is here: Python with numpy, which most are written in, and what those of jobs name.
package struct ObserverCheck {
    private let cache: CacheFolder
    private let environment: [String: String]

    private static let subject = "observers"
    private static let patience = Duration.seconds(10)
    /// Only the latest jobs are looked at: a cache may hold hundreds.
    private static let jobs = 20

    /// Prepares the check.
    ///
    /// - Parameters:
    ///   - cache: The cache, whose latest jobs may have observers.
    ///   - environment: Where programs are looked for.
    package init(cache: CacheFolder, environment: [String: String]) {
        self.cache = cache
        self.environment = environment
    }

    package func findings() -> [Finding] { [python] + named.compactMap(missing) }

    /// In one line, what there is of Python.
    package var words: String { python.message }

    private var python: Finding {
        let advice =
            "observers in Python need it where runs are trained; those in other languages do not, and `orchestrator observe` "
            + "asks one afterwards on any machine"
        guard let path = Program.find("python3", environment: environment) else {
            return .warning(Self.subject, "there is no python3 on the PATH", advice)
        }
        let question = """
            import sys, importlib
            print(sys.version.split()[0])
            for name in ("numpy", "matplotlib"):
                try: print(name, importlib.import_module(name).__version__)
                except Exception: print("no", name)
            """
        let lines: [String]
        do throws(ChildProcess.Trouble) {
            let answer = try ChildProcess(command: [path, "-c", question], environment: environment).run(
                patience: Self.patience)
            lines = answer.code == 0 ? answer.text.split(separator: "\n").map(String.init) : []
        } catch {
            return .warning(Self.subject, "\(path) \(error)", advice)
        }
        guard lines.count == 3 else { return .warning(Self.subject, "\(path) cannot be asked for its version", advice) }
        let said = "\(path) \(lines[0]), \(lines[1]), \(lines[2])"
        return lines[1].hasPrefix("no ")
            ? .warning(
                Self.subject, said, "\(path) -m pip install numpy: observers in Python get their tensors as its arrays")
            : .ok(Self.subject, said)
    }

    /// The first lines of the latest jobs' observers, each once.
    private var named: [String] {
        let folder = cache.path + "/jobs"
        let jobs = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap(Int.init).sorted()
        var lines: Set<String> = []
        for job in jobs.suffix(Self.jobs) {
            let place = "\(folder)/\(job)/observers"
            for path in (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? [] {
                let file = "\(place)/\(path)"
                guard access(file, X_OK) == 0, let bytes = try? DurableFile.read(file, limit: 256 << 20),
                    bytes.starts(with: Array("#!".utf8))
                else { continue }
                lines.insert(
                    String(decoding: bytes.prefix(256).prefix { $0 != UInt8(ascii: "\n") }.dropFirst(2), as: UTF8.self))
            }
        }
        return lines.sorted()
    }

    private func missing(_ line: String) -> Finding? {
        let words = line.split(separator: " ").map(String.init)
        guard ObserverNote.interpreter(words, environment: environment) == nil else { return nil }
        return .warning(
            Self.subject, "a job's observer begins with #!\(line), and that program is not here",
            "install it, or ask the observer afterwards with `orchestrator observe` where it is")
    }
}
