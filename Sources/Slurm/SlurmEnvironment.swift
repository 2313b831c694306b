/// The part of the caller's environment that SLURM's commands see.
///
/// Every one of them takes defaults from variables: a user's `SQUEUE_PARTITION` hides jobs, `SCANCEL_INTERACTIVE` asks
/// questions that nobody answers, a surrounding job's `SLURM_` variables change what new options mean. Answers must
/// depend on nothing but the question, so only what leads to the controller and opens its door is passed on.
enum SlurmEnvironment {
    /// The environment without the defaults of SLURM's commands and without what a surrounding job has left there.
    ///
    /// `SBATCH_` variables override the script's lines; those that users set on purpose are in the script.
    static func scrubbed(_ environment: [String: String]) -> [String: String] {
        environment.filter { name, _ in
            passed.contains(name) || !prefixes.contains { name.hasPrefix($0 + "_") }
        }
    }

    /// Where SLURM is, and what it is to know its user by.
    private static let passed: Set<String> = ["SLURM_CONF", "SLURM_JWT", "SLURM_SACK_KEY", "SLURM_SACK_SOCKET"]

    private static let prefixes = [
        "_SLURM", "SLURM", "SLURMD", "SLURMCTLD", "SACCT", "SACCTMGR", "SALLOC", "SATTACH", "SBATCH", "SBCAST",
        "SCANCEL",
        "SCONTROL", "SCRONTAB", "SDIAG", "SINFO", "SPANK", "SPRIO", "SQUEUE", "SREPORT", "SRUN", "SSHARE", "SSTAT",
        "STRIGGER",
    ]
}
