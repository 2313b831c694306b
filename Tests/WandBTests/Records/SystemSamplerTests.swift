import Foundation
import JSON
import TestFiles
import Testing

@testable import WandB

/// Measurements have the names and the meaning that W&B's own client gives them.
struct SystemSamplerTests {
    private let scratch: TemporaryFolder

    init() throws { scratch = try TemporaryFolder() }

    private func write(_ files: [String: String]) throws {
        for (name, text) in files {
            let url = URL(filePath: scratch.path + "/" + name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
    }

    /// A machine of 8 processors in 4 cores; this process has used 3 of the 100 seconds since it started.
    private func writeMachine() throws {
        let siblings = (0..<8).map {
            ("sys/devices/system/cpu/cpu\($0)/topology/thread_siblings_list", "\($0 % 4),\($0 % 4 + 4)\n")
        }
        try write(Dictionary(uniqueKeysWithValues: siblings))
        let ticks = sysconf(Int32(_SC_CLK_TCK))
        let times = "\(2 * ticks) \(ticks) 0 0 20 0 9 0 \(1000 * ticks) 1 2"
        try write([
            "proc/stat": "cpu  9 9 9 9\n" + (0..<8).map { "cpu\($0) 1 1 1 1\n" }.joined() + "intr 1\n",
            "proc/self/stat": "42 (a) name) S 1 1 1 0 -1 0 0 0 0 0 \(times)\n", "proc/uptime": "1100.0 5000.0\n",
            "proc/self/status": "Name:\tx\nVmRSS:\t  1024 kB\nThreads:\t9\nCpus_allowed_list:\t0-7\n",
            "proc/meminfo": "MemTotal:       8192 kB\nMemAvailable:   6144 kB\n",
            "proc/net/dev": "Inter-|\n face |\n    lo: 10 1 0 0 0 0 0 0 20 1\n  eth0:100 1 0 0 0 0 0 0 200 1\n",
            "proc/diskstats": "259 1 nvme0n1p1 1 0 100 0 1 0 200 0\n7 0 loop0 1 0 9 0 1 0 9 0\n",
            "proc/self/mountinfo":
                "1 0 259:1 / / rw - ext4 /dev/nvme0n1p1 rw\n2 1 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
            "proc/self/cgroup": "0::/job/step\n",
        ])
    }

    private func sample(_ sampler: SystemSampler) -> [String: String] {
        Dictionary(uniqueKeysWithValues: sampler.sample().map { ($0.name, $0.value.text) })
    }

    @Test func aMachineIsMeasuredAsWandBsClientMeasuresIt() throws {
        try writeMachine()
        let sampler = SystemSampler(root: scratch.path)
        try write([
            "proc/net/dev": "    lo: 20 1 0 0 0 0 0 0 30 1\n  eth0: 600 1 0 0 0 0 0 0 900 1\n",
            "proc/diskstats": "259 1 nvme0n1p1 1 0 4196 0 1 0 2248 0\n7 0 loop0 1 0 99 0 1 0 99 0\n",
        ])
        let values = sample(sampler)
        #expect(values["cpu"] == "0.75", "3 % of one core is 0.75 % of four")
        #expect(values["proc.cpu.threads"] == "9")
        #expect(values["memory_percent"] == "25")
        #expect(values["proc.memory.availableMB"] == "6")
        #expect(values["proc.memory.rssMB"] == "1")
        #expect(values["proc.memory.percent"] == "12.5")
        #expect(values["network.sent"] == "710")
        #expect(values["network.recv"] == "510")
        #expect(values["disk.nvme0n1p1.in"] == "2")
        #expect(values["disk.nvme0n1p1.out"] == "1")
        #expect(values["disk./.usageGB"] != nil && values["disk./.usagePercent"] != nil)
        #expect(!values.keys.contains { $0.contains("loop0") })
    }

    @Test func inACgroupItsLimitsCount() throws {
        try writeMachine()
        let folder = "sys/fs/cgroup/job/step/"
        try write([
            folder + "memory.max": "4194304\n", folder + "memory.current": "3145728\n",
            folder + "cpu.max": "150000 100000\n",
        ])
        let values = sample(SystemSampler(root: scratch.path))
        #expect(values["cpu"] == "2")
        #expect(values["memory_percent"] == "75")
        #expect(values["proc.memory.availableMB"] == "1")
        #expect(values["proc.memory.percent"] == "25")
        try write([folder + "memory.max": "max\n", folder + "cpu.max": "max 100000\n"])
        #expect(sample(SystemSampler(root: scratch.path))["memory_percent"] == "25")
        #expect(sample(SystemSampler(root: scratch.path))["cpu"] == "0.75")
    }

    @Test func inAContainerEveryMountedDiskCounts() throws {
        try writeMachine()
        try write([
            "proc/self/mountinfo":
                "1 0 0:9 / / rw - overlay overlay rw\n2 1 259:1 /x /etc/hosts rw - ext4 /dev/nvme0n1p1 rw\n"
        ])
        #expect(sample(SystemSampler(root: scratch.path))["disk.nvme0n1p1.in"] == "0")
    }

    @Test func aMachineThatTellsNothingCostsNothing() {
        #expect(SystemSampler(root: scratch.path).sample().allSatisfy { $0.name.hasPrefix("disk./") })
    }
}
