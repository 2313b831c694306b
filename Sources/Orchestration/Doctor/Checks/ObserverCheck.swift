import Artifacts
import Foundation
package import Layout

/// Whether what runs observers is here: Python with numpy, which most are written in, and what those of jobs name.
package struct ObserverCheck {
    private let cache: CacheFolder?
    private let environment: [String: String]

    private static let subject = "observers"
    private static let patience = Duration.seconds(10)
    /// Only the latest jobs are looked at: a cache may hold hundreds.
    private static let jobs = 20

    /// Prepares the check.
    ///
    /// - Parameters:
    ///   - cache: The cache, whose latest jobs may have observers; nil if it is not to be touched.
    ///   - environment: Where programs are looked for.
    package init(cache: CacheFolder?, environment: [String: String]) {
        self.cache = cache
        self.environment = environment
    }

    package func findings() -> [Finding] {
        let named = named
        return [python] + named.unreadable + named.lines.compactMap(missing)
    }

    /// Describes the available Python in one line.
    package var words: String { python.message }

    private var python: Finding {
        let advice =
            "Python observers need it on the machines that train runs, others do not; and `orchestrator observe` "
            + "runs them afterwards on any machine"
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
        guard lines.count == 3 else { return .warning(Self.subject, "\(path) does not report its version", advice) }
        let said = "\(path) \(lines[0]), \(lines[1]), \(lines[2])"
        return lines[1].hasPrefix("no ")
            ? .warning(
                Self.subject, said, "\(path) -m pip install numpy: Python observers get their tensors as numpy arrays")
            : .ok(Self.subject, said)
    }

    /// The first lines of the latest jobs' observers, each once, and what could not be looked at.
    private var named: (lines: [String], unreadable: [Finding]) {
        var (lines, unreadable): (Set<String>, [Finding]) = ([], [])
        func look<T>(_ body: () throws -> T) -> T? {
            do { return try body() } catch {
                unreadable.append(.warning(Self.subject, "\(error)", "make it readable, or ask its owner"))
                return nil
            }
        }
        guard let cache else { return ([], []) }
        let jobs = (look { try FolderListing.names(in: cache.jobs) } ?? []).compactMap(Int64.init).sorted()
        for job in jobs.suffix(Self.jobs) {
            let place = cache.folder(of: JobID(rawValue: job)).observers
            for file in look({ try SizedFile.all(in: place) }) ?? [] {
                if let line = look({ try Self.interpreterLine(of: "\(place)/\(file.name)") }) ?? nil {
                    lines.insert(line)
                }
            }
        }
        return (lines.sorted(), unreadable)
    }

    /// What follows `#!` at the beginning of a program; nil for other files.
    private static func interpreterLine(of path: String) throws(FileError) -> String? {
        guard access(path, X_OK) == 0 else { return nil }
        guard let file = fopen(path, "r") else { throw FileError(.read, path) }
        defer { fclose(file) }
        var start = [UInt8](repeating: 0, count: 256)
        let count = fread(&start, 1, start.count, file)
        guard ferror(file) == 0 else { throw FileError(.read, path) }
        guard start[..<count].starts(with: Array("#!".utf8)) else { return nil }
        return String(decoding: start[..<count].prefix { $0 != UInt8(ascii: "\n") }.dropFirst(2), as: UTF8.self)
    }

    private func missing(_ line: String) -> Finding? {
        let words = line.split(separator: " ").map(String.init)
        guard ObserverNote.interpreter(words, environment: environment) == nil else { return nil }
        return .warning(
            Self.subject, "a job's observer begins with #!\(line), and that program is missing here",
            "install it, or run the observer later with `orchestrator observe` where it is installed")
    }
}
