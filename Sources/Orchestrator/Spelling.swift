/// Spellings that the command line accepts beyond what the parser can be told.
enum Spelling {
    /// The sweep file that a bare `--sweep` means.
    static let defaultSweepFile = "sweeps/sweep_params.yaml"

    /// The arguments with a bare `--sweep` given its file, the published tool's negation put right, and the
    /// help topic that is no command made one.
    ///
    /// The parser knows no option whose value may be left out, nor a name of dashes and underscores.
    static func canonical(_ arguments: [String]) -> [String] {
        if arguments == ["help", "workflow"] { return ["workflow"] }
        var result: [String] = []
        for (index, argument) in arguments.enumerated() {
            result.append(argument == "--no-create_report" ? "--no-create-report" : argument)
            guard argument == "--sweep" else { continue }
            let next = index + 1 < arguments.count ? arguments[index + 1] : nil
            if next.map({ $0.hasPrefix("-") && $0 != "-" }) ?? true { result.append(defaultSweepFile) }
        }
        return result
    }
}
