import Foundation
import Glibc

/// This program's own folder, which holds its companions.
package enum Program {
    /// This program's file.
    package static var path: String {
        guard let file = realpath("/proc/self/exe", nil) else { return "/proc/self/exe" }
        defer { free(file) }
        return String(cString: file)
    }

    /// The folder that holds this program's file.
    package static var folder: String { URL(filePath: path).deletingLastPathComponent().path }

    /// The program of that name on the `PATH` in `environment`.
    package static func find(_ name: String, environment: [String: String]) -> String? {
        (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// The worker that a job takes along: `SPD_WORKER`, or the one next to this program.
    package static func worker(environment: [String: String]) throws(Failure) -> String {
        let named = environment["SPD_WORKER"].flatMap { $0.isEmpty ? nil : $0 }
        let path = named ?? folder + "/worker"
        guard access(path, X_OK) == 0 else {
            let reason = String(cString: strerror(errno))
            throw .failed(
                named == nil
                    ? "the worker program \(path) is missing (\(reason)): `make install` puts it there, "
                        + "or SPD_WORKER names another"
                    : "SPD_WORKER names \(path), which cannot be run: \(reason)")
        }
        return path
    }
}
