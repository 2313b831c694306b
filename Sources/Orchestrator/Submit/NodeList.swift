import ArgumentParser

/// SLURM's lists of nodes, as users type them.
enum NodeList {
    /// Refuses anything that can't be a list of nodes.
    static func validate(_ text: String?) throws {
        guard let text else { return }
        let isList =
            !text.isEmpty && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-_,[]".contains($0)) }
        guard isList else {
            throw ValidationError("--exclude '\(text)' is not a list of nodes; one is n17,n[20-22]")
        }
    }
}
