import ArgumentParser
import Orchestration

/// Explains in one screen how a sweep goes from a file to results.
struct Workflow: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow",
        abstract: "From a sweep file to results, in one screen (also `orchestrator help workflow`).",
        shouldDisplay: false)

    func run() { print(Self.text) }

    static let text = """
        1 Choose     orchestrator experiments                  the published experiments
                     orchestrator experiments tms_5-2 > my.yaml, then edit it
        2 Sweep      sweep.yaml:   global:                     for every experiment
                                     seed: {values: [0, 1, 2]}
                                   tms_5-2:                    for this one
                                     lr: {values: [1e-3, 3e-3]}      every combination
                                     pnorm: {min: 0.5, max: 2.0}     or drawn, with --samples N
        3 Try        orchestrator submit --experiments tms_5-2 --sweep sweep.yaml --dry-run
        4 Submit     orchestrator submit --experiments tms_5-2 --sweep sweep.yaml --n-agents 8
                     One job; its specs wait in SPD_CACHE_DIR until agents take them, here or on SLURM.
        5 Watch      orchestrator status 1 --watch             ^C leaves the agents running
                     orchestrator logs 1.1 -f                  the log of agent 1 of job 1
                     orchestrator show k3j9                    a run: attempts, node, files, error
                     orchestrator sync 1 --live                W&B for nodes without internet, from a login node
        6 Steer      orchestrator cancel 1                     or a run; retry requeues it
                     orchestrator why 1                        what failures have in common
                     orchestrator retry 1 --failed             requeues failed runs
                     orchestrator resume 1 --n-agents 4        agents for the remaining runs
        7 Results    orchestrator best 1 --metric loss/total   or mmcs
                     orchestrator export 1 --csv > runs.csv
        8 Tidy       orchestrator clean 1                      shows what it would delete

        In scripts: `orchestrator status 1` exits with 0 when every run is done or was stopped early, 3 while it is
        running, 1 when it is over and some are not done. status, list, show, best and why take --json.
        """
}
