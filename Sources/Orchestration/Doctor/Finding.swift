/// One finding of the doctor.
package struct Finding: Codable, Equatable {
    /// What it means.
    package enum Level: String, Codable {
        /// As it should be.
        case ok
        /// Things work, but slower, offline or not everywhere.
        case warning
        /// Runs would fail or be in danger.
        case problem
    }

    package let level: Level
    /// What was looked at.
    package let subject: String
    /// What was found, in one line.
    package let message: String
    /// What to do about it, in one line.
    package let advice: String?

    package init(level: Level, subject: String, message: String, advice: String?) {
        self.level = level
        self.subject = subject
        self.message = message
        self.advice = advice
    }

    package static func ok(_ subject: String, _ message: String) -> Finding {
        Finding(level: .ok, subject: subject, message: message, advice: nil)
    }

    package static func warning(_ subject: String, _ message: String, _ advice: String) -> Finding {
        Finding(level: .warning, subject: subject, message: message, advice: advice)
    }

    package static func problem(_ subject: String, _ message: String, _ advice: String) -> Finding {
        Finding(level: .problem, subject: subject, message: message, advice: advice)
    }

    /// For people: one line, and one for the advice.
    package func text(_ style: TerminalStyle) -> String {
        let color: TextColor =
            switch level {
            case .ok: .green
            case .warning: .yellow
            case .problem: .red
            }
        func column(_ word: String, _ width: Int) -> String {
            word + String(repeating: " ", count: max(1, width - word.count))
        }
        let line = style.paint(column(level.rawValue, 9), color) + column(subject, 14) + message
        return line + (advice.map { "\n" + String(repeating: " ", count: 23) + "→ " + $0 } ?? "")
    }
}
