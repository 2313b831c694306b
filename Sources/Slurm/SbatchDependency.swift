/// What makes a batch job wait for others, besides what its user has it wait for.
public enum SbatchDependency {
    /// Arguments that have a batch job wait for the end of others, too.
    ///
    /// `sbatch` heeds only the last option of the kind. One of the user's that is met by any of several jobs can't be
    /// joined with another and stays as it is.
    ///
    /// - Parameters:
    ///   - arguments: The user's arguments for `sbatch`.
    ///   - jobs: SLURM's numbers for the jobs to wait for.
    /// - Returns: All arguments.
    public static func arguments(_ arguments: [String], waitingFor jobs: Set<SlurmJobID>) -> [String] {
        guard !jobs.isEmpty else { return arguments }
        let own = "afterany:" + jobs.map(\.rawValue).sorted().map(String.init).joined(separator: ":")
        guard let given = arguments.last(where: { value(in: $0) != nil }), let value = value(in: given) else {
            return arguments + ["--dependency=" + own]
        }
        return value.contains("?") ? arguments : arguments + ["--dependency=\(value),\(own)"]
    }

    /// The value of the option in an argument, in every spelling: `--dependency=x`, `--dep x`, `-d x`, `-Hdx`.
    private static func value(in argument: String) -> String? {
        let match =
            argument.wholeMatch(of: /--de(?:p(?:e(?:n(?:d(?:e(?:n(?:c(?:y)?)?)?)?)?)?)?)?[=\s](.+)/)
            ?? argument.wholeMatch(of: /-[hHkOQRsuvVW]*d(.+)/)
        guard let value = match?.1.drop(while: { $0.isWhitespace || $0 == "=" }), !value.isEmpty else { return nil }
        return String(value)
    }
}
