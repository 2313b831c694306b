import JSON

/// The last value of every metric, in the order in which they first came.
struct RunSummary {
    private var members: [JSONValue.Member] = []
    private var indices: [String: Int] = [:]
    private var runtime = 0.0

    /// Takes a history row's values over.
    mutating func update(with row: JSONValue) {
        guard case .object(let values) = row else { return }
        for member in values {
            if let index = indices[member.name] {
                members[index].value = member.value
            } else {
                indices[member.name] = members.count
                members.append(member)
            }
        }
        runtime = row["_runtime"]?.double ?? runtime
    }

    /// The line of `wandb-summary.json`.
    func line(runtime finalRuntime: Double? = nil) -> String {
        let whole = Int(exactly: (finalRuntime ?? runtime).rounded(.down)) ?? 0
        let wandb = JSONValue.Member("_wandb", .object([.init("runtime", .number(whole))]))
        return JSONValue.object(members.filter { $0.name != "_wandb" } + [wandb]).text
    }
}
