import Artifacts
import Foundation

/// Cores and memory of this machine, and what a container or a batch job leaves of them.
package struct MachineCheck {
    /// Where `/proc` and `/sys` are; tests name another place.
    private let root: String
    private let environment: [String: String]

    package init(environment: [String: String] = ProcessInfo.processInfo.environment, root: String = "") {
        (self.environment, self.root) = (environment, root)
    }

    package func findings() -> [Finding] { [cores(Machine.this), memory()] }

    private func cores(_ machine: Machine) -> Finding {
        let text = "\(plural(machine.cores, "core")), \(machine.cpu), \(machine.kernel), glibc \(machine.glibc)"
        guard let limit = CoreLimit.tightest(root: root), limit < Double(machine.cores) - 0.5 else {
            return .ok("CPU", text)
        }
        let share = limit.formatted(.number.precision(.fractionLength(0...1)))
        return .warning(
            "CPU", "\(text); a control group allows \(share) of them",
            "start no more agents than that here, each with one thread")
    }

    private func memory() -> Finding {
        let limits = MemoryLimit.all(environment: environment, root: root)
        guard let least = limits.min(by: { $0.free < $1.free }) else {
            return .warning("memory", "unknown", "look at /proc/meminfo")
        }
        let said =
            "\(RunDetails.size(max(0, least.free))) of the \(RunDetails.size(least.total)) of \(least.owner) free"
        return least.free > 1_000_000_000
            ? .ok("memory", said) : .warning("memory", said, "a run of a large residual MLP takes up to 1 GB")
    }
}
