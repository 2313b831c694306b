import Foundation
import JSON
import Slurm
import Store
import WandB

/// What has been found so far.
package struct DoctorReport {
    private var findings: [Finding] = []
    private let style: TerminalStyle?

    /// A report that prints findings as they come, if there is a style for them.
    package init(print style: TerminalStyle?) { self.style = style }

    package mutating func add(_ more: [Finding]) {
        findings += more
        guard let style else { return }
        for finding in more { print(finding.text(style)) }
        fflush(nil)
    }

    /// Whether nothing about a subject stands in the way.
    package func allows(_ subject: String) -> Bool {
        !findings.contains { $0.subject == subject && $0.level == .problem }
    }

    package var problems: Int { findings.count { $0.level == .problem } }
    private var warnings: Int { findings.count { $0.level == .warning } }

    package var summary: String {
        let rest = warnings == 0 ? "" : ", \(plural(warnings, "warning"))"
        return "\n" + (problems == 0 ? "No problem" : plural(problems, "problem")) + rest + ".\n"
    }

    /// For programs: keys are only ever added.
    package func json() throws -> String {
        try JSONText.encode(Report(findings: findings, problems: problems, warnings: warnings))
    }

    private struct Report: Encodable {
        let findings: [Finding]
        let problems: Int
        let warnings: Int
    }
}
