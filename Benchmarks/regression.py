"""Sets a result of compare.py beside those that were stored of the same kind on the same type of CPU."""
import json

# Steps that take so much longer than before, as a share, are told as slower.
TOLERANCE = 0.10
# Beyond so many cores busy with other programs a measurement is not judged.
NOISY = 0.1
# With how many earlier measurements each one is compared: with the last alone, many small steps would add up unseen.
REMEMBERED = 5


def kind(report):
    """What two results must have in common to be compared."""
    return [report.get(key) for key in
            ("format", "cpu", "cpuModel", "cores", "quick", "exactGates", "openBLASCore")]


def earlier(folder, report):
    """Earlier results of the same kind with their files' names, the latest first."""
    found = []
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            other = json.loads(path.read_text())
        except ValueError:
            continue  # cut short, or somebody's notes
        if isinstance(other, dict) and kind(other) == kind(report) and other.get("time", "") < report["time"]:
            found.append((path.name, other))
    return found


def measurements(report):
    """A step's median in ms and the products' best speed in GFLOP/s (None if other programs were at work when that was
    measured), by experiment and number of threads; measurements that other programs disturbed are left out."""
    found = {}
    for row in report["experiments"]:
        for ceilings in report["ceilings"]:
            measured = row.get(f"ours_{ceilings['threads']}")
            if measured and row["otherCores"] <= NOISY:
                speed = ceilings["productGFLOPS"] if report.get("ceilingsOtherCores", 0) <= NOISY else None
                found[row["experiment"], ceilings["threads"]] = measured["medianMilliseconds"], speed
    return found


def change(now, before):
    """How much longer a step takes than before, as a factor, and how much of the products' speed the machine has left.

    A machine that is slower as a whole excuses that much.
    """
    (time, speed), (old_time, old_speed) = now, before
    machine = min(1.0, speed / old_speed) if speed and old_speed else 1.0
    factor = time / old_time
    return (factor if factor < 1 else max(1.0, factor * machine)), machine


def told(report, folder):
    """Lines on what has become slower or faster, and whether anything has become slower.

    Slower is what takes longer than in the fastest of the last results, faster what takes less time than in the last one.
    """
    past = [(name, measurements(other)) for name, other in earlier(folder, report)]
    if not past:
        return ["no earlier result of this CPU type to compare with"], False
    here = measurements(report)
    lines, compared, is_slower, least = [], 0, False, 1.0
    for (experiment, threads), now in here.items():
        changes = [(*change(now, other[experiment, threads]), name) for name, other in past
                   if (experiment, threads) in other][:REMEMBERED]
        if not changes:
            continue
        compared += 1
        worst = max(changes)
        factor, machine, name = worst if worst[0] > 1 + TOLERANCE else changes[0]
        least = min(least, machine)
        if abs(factor - 1) > TOLERANCE:
            is_slower = is_slower or factor > 1
            lines.append(f"{'SLOWER' if factor > 1 else 'faster'} than in {name}: {experiment} on {threads} "
                         f"thread{'s' if threads > 1 else ''}, {100 * (factor - 1):+.0f} %")
    if not compared:
        why = "no earlier result has these experiments" if here else "other programs were at work"
        return [f"not compared with earlier results: {why}"], False
    if not lines:
        lines = [f"as fast as before, within {100 * TOLERANCE:.0f} % ({compared} measurements, the latest result "
                 f"{past[0][0]})"]
    if least < 1 - TOLERANCE:
        lines.append(f"the machine's best products are up to {100 * (1 - least):.0f} % slower than then: that much was excused")
    return lines, is_slower
