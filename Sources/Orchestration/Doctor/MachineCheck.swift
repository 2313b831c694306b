import Foundation

/// Cores and memory of this machine, and what a container or a batch job leaves of them.
package struct MachineCheck {
    /// The folder of the control group's files; tests name another.
    package var cgroup: String

    package init(cgroup: String = MachineCheck.ownCgroup) { self.cgroup = cgroup }

    package func findings() -> [Finding] { [cores(Machine.this), memory()] }

    private func cores(_ machine: Machine) -> Finding {
        let text = "\(plural(machine.cores, "core")), \(machine.cpu), \(machine.kernel), glibc \(machine.glibc)"
        // "150000 100000": microseconds of all cores together per period.
        let numbers = (read("cpu.max") ?? "").split(separator: " ").compactMap { Double($0) }
        guard numbers.count == 2, numbers[1] > 0, numbers[0] / numbers[1] < Double(machine.cores) - 0.5 else {
            return .ok("CPU", text)
        }
        let share = (numbers[0] / numbers[1]).formatted(.number.precision(.fractionLength(0...1)))
        return .warning(
            "CPU", "\(text); a control group allows \(share) of them",
            "start no more agents than that here, each with one thread")
    }

    private func memory() -> Finding {
        let text =
            FileManager.default.contents(atPath: "/proc/meminfo").map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        let free = line?.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
        guard let free else { return .warning("memory", "unknown", "look at /proc/meminfo") }
        let limit = read("memory.max").flatMap { Int($0) }.map {
            max(0, $0 - (read("memory.current").flatMap { Int($0) } ?? 0))
        }
        let least = min(free, limit ?? free)
        let said = "\(RunDetails.size(least)) free" + (least < free ? " in this control group" : "")
        return least > 1_000_000_000
            ? .ok("memory", said) : .warning("memory", said, "a run of a large residual MLP takes up to 1 GB")
    }

    private func read(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(cgroup)/\(name)").map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    /// Where version 2 of control groups keeps this process's limits.
    package static var ownCgroup: String {
        let text = FileManager.default.contents(atPath: "/proc/self/cgroup").map { String(decoding: $0, as: UTF8.self) }
        let line = text?.split(separator: "\n").first { $0.hasPrefix("0::") }
        return "/sys/fs/cgroup" + (line.map { String($0.dropFirst(3)) } ?? "")
    }
}
