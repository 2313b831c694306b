/// Everything that is wrong with a config or sweep file, in the order of the file.
public struct ConfigError: Error, Sendable, Equatable {
    /// What is wrong, at least one thing.
    public let problems: [ConfigProblem]

    /// How many problems are collected; a file with more of them is not a config.
    static let limit = 100

    init(_ problems: [ConfigProblem]) {
        self.problems = problems
    }
}

extension ConfigError: CustomStringConvertible {
    /// One line for each problem.
    public var description: String {
        let lines = problems.map(\.description)
        let isCut = problems.count >= Self.limit
        return (lines + (isCut ? ["These are the first \(Self.limit) problems."] : [])).joined(
            separator: "\n")
    }
}

/// One thing that is wrong with a config or sweep file.
public struct ConfigProblem: Sendable, Equatable {
    /// What is wrong.
    public enum Cause: Sendable, Equatable {
        /// The file cannot be read, for this reason.
        case unreadable(String)
        /// The text is not YAML, or not one document of it.
        case malformed(String)
        /// A key stands twice in one mapping.
        case duplicateKey(String)
        /// No such key; the nearest known one, and the known ones when they are few.
        case unknownKey(nearest: String?, known: [String])
        /// A key that must be there is not.
        case missing(allowed: String)
        /// A value that the key does not take.
        case invalid(found: String, allowed: String)
        /// Values that are right on their own and wrong together.
        case conflict(String)
        /// The output of a program that the config names; its characters are its own.
        case reported(String)
        /// An unknown name: `kind` says of what, `nearest` what may be meant.
        case unknownName(kind: String, name: String, nearest: String?, known: [String])
        /// `train:<name>` stands for nothing: neither a file next to the experiment nor a published target.
        case unknownTarget(name: String, nearest: String?, known: [String])
        /// A mistake in the form of a sweep file.
        case sweepForm(String)
        /// The whole file is something else than it is read as.
        case foreign(String)
    }

    /// The file, or what else the text came from.
    public let source: String
    /// Where in the file, if it is at one place.
    public let place: SourcePlace?
    /// The dotted path of keys; empty for the whole document.
    public let path: String
    /// What is wrong.
    public let cause: Cause
}

extension ConfigProblem: CustomStringConvertible {
    /// The problem in one line: file, line and column, dotted path, what was found, what is allowed.
    public var description: String {
        var text = source
        if let place { text += ":\(place.line):\(place.column)" }
        text += ": "
        let told = (path.isEmpty ? "" : path + ": ") + "\(cause)"
        text += told
        if case .unreadable = cause {
        } else if case .malformed = cause {
        } else if case .reported = cause {
        } else if let note = Lookalike.note(on: told) {
            text += "; " + note
        }
        if let line = place?.aliasLine { text += " (through the alias on line \(line))" }
        return text.printable
    }
}

extension ConfigProblem.Cause: CustomStringConvertible {
    /// The cause in words.
    public var description: String {
        switch self {
        case .unreadable(let reason): "cannot be read: \(reason)"
        case .malformed(let reason): "not valid YAML: \(reason)"
        case .duplicateKey(let key): "the key \(key) is given twice in one mapping; keep one"
        case .unknownKey(let nearest, let known): "unknown key" + suggestion(nearest, known)
        case .missing(let allowed): "missing; expected \(allowed)"
        case .invalid(let found, let allowed): "found \(found), expected \(allowed)"
        case .conflict(let reason), .reported(let reason): reason
        case .unknownName(let kind, let name, let nearest, let known):
            "unknown \(kind) '\(name)'" + suggestion(nearest, known)
        case .unknownTarget(let name, let nearest, let known):
            "no \(name)_target.yaml next to the experiment and no published target '\(name)'"
                + suggestion(nearest, known)
        case .sweepForm(let reason), .foreign(let reason): reason
        }
    }

    private func suggestion(_ nearest: String?, _ known: [String]) -> String {
        if let nearest { return "; did you mean \(nearest)?" }
        return known.isEmpty ? "" : "; known: " + known.joined(separator: ", ")
    }
}
