#!/usr/bin/env python3
"""What figures and observers cost: runs of one experiment that differ in these alone, in turns, each a process of its own.

Measured is the whole of `orchestrator run` with one training thread, from its start to its end, with the thread that
draws and the observer's start; CPU time is the process's and its children's. "nothing, again" shows how far two equal
runs are apart. Shown are the medians over all rounds of the times and of their ratios to "nothing" in the same round, and
the least times' ratio, which other programs on the machine disturb least. `make bench` runs this.
"""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from tracking import machine

HERE = pathlib.Path(__file__).resolve().parent


def configs(orchestrator, experiment, steps, folder):
    """A config file of each variant: the published one, but for its length and what is looked at."""
    published = subprocess.run(
        [orchestrator, "experiments", experiment], capture_output=True, text=True, check=True).stdout
    own = {"steps": str(steps)} if steps else {}
    quiet = own | {"image_freq": "null", "image_on_first_step": "false", "figures": "none"}
    observer = "observers: [{run: ./coactivation.py, needs: [ci], every: 1000}]\n"
    variants = {"nothing": (quiet, ""), "nothing, again": (quiet, ""), "figures": (own, ""), "observer": (quiet, observer)}
    shutil.copy(HERE.parent / "examples" / "coactivation.py", folder)
    files = {}
    for name, (changed, more) in variants.items():
        lines = [line for line in published.splitlines() if line.split(":")[0] not in changed]
        lines += [f"{key}: {value}" for key, value in changed.items()]
        files[name] = pathlib.Path(folder) / f"{name.replace(', ', '_')}.yaml"
        files[name].write_text("\n".join(lines) + "\n" + more)
    return files


def measure(orchestrator, config, folder):
    """Wall and CPU seconds of a run."""
    out = folder + "/out"
    shutil.rmtree(out, ignore_errors=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [orchestrator, "run", config, "--out", out, "--threads", "1"], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": folder, "SPD_CACHE_DIR": folder + "/cache"})
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"orchestrator run failed: {done.stderr.strip()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=pathlib.Path, default=HERE.parent / "bin", help="the folder of both programs")
    parser.add_argument("--experiment", default="tms_5-2", help="a published experiment (default: %(default)s)")
    parser.add_argument("--steps", type=int, help="steps of each run (default: the published number)")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds (default: %(default)s)")
    options = parser.parse_args()
    orchestrator = options.programs / "orchestrator"
    with tempfile.TemporaryDirectory() as folder:
        files = configs(orchestrator, options.experiment, options.steps, folder)
        subprocess.run(  # Trains the target.
            [orchestrator, "run", options.experiment, "--steps", "1", "--out", folder + "/first"], capture_output=True,
            check=True, env={"PATH": os.environ["PATH"], "HOME": folder, "SPD_CACHE_DIR": folder + "/cache"})
        rounds = []
        for index in range(options.rounds):
            names = list(files)[index % len(files):] + list(files)[:index % len(files)]
            rounds.append({name: measure(orchestrator, files[name], folder) for name in names})
    print(f"{machine()}; {options.experiment}, {options.steps or 'published'} steps, 1 thread, {options.rounds} rounds")
    print(f"{'':16}{'wall, s':>10}{'ratio':>9}{'of least':>10}{'CPU, s':>10}{'ratio':>9}{'of least':>10}")
    for name in files:
        cells = ""
        for kind in (0, 1):
            own, plain = ([r[n][kind] for r in rounds] for n in (name, "nothing"))
            ratio = statistics.median(a / b for a, b in zip(own, plain))
            cells += f"{statistics.median(own):10.2f}{ratio:9.4f}{min(own) / min(plain):10.4f}"
        print(f"{name:16}{cells}")


if __name__ == "__main__":
    main()
