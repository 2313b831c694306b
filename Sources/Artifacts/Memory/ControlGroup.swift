/// A group of processes that the kernel limits together.
public struct ControlGroup: Sendable {
    let files: KernelFiles
    let path: String
    /// Whether it is one of version 2.
    public let isUnified: Bool

    /// How many cores' worth of time it may use; nil if it has no limit.
    public var cores: Double? {
        // "150000 100000": microseconds of all cores together per period; a word or -1 if there is no limit.
        let numbers =
            isUnified
            ? (files.text(of: "\(path)/cpu.max") ?? "").split(whereSeparator: \.isWhitespace).map { Double($0) }
            : ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map { files.number(of: "\(path)/\($0)").map(Double.init) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return quota / period
    }

    /// How many bytes it may take; nil if it has no limit.
    public var memory: Int? {
        // Version 1 writes a number beyond any machine's memory if there is no limit, version 2 a word.
        files.number(of: "\(path)/\(isUnified ? "memory.max" : "memory.limit_in_bytes")").flatMap {
            $0 < 1 << 60 ? $0 : nil
        }
    }

    /// How many bytes it takes, including files kept in memory.
    public var memoryInUse: Int? {
        files.number(of: "\(path)/\(isUnified ? "memory.current" : "memory.usage_in_bytes")")
    }

    /// How many of these the kernel takes back if memory is needed.
    var reclaimableMemory: Int {
        files.fields(of: "\(path)/memory.stat")[isUnified ? "inactive_file" : "total_inactive_file"] ?? 0
    }
}

extension KernelFiles {
    /// The control groups that limit something for this process, the innermost first.
    ///
    /// - Parameter controller: What they limit: `memory`, `cpu`.
    /// - Returns: Those of version 1 that have the controller, and those of version 2, which may.
    public func groups(_ controller: String) -> [ControlGroup] {
        let memberships = lines(of: "/proc/self/cgroup").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        return memberships.flatMap { parts -> [ControlGroup] in
            guard parts.count == 3 else { return [] }
            let isUnified = parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains(Substring(controller)),
                let mount = mount(isUnified ? nil : controller)
            else { return [] }
            // In a container the group's path may begin above what is mounted there.
            var path = String(parts[2])
            if mount.root != "/", path == mount.root || path.hasPrefix(mount.root + "/") {
                path = String(path.dropFirst(mount.root.count))
            }
            var groups: [ControlGroup] = []
            while true {
                groups.append(
                    ControlGroup(files: self, path: mount.point + (path == "/" ? "" : path), isUnified: isUnified))
                guard path.count > 1, let slash = path.lastIndex(of: "/") else { return groups }
                path = String(path[..<slash])
            }
        }
    }

    /// Where version 2 of control groups, or a controller's of version 1, is mounted, and which group is the root of
    /// what is seen there.
    private func mount(_ controller: String?) -> (root: String, point: String)? {
        for line in lines(of: "/proc/self/mountinfo") {
            let halves = line.split(separator: " - ")
            let (left, right) = (halves.first?.split(separator: " ") ?? [], halves.last?.split(separator: " ") ?? [])
            guard halves.count == 2, left.count > 4, right.count > 2 else { continue }
            let isWanted =
                controller.map { right[0] == "cgroup" && right[2].split(separator: ",").contains(Substring($0)) }
                ?? (right[0] == "cgroup2")
            if isWanted { return (String(left[3]), String(left[4])) }
        }
        return nil
    }
}
