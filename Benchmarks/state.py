#!/usr/bin/env python3
"""How long the orchestrator's commands take with many runs: a job of 10,000 specs is submitted, its runs are marked as
done in the state file, with losses and metrics of the usual size, and the commands are timed on it. Nothing is trained.

Shown are the medians of wall time, the slowest, and the memory that a command took. `make bench-state` runs this on the
programs in bin/; --programs names others, --keep a folder that the state is made in and left in, to look at it by hand.
"""
import argparse
import json
import os
import pathlib
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
LOSSES = ["faithfulness", "importance_minimality", "stochastic_recon", "stochastic_recon_layerwise", "total"]
MODULES = ["linear1", "linear2"]
COMMANDS = {
    "status": ["status", "1"],
    "status --runs": ["status", "1", "--runs"],
    "status --json": ["status", "1", "--json"],
    "why": ["why", "1"],
    "export --csv": ["export", "1", "--csv"],
    "export --jsonl": ["export", "1", "--jsonl"],
}


def packed(numbers):
    """JSON as agents write it."""
    return json.dumps(numbers, sort_keys=True, separators=(",", ":")).replace("/", "\\/")


class State:
    def __init__(self, programs, folder):
        self.folder, self.orchestrator = folder, programs / "orchestrator"
        self.cache = folder / "cache"
        # An agent that ends at once takes the worker's place.
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "SPD_CACHE_DIR": str(self.cache), "SPD_WORKER": "/bin/true",
            "WANDB_MODE": "disabled"}

    def write_sweep(self, specs):
        """100 learning rates, and as many seeds as it takes."""
        rates = [round(1e-4 * (1 + i / 10), 6) for i in range(100)]
        self.sweep = self.folder / "sweep.yaml"
        self.sweep.write_text(
            f"global:\n  lr:\n    values: {rates}\n  seed:\n    values: {list(range((specs + 99) // 100))}\n")

    def call(self, arguments):
        """Wall seconds and the peak of memory in MB."""
        begun = time.monotonic()
        process = subprocess.Popen(
            [self.orchestrator, *arguments], env=self.environment, cwd=self.folder, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        complaint = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stderr.close()
        # Some runs have failed: status says so with its exit code, and nothing else.
        if process.returncode not in (0, 1) or complaint:
            sys.exit(f"orchestrator {arguments[0]} failed: {complaint.decode().strip()}")
        return seconds, used.ru_maxrss / 1024

    def submit(self):
        """Stores the job in a cache of its own, which takes the place of the one before."""
        if self.cache.exists():
            subprocess.run(["rm", "-rf", self.cache], check=True)
        return self.call(
            ["submit", "--experiments", "tms_5-2", "--sweep", str(self.sweep), "--executor", "local", "--n-agents", "1",
             "--no-create-report"])

    def finish_runs(self):
        """Marks nearly all runs as done, the rest as failed for one cause."""
        chance = random.Random(0)
        database = sqlite3.connect(self.cache / "state.sqlite")
        runs = database.execute("SELECT id, steps FROM run ORDER BY position").fetchall()
        start = time.time() - 3 * len(runs)
        with database:
            database.execute("UPDATE agent SET state = 'ended', ended = ?, reason = 'no spec is left'", [time.time()])
            for number, (run, steps) in enumerate(runs):
                failed = number % 500 == 499
                losses = {f"loss/{name}": chance.random() for name in LOSSES}
                metrics = losses | {
                    "misc/lr": chance.random(), "misc/grad_norm": chance.random(), "misc/step": steps,
                    "mmcs": chance.random(), "ml2r": chance.random(),
                } | {f"{module}/{kind}": chance.random() for kind in ["ci_l0", "n_alive_01"] for module in MODULES}
                begun, ended = start + 3 * number, start + 3 * number + 40
                error = "the loss is not a number at step 100" if failed else None
                database.execute(
                    "UPDATE run SET status = ?, attempt = 1, agent = 1, step = ?, steps_per_second = 900, losses = ?, "
                    "metrics = ?, error = ?, started = ?, ended = ? WHERE id = ?",
                    ["failed" if failed else "done", 100 if failed else steps, packed(losses),
                     None if failed else packed(metrics), error, begun, ended, run])
                database.execute(
                    "INSERT INTO attempt (run, number, agent, started, lease_until, ended, outcome, reason, cpu_seconds, "
                    "peak_memory, cores) VALUES (?, 1, 1, ?, ?, ?, ?, ?, 39.5, 30000000, 1)",
                    [run, begun, ended, ended, "failed" if failed else "done", error])
        database.close()


def show(name, measured):
    seconds = [one[0] for one in measured]
    print(f"{name:<16}{statistics.median(seconds):>10.3f}{max(seconds):>10.3f}{max(one[1] for one in measured):>8.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--specs", type=int, default=10_000, help="rounded up to hundreds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parent / "bin")
    parser.add_argument("--keep", type=pathlib.Path, help="make the state here and leave it")
    options = parser.parse_args()
    if not (options.programs / "orchestrator").exists():
        sys.exit(f"no orchestrator in {options.programs}: run 'make install', or give --programs")
    with tempfile.TemporaryDirectory(prefix="spd-state-") as scratch:
        folder = (options.keep or pathlib.Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "cache").exists():
            sys.exit(f"{folder / 'cache'} exists: --keep wants a folder without one")
        state = State(options.programs.resolve(), folder)
        state.write_sweep(options.specs)
        print(f"{platform.node()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {options.rounds} rounds")
        print(f"{'command':<16}{'median, s':>10}{'slowest':>10}{'MB':>8}")
        show("submit", [state.submit() for _ in range(options.rounds)])
        state.finish_runs()
        for name, arguments in COMMANDS.items():
            show(name, [state.call(arguments) for _ in range(options.rounds)])


main()
