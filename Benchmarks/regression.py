"""Sets a result of compare.py beside the last one that was stored of the same kind on the same type of CPU."""
import json

# Steps that take so much longer than before, as a share, are told as slower.
TOLERANCE = 0.10
# Beyond so many cores busy with other programs a measurement is not judged.
NOISY = 0.1


def kind(report):
    """What two results must have in common to be compared."""
    return [report.get(key) for key in ("format", "cpu", "cores", "quick", "exactGates", "openBLASCore")]


def last(folder, report):
    """The latest earlier result of the same kind, and its file's name; None where there is none."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            other = json.loads(path.read_text())
        except ValueError:
            continue  # cut short, or somebody's notes
        if isinstance(other, dict) and kind(other) == kind(report) and other.get("time", "") < report["time"]:
            return path.name, other
    return None


def changes(report, before):
    """By experiment and number of threads: how much longer a step takes than before, as a factor; less is better.

    A machine that is slower as a whole, by its products' best speed, excuses that much.
    """
    earlier = {row["experiment"]: row for row in before["experiments"]}
    speeds = {c["threads"]: c["productGFLOPS"] for c in before["ceilings"]}
    found = {}
    for row in report["experiments"]:
        for ceilings in report["ceilings"]:
            name = f"ours_{ceilings['threads']}"
            old = earlier.get(row["experiment"], {})
            if name not in row or name not in old or max(row["otherCores"], old["otherCores"]) > NOISY:
                continue
            machine = min(1.0, ceilings["productGFLOPS"] / speeds.get(ceilings["threads"], ceilings["productGFLOPS"]))
            change = row[name]["medianMilliseconds"] / old[name]["medianMilliseconds"]
            found[row["experiment"], ceilings["threads"]] = change if change < 1 else max(1.0, change * machine)
    return found


def told(report, folder):
    """Lines on what has become slower or faster, and whether anything has become slower."""
    found = last(folder, report)
    if not found:
        return ["no earlier result of this CPU type to compare with"], False
    name, before = found
    compared = changes(report, before)
    if not compared:
        return [f"not compared with {name}: other programs were at work"], False
    lines = []
    for (experiment, threads), change in compared.items():
        if abs(change - 1) > TOLERANCE:
            word = "SLOWER" if change > 1 else "faster"
            lines.append(f"{word} than in {name}: {experiment} on {threads} thread{'s' if threads > 1 else ''}, "
                         f"{100 * (change - 1):+.0f} %")
    if not lines:
        lines = [f"as fast as in {name}, within {100 * TOLERANCE:.0f} % (of {len(compared)} measurements compared)"]
    return lines, any(change > 1 + TOLERANCE for change in compared.values())
