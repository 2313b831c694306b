/// A number of their own that users have logged: its name, and the expression that gives it.
///
/// With a pattern over modules it is one number for each module, and its name holds `{m}`.
public struct UserMetric: Sendable {
    /// Its name behind `user/`.
    public let name: String
    /// The modules that it is computed for; nil for one number.
    public let pattern: String?
    /// The expression as written.
    public let text: String
    let expression: Expression

    /// The placeholder for a module's name.
    public static let placeholder = "{m}"

    /// Reads a metric.
    ///
    /// - Throws: what is wrong with the expression, on its own.
    public init(name: String, pattern: String?, text: String) throws(ExpressionError) {
        self.name = name
        self.pattern = pattern
        self.text = text
        expression = try Parser.parse(text, hasModuleVariable: pattern != nil)
    }

    /// Why a name cannot be a metric's; nil for one that can.
    public static func obstacle(toName name: String, hasPattern: Bool) -> String? {
        let bare = name.replacing(placeholder, with: "m")
        let isPlain = bare.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-/".contains($0)) }
        guard !name.isEmpty, name.count <= 100, isPlain, !name.hasPrefix("/"), !name.hasSuffix("/"),
            !name.contains("//")
        else { return "a metric's name is made of letters, digits, _, - and /, and {m} for a module" }
        guard reserved != name else { return "'\(reserved)' is reserved for observers' time; choose another name" }
        guard name.contains(placeholder) == hasPattern else {
            return hasPattern
                ? "with 'for' there is one number for each module; the name needs {m}"
                : "{m} in a name needs 'for', a pattern over modules"
        }
        return nil
    }

    /// Under which observers' own time is logged.
    static let reserved = "seconds"
}

extension UserMetric: Hashable {
    /// Compares what is written.
    public static func == (a: UserMetric, b: UserMetric) -> Bool {
        a.name == b.name && a.pattern == b.pattern && a.text == b.text
    }

    /// Hashes what is written.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(pattern)
        hasher.combine(text)
    }
}
