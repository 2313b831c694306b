internal import CBuild

/// Which version of the programs this is.
public enum ProgramVersion {
    /// The number of the release.
    public static let number = "0.1.0"

    /// The git commit that was built; nil if the build did not know it.
    public static let commit: String? = {
        let commit = String(cString: spd_commit())
        return commit.isEmpty ? nil : commit
    }()

    /// What `--version` prints: `0.1.0 (commit 3c81df00aa12)`.
    public static let text = number + (commit.map { " (commit \($0))" } ?? "")
}
