import Foundation

/// The variables of an environment whose values are nobody else's business.
struct Secrets {
    private let values: [String: String]

    init(_ environment: [String: String]) {
        values = environment.filter { Self.isSecret($0.key) }
    }

    /// Their names, sorted.
    var names: [String] { values.keys.sorted() }

    /// Whether one of their values stands in a text; values too short to be secrets don't count.
    func occur(in text: [UInt8]) -> Bool {
        let data = Data(text)
        return values.values.contains { $0.utf8.count >= 8 && data.range(of: Data($0.utf8)) != nil }
    }

    /// Whether a variable's name says that its value is a secret.
    static func isSecret(_ name: String) -> Bool {
        let name = name.uppercased()
        return ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH"].contains { name.contains($0) }
    }
}
