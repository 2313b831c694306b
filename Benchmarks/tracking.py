#!/usr/bin/env python3
"""What tracking costs: pairs of runs, one with W&B disabled, one that posts to a server on this machine.

Each run is a process of its own with one training thread; pairs take turns in which comes first. Compared are the wall
time of training (from the claim to the last step, as the state file has it) and the process's CPU time, and the CPU time
of the tracking thread alone is told. The medians of the pairs' ratios are shown. `make bench` runs this.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
KEY = "0" * 40


class Bench:
    def __init__(self, programs, folder, experiment, steps, print_freq):
        self.orchestrator, self.worker = programs / "orchestrator", programs / "worker"
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder, "SPD_CACHE_DIR": folder + "/cache"}
        published = subprocess.run(
            [self.orchestrator, "experiments", experiment], capture_output=True, text=True, check=True).stdout
        lines = []
        for line in published.splitlines():
            key = line.split(":")[0]
            changed = {"steps": steps, "print_freq": print_freq, "image_freq": steps // 4}.get(key)
            lines.append(line if changed is None else f"{key}: {changed}")
        self.config = folder + f"/{experiment}.yaml"
        pathlib.Path(self.config).write_text("\n".join(lines) + "\n")

    def call(self, *arguments, **more):
        done = subprocess.run(
            [self.orchestrator, *arguments], capture_output=True, text=True, env=self.environment | more)
        if done.returncode not in (0, 3):
            sys.exit(f"orchestrator {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def measure(self, tracking):
        """Wall and CPU seconds of a run, and the CPU seconds of its tracking thread."""
        self.call(
            "submit", "--experiments", self.config, "--executor", "local", "--n-agents", "1", "--no-create-report",
            WANDB_MODE="disabled", SPD_WORKER="/bin/true")
        job = max(row["id"] for row in json.loads(self.call("status", "--json"))["jobs"])
        process = subprocess.Popen(
            [self.worker, "--job-id", str(job), "--threads", "1", "--quiet"], env=self.environment | tracking,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        threads = {}
        watching = threading.Thread(target=self.watch, args=(process.pid, threads))
        watching.start()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watching.join()
        if process.returncode:
            sys.exit(f"worker failed: {process.stderr.read().decode().strip()}")
        run = json.loads(self.call("status", str(job), "--json"))["jobs"][0]["runs"][0]
        return run["ended"] - run["started"], used.ru_utime + used.ru_stime, threads.get("wandb", 0.0)

    @staticmethod
    def watch(process, threads):
        """Keeps the CPU time of each of a process's threads, by name, until it ends."""
        while True:
            try:
                for task in os.listdir(f"/proc/{process}/task"):
                    place = pathlib.Path(f"/proc/{process}/task/{task}")
                    nanoseconds = int((place / "schedstat").read_text().split()[0])
                    threads[(place / "comm").read_text().strip()] = nanoseconds / 1e9
            except (FileNotFoundError, ProcessLookupError):
                return
            time.sleep(0.2)


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return f"{platform.machine()}, {os.cpu_count()} cores"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parent / "bin", help="the folder of both programs")
    parser.add_argument("--experiment", default="tms_5-2", help="a published experiment (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=20_000, help="steps of each run (default: %(default)s)")
    parser.add_argument("--print-freq", type=int, default=100, help="steps between rows (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=7, help="how many pairs (default: %(default)s)")
    options = parser.parse_args()
    server = subprocess.Popen([sys.executable, HERE / "stand_in.py"], stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        on = {"WANDB_BASE_URL": url, "WANDB_API_KEY": KEY, "WANDB_ENTITY": "lab"}
        off = {"WANDB_MODE": "disabled"}
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(options.programs, folder, options.experiment, options.steps, options.print_freq)
            bench.measure(off)  # Trains the target.
            pairs = []
            for index in range(options.pairs):
                order = [off, on] if index % 2 == 0 else [on, off]
                first, second = (bench.measure(tracking) for tracking in order)
                pairs.append((first, second) if index % 2 == 0 else (second, first))
        rows = json.load(urllib.request.urlopen(url))
    finally:
        server.kill()
    expected = options.steps // options.print_freq + 1
    if sorted(rows.values()) != [expected] * options.pairs:
        sys.exit(f"the server got {sorted(rows.values())} rows of {options.pairs} runs, not {expected} of each")
    median = statistics.median
    print(f"{machine()}; {options.experiment}, {options.steps} steps, a row every {options.print_freq}, 1 thread")
    print(f"{options.pairs} pairs, medians         disabled   tracked   ratio")
    for index, name in enumerate(["wall time of training, s", "CPU time of process, s"]):
        off, on = median(a[index] for a, _ in pairs), median(b[index] for _, b in pairs)
        ratio = median(b[index] / a[index] for a, b in pairs)
        print(f"{name:26} {off:9.2f} {on:9.2f} {ratio:7.4f}")
    share = median(b[2] / b[1] for _, b in pairs)
    print(f"tracking thread: {median(b[2] for _, b in pairs):.3f} s of CPU, {100 * share:.2f} % of the process's")


if __name__ == "__main__":
    main()
