import Foundation
import Version

/// Whether the worker starts here, and with which libraries.
package struct WorkerCheck {
    package let environment: [String: String]

    package init(environment: [String: String]) {
        self.environment = environment
    }

    package func findings() -> [Finding] {
        let path: String
        let report: WorkerReport
        do throws(Failure) {
            path = try Program.worker(environment: environment)
            report = try WorkerReport(askingWorker: path, environment: environment, patience: .seconds(10))
        } catch {
            return [.problem("worker", error.message, "`make install` builds it for this machine")]
        }
        return [worker(report, path), openBLAS(report), libcurl(report), cairo(report)]
    }

    private func worker(_ report: WorkerReport, _ path: String) -> Finding {
        let version = ProgramVersion.number
        return report.version == version
            ? .ok("worker", "\(path) starts (version \(version))")
            : .warning(
                "worker", "\(path) is version \(report.version), this program \(version)",
                "`make install` builds both")
    }

    private func openBLAS(_ report: WorkerReport) -> Finding {
        let text = "kernels for \(report.openblasCore) on a CPU of level \(report.cpuLevel)"
        let wide = ["SkylakeX", "Cooperlake", "SapphireRapids"]
        let slow =
            report.cpuLevel == "x86-64-v4" && !wide.contains { $0.lowercased() == report.openblasCore.lowercased() }
        return slow
            ? .warning(
                "OpenBLAS", text + ": half as fast as it could be",
                "unset SPD_OPENBLAS_CORETYPE; a worker from `make install` chooses SkylakeX itself, a debug build "
                    + "wants OPENBLAS_CORETYPE=SkylakeX")
            : .ok("OpenBLAS", text)
    }

    private func libcurl(_ report: WorkerReport) -> Finding {
        guard let version = report.libcurl else {
            return .warning(
                "libcurl", report.libcurlTrouble ?? "there is none",
                "without it, runs stay offline; Debian and Ubuntu: libcurl4, Red Hat: libcurl")
        }
        return .ok("libcurl", String(version.split(separator: " ").first ?? ""))
    }

    private func cairo(_ report: WorkerReport) -> Finding {
        guard let trouble = report.cairoTrouble else { return .ok("Cairo", "runs draw their figures") }
        let parts = trouble.split(separator: "; ").map(String.init)
        return .warning("Cairo", "no figures: \(parts[0])", parts.count > 1 ? parts[1] : "install libcairo2")
    }
}
