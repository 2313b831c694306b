#!/usr/bin/env python3
"""Times an optimiser step of each published experiment, ours and PyTorch's, on one thread and on all cores.

The measurements take turns (ours, PyTorch, ours, ...), each in a process of its own, and medians are shown, so that
what else the machine does falls on all alike. It does not fall on PyTorch's several threads alike, which wait for each
other many times a step: where other programs ran meanwhile, no ratio to those is given.

Afterwards ours are set beside the last results that were stored on the same type of CPU: where something has become over
10 % slower, the exit code is 3.

Started by Benchmarks/run, which finds the worker and PyTorch.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import regression

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Tests" / "Fixtures" / "oracle"
NAMES = ["tms_5-2", "tms_5-2-id", "tms_40-10", "tms_40-10-id", "resid_mlp1", "resid_mlp2", "resid_mlp3", "lm_small", "ss_emb", "ts"]


class Failure(Exception):
    """Why a measurement gave nothing, in a line."""


class Machine:
    """How many cores' worth of time went to other programs since this was made."""

    def __init__(self):
        self.start = self.now()

    @staticmethod
    def now():
        with open("/proc/stat") as file:
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, file.readline().split()[1:9])
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
        return time.monotonic(), busy - used.ru_utime - used.ru_stime

    def other_cores(self):
        (then, before), (now, after) = self.start, self.now()
        return max(0.0, (after - before) / (now - then))


def run(command, given=None, timeout=None):
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failure(f"took more than {timeout:.0f} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        killed = "killed: out of memory?" if done.returncode < 0 else "failed"
        raise Failure(lines[-1] if lines else killed)
    return done.stdout


def ours(arguments, experiment, threads):
    command = [arguments.worker, "bench", experiment, "--threads", str(threads), "--json"]
    if arguments.quick:
        command += ["--steps", "10", "--warmup", "3"]
    if arguments.exact_gates:
        command += ["--exact-gates"]
    return json.loads(run(command))["benchmarks"][0]


def available_megabytes():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable")) / 1024


def peer(arguments, described, threads, compiled):
    config, target = json.loads(described["config"]), json.loads(described["targetConfig"])
    if "vocab_size" in target:
        if target["architectures"] != ["LlamaForCausalLM"]:
            raise Failure("not run: PyTorch's step needs over 20 GB of memory")
        places = config["batch_size"] * config["task_config"]["max_seq_len"]
        needed = 8 * 4 * places * target["vocab_size"] / 1e6 + 500
    else:
        # Autograd keeps about four tensors of shape (rows, C, N) per module.
        needed = 4 * 4 * described["gateNeurons"] / 1e6 + 500
    if needed > available_megabytes():
        raise Failure(f"not run: needs about {needed / 1000:.0f} GB of memory")
    command = [arguments.torch, str(HERE / "peer.py"), "time", "--threads", str(threads),
               "--seconds", "0.5" if arguments.quick else "4"] + (["--compile"] if compiled else [])
    given = json.dumps({key: described[key] for key in ("config", "targetConfig")})
    return json.loads(run(command, given, timeout=180 if arguments.quick else 1200))


def joined(measurements):
    """One result of several measurements: the median of all steps, the highest memory."""
    steps = [step for m in measurements for step in m["stepMilliseconds"]]
    return {**measurements[-1], "stepMilliseconds": steps, "medianMilliseconds": statistics.median(steps),
            "peakMegabytes": max(m["peakMegabytes"] for m in measurements)}


def measure(arguments, experiment, cores):
    """All ways of one experiment, taking turns."""
    teams = sorted({1, cores})
    ways = {f"ours_{threads}": (lambda threads=threads: ours(arguments, experiment, threads)) for threads in teams}
    described = ways["ours_1"]()  # not counted: the first run of a program is slower
    if arguments.torch:
        for threads in teams:
            ways[f"peer_{threads}"] = lambda threads=threads: peer(arguments, described, threads, compiled=False)
        if arguments.compile:
            ways["compiled"] = lambda: peer(arguments, described, cores, compiled=True)
    machine = Machine()
    measured, failures = {name: [] for name in ways}, {}
    for _ in range(arguments.rounds):
        for name, way in ways.items():
            if name in failures:
                continue
            if sys.stderr.isatty():
                print(f"\r\033[K{experiment}: {name}", end="", file=sys.stderr, flush=True)
            try:
                measured[name].append(way())
            except Failure as failure:
                if name.startswith("ours"):
                    raise Failure(f"{experiment}: {failure}") from None
                failures[name] = str(failure)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    row = {"experiment": experiment, "failures": failures, "otherCores": machine.other_cores()}
    for name, list_ in measured.items():
        if list_:
            row[name] = joined(list_)
    # Derived from the joined median, not from any one process's; the lowest floor is the least disturbed one.
    for threads in teams:
        result = row[f"ours_{threads}"]
        result["floorMilliseconds"] = min(m["floorMilliseconds"] for m in measured[f"ours_{threads}"])
        result["achievedGFLOPS"] = result["productFlops"] / (result["medianMilliseconds"] * 1e6)
        result["nanosecondsPerGateNeuron"] = result["medianMilliseconds"] * 1e6 / max(result["gateNeurons"], 1)
        for name in [f"peer_{threads}"] + (["compiled"] if threads == cores else []):
            if name in row:
                row[name]["ratio"] = row[name]["medianMilliseconds"] / result["medianMilliseconds"]
    return row


def spread(measured):
    """Half of the range that the middle half of the steps' times fills, in per cent of the median."""
    steps = measured["stepMilliseconds"]
    if len(steps) < 4:
        return "–"
    low, _, high = statistics.quantiles(steps, n=4)
    return f"{100 * (high - low) / 2 / measured['medianMilliseconds']:.0f} %"


def number(value):
    """At least three digits that count, no exponent."""
    decimals = 3 if value < 1 else max(0, 3 - len(str(int(value))))
    return f"{value:.{decimals}f}"


def table(report):
    """The report as Markdown, which also reads well in a terminal."""
    cores = report["cores"]
    lines = [f"{report['cpu']}, {cores} cores; OpenBLAS core {report['openBLASCore']}"
             + (f" (OPENBLAS_CORETYPE={report['openBLASCoreType']})" if report["openBLASCoreType"] else "")
             + (f"; PyTorch {report['torch']}" if report["torch"] else "")]
    for c in report["ceilings"]:
        lines.append(
            f"ceilings, {c['threads']} thread{'s' if c['threads'] > 1 else ''}: {c['productGFLOPS']:.0f} GFLOP/s; "
            f"{c['gateForwardNanoseconds']:.3f} + {c['gateBackwardNanoseconds']:.3f} ns per exact gate neuron, "
            "forward + backward")
    compiled = any("compiled" in row or "compiled" in row["failures"] for row in report["experiments"])
    teams = sorted({1, cores})
    head = ["experiment"]
    for threads in teams:
        head += [f"ours, {threads} thread{'s' if threads > 1 else ''}", "±", "PyTorch", "ratio"]
    head += (["compiled", "ratio"] if compiled else []) + [
        "floor", "× floor", "GFLOP/s", "ns/gate neuron", "MB", "PyTorch MB"]
    rows = [head]
    for row in report["experiments"]:
        is_noisy = row["otherCores"] > regression.NOISY
        cells = [row["experiment"] + (" *" if is_noisy else "")]

        def add_peer(name, is_comparable):
            found = row.get(name)
            cells.append(number(found["medianMilliseconds"]) if found else "–")
            cells.append(number(found["ratio"]) if found and is_comparable else "–")

        for threads in teams:
            cells.append(number(row[f"ours_{threads}"]["medianMilliseconds"]))
            cells.append(spread(row[f"ours_{threads}"]))
            add_peer(f"peer_{threads}", is_comparable=threads == 1 or not is_noisy)
        if compiled:
            add_peer("compiled", is_comparable=not is_noisy)
        best, other = row[f"ours_{cores}"], row.get(f"peer_{cores}")
        cells += [number(best["floorMilliseconds"]),
                  f"{best['medianMilliseconds'] / best['floorMilliseconds']:.2f}", number(best["achievedGFLOPS"]),
                  f"{best['nanosecondsPerGateNeuron']:.4f}" if best["gateNeurons"] else "–", f"{best['peakMegabytes']:.0f}",
                  f"{other['peakMegabytes']:.0f}" if other else "–"]
        rows.append(cells)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    rule = ["-" * (w - 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths)]
    lines.append(f"times in ms per step, medians, ± half of what the middle half of the steps spans; the last six columns with threads on all {cores} cores")
    lines.append("")
    for row in [rows[0], rule] + rows[1:]:
        cells = [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))]
        lines.append("| " + " | ".join(cells) + " |")
    noisy = [row["otherCores"] for row in report["experiments"] if row["otherCores"] > regression.NOISY]
    if noisy:
        lines.append(f"* noisy: other programs kept up to {max(noisy):.1f} cores busy meanwhile")
    for row in report["experiments"]:
        lines += [f"{row['experiment']}: {name}: {why}" for name, why in row["failures"].items()]
    return "\n".join(lines)


def cpu(*keys):
    """What the kernel says of the first CPU; None where it does not say it."""
    with open("/proc/cpuinfo") as file:
        told = dict(map(str.strip, line.split(":", 1)) for line in file.read().split("\n\n")[0].splitlines())
    return "/".join(told[key] for key in keys) if all(key in told for key in keys) else None


def check(arguments):
    """Whether PyTorch's step and ours compute the same, on every replay in the tests' fixtures."""
    agrees = True
    for given in sorted([*FIXTURES.glob("*.safetensors"), FIXTURES / "lm" / "lm_llama_embed.safetensors"]):
        if given.name.endswith(".expected.safetensors"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            result = os.path.join(folder, "result.safetensors")
            run([arguments.worker, "replay", str(given), "--out", result])
            done = subprocess.run([arguments.torch, str(HERE / "peer.py"), "check", str(given), result])
            agrees = agrees and done.returncode == 0
    return 0 if agrees else 1


def parse():
    parser = argparse.ArgumentParser(prog="Benchmarks/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--torch", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few steps and one round, for CI")
    parser.add_argument("--experiments", default=",".join(NAMES), help="which, with commas between (default: all)")
    parser.add_argument("--no-peer", action="store_true", help="time ours only")
    parser.add_argument("--compile", action="store_true", help="PyTorch under torch.compile as well")
    parser.add_argument("--exact-gates", action="store_true", help="ours without interpolated gates")
    parser.add_argument("--rounds", type=int, help="how many turns each takes (default: 3, with --quick 1)")
    parser.add_argument("--check", action="store_true", help="compare what ours and PyTorch compute, time nothing")
    parser.add_argument("--show", metavar="JSON", help="print the table of an earlier result")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    arguments.experiments = arguments.experiments.split(",")
    for name in arguments.experiments:
        if name not in NAMES:
            parser.error(f"no experiment '{name}'; there are {', '.join(NAMES)}")
    if arguments.no_peer:
        arguments.torch = None
    if arguments.check and not arguments.torch:
        parser.error("--check needs PyTorch")
    return arguments


def main():
    arguments = parse()
    if arguments.show:
        try:
            shown = table(json.loads(pathlib.Path(arguments.show).read_text()))
        except OSError as error:
            raise Failure(f"{arguments.show}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise Failure(f"{arguments.show} is not a result of this program") from None
        print(shown, flush=True)
        return 0
    if arguments.check:
        return check(arguments)
    cores = len(os.sched_getaffinity(0))
    machine = Machine()
    ceilings = json.loads(run([arguments.worker, "bench", "--ceilings", "--json"]))
    report = {
        "format": "spd-bench-1", "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "cpu": cpu("model name") or platform.machine(),
        # Virtual machines often name several generations of CPUs alike.
        "cpuModel": cpu("cpu family", "model", "stepping"), "cores": cores, "quick": arguments.quick,
        "exactGates": arguments.exact_gates, "openBLASCoreType": os.environ.get("OPENBLAS_CORETYPE"), "torch": None,
        **{key: value for key, value in ceilings.items() if key != "benchmarks"},
        "ceilingsOtherCores": machine.other_cores(),
        "experiments": [],
    }
    for experiment in arguments.experiments:
        row = measure(arguments, experiment, cores)
        report["torch"] = report["torch"] or row.get("peer_1", {}).get("torch")
        report["experiments"].append(row)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    stamp = report["time"][:19].replace(":", "").replace("-", "")
    path = results / f"{stamp}{'-quick' if arguments.quick else ''}.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report))
    lines, is_slower = regression.told(report, results)
    print("\n" + "\n".join(lines) + f"\n{os.path.relpath(path)}")
    return 3 if is_slower else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"Benchmarks/run: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read has seen enough; what is left goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
