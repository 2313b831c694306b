import Artifacts
import Foundation
import Testing

/// What limits a process's memory, by what the kernel writes into files.
struct MemoryLimitTests {
    /// A tree of files as the kernel shows them.
    private func root(_ files: [String: String]) throws -> String {
        let root = NSTemporaryDirectory() + "memory-\(UUID().uuidString.prefix(8))"
        let machine = ["/proc/meminfo": "MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:  4194304 kB\n"]
        for (path, text) in files.merging(machine, uniquingKeysWith: { own, _ in own }) {
            let url = URL(filePath: root + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        return root
    }

    private func tightest(_ root: String, _ environment: [String: String] = [:]) -> MemoryLimit? {
        MemoryLimit.tightest(environment: environment, root: root)
    }

    @Test func withoutGroupsItIsTheMachine() throws {
        let root = try root([:])
        #expect(tightest(root) == MemoryLimit(total: 8 << 30, free: 4 << 30, owner: "this machine"))
    }

    @Test func theTightestOfTheUnifiedGroupsAboveCounts() throws {
        let group = "/sys/fs/cgroup/system.slice/slurmstepd.scope/job_7"
        let root = try root([
            "/proc/self/cgroup": "0::/system.slice/slurmstepd.scope/job_7/step_batch/user/task_0\n",
            "/proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n",
            group + "/memory.max": "2147483648\n", group + "/memory.current": "1073741824\n",
            group + "/memory.stat": "anon 5\ninactive_file 536870912\n",
            group + "/step_batch/user/task_0/memory.max": "max\n",
        ])
        let limit = MemoryLimit(total: 2 << 30, free: 3 << 29, owner: "the SLURM job (--mem)")
        #expect(tightest(root, ["SLURM_JOB_ID": "7"]) == limit)
        #expect(tightest(root)?.owner == "this process's control group")
    }

    @Test func groupsOfVersionOneCountToo() throws {
        let root = try root([
            "/proc/self/cgroup": "4:memory:/docker/abc/inner\n3:cpu:/docker/abc\n0::/\n",
            // A container: what is mounted is the group itself.
            "/proc/self/mountinfo": "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "104857600\n",
            "/sys/fs/cgroup/memory/inner/memory.limit_in_bytes": "9223372036854771712\n",
        ])
        #expect(
            tightest(root)
                == MemoryLimit(total: 1 << 30, free: (1 << 30) - 104_857_600, owner: "this process's control group"))
    }

    @Test func coresAreLimitedByGroupsOfEitherVersion() throws {
        let old = try root([
            "/proc/self/cgroup": "4:cpu,cpuacct:/docker/abc\n",
            "/proc/self/mountinfo": "35 31 0:32 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n",
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/docker/abc/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "150000\n",
            "/sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000\n",
        ])
        #expect(CoreLimit.tightest(root: old) == 1.5)
        let new = try root([
            "/proc/self/cgroup": "0::/a\n",
            "/proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
            "/sys/fs/cgroup/a/cpu.max": "max 100000\n",
        ])
        #expect(CoreLimit.tightest(root: new) == nil)
    }

    @Test(arguments: [
        ["SLURM_MEM_PER_NODE": "512"], ["SLURM_MEM_PER_CPU": "128", "SLURM_CPUS_ON_NODE": "4"],
    ])
    func whatSlurmHasGivenCountsWithoutGroups(variables: [String: String]) throws {
        let root = try root([:])
        #expect(tightest(root, variables.merging(["SLURM_JOB_ID": "7"]) { $1 })?.total == 512 << 20)
        #expect(tightest(root, variables)?.total == 8 << 30, "outside a job the variables mean nothing")
    }
}
