"""The state file and the folders next to it."""

import json
import math
import operator
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from ._tensors import read_safetensors


class SPDError(Exception):
    """The requested data does not exist or cannot be read."""


def cache(path=None):
    """The cache folder at a path; SPD_CACHE_DIR or ~/spd_cache unless one is given."""
    return Cache(path)


def job(number=None, cache=None):
    """A job by its number; the latest unless one is given."""
    return Cache(cache).job(number)


def jobs(cache=None):
    """All jobs, the latest last."""
    return Cache(cache).jobs()


def _number(value):
    words = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
    return words.get(value, value)


def _numbers(text):
    return {name: _number(value) for name, value in json.loads(text).items()} if text else {}


def _flat(value, path=""):
    """A config's keys, nested ones joined by dots."""
    if not isinstance(value, dict):
        return {path: value}
    found = {}
    for key, inner in value.items():
        found.update(_flat(inner, f"{path}.{key}" if path else key))
    return found


def _without(config, paths):
    """A config with None for settings not chosen yet; empty if it is not recorded which those are."""
    for path in paths:
        *parents, last = path.split(".")
        place = config
        for name in parents:
            place = place.get(name) if isinstance(place, dict) else None
        if isinstance(place, dict) and last in place:
            place[last] = None
    return config if paths else {}


def _frame(rows, frame):
    """The rows as a DataFrame: if asked for, or if pandas is there and nothing else was asked for."""
    if frame is False:
        return rows
    try:
        import pandas
    except ImportError:
        if frame:
            raise SPDError("frame=True needs pandas, which is not installed") from None
        return rows
    return pandas.DataFrame(rows)


class Cache:
    """A cache folder: its state file and the files next to it."""

    def __init__(self, path=None):
        named = path or os.environ.get("SPD_CACHE_DIR") or Path.home() / "spd_cache"
        self.path = Path(named).expanduser().absolute()

    def __repr__(self):
        return f"spd.Cache({str(self.path)!r})"

    def _query(self, sql, *values):
        file = self.path / "state.sqlite"
        if not file.is_file():
            raise SPDError(f"nothing was ever submitted to {self.path}; SPD_CACHE_DIR or cache= names another folder")
        name = str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        # A file whose folder may not be written to is read as it is: nobody else can be changing it through us.
        for mode in ("mode=ro", "mode=ro&immutable=1"):
            try:
                with closing(sqlite3.connect(f"file:{name}?{mode}", uri=True, timeout=60)) as connection:
                    connection.row_factory = sqlite3.Row
                    return [dict(row) for row in connection.execute(sql, values)]
            except sqlite3.OperationalError as error:
                if "unable to open" not in str(error) and "readonly" not in str(error):
                    raise SPDError(f"{file}: {error}") from error
                problem = error
            except sqlite3.DatabaseError as error:
                raise SPDError(f"{file}: {error}") from error
        raise SPDError(f"{file}: {problem}")

    def jobs(self):
        """All jobs, the latest last."""
        return [Job(self, row) for row in self._query("SELECT * FROM job ORDER BY id")]

    def job(self, number=None):
        """A job by its number; the latest unless one is given."""
        if number is None:
            rows = self._query("SELECT * FROM job ORDER BY id DESC LIMIT 1")
        else:
            try:
                wanted = int(number) if isinstance(number, str) else operator.index(number)
            except (TypeError, ValueError):
                raise SPDError(f"a job is named by its number, such as 7, not {number!r}") from None
            # SQLite's numbers have 64 bits.
            rows = self._query("SELECT * FROM job WHERE id = ?", wanted) if abs(wanted) < 2**63 else []
        if not rows:
            known = [row["id"] for row in self._query("SELECT id FROM job ORDER BY id")]
            raise SPDError(f"there is no job {number}; there are {known}" if known else "there is no job yet")
        return Job(self, rows[0])


class Job:
    """A job as it was when requested; `runs` reads again."""

    def __init__(self, cache, row):
        self._cache = cache
        self.id = row["id"]
        self.name = row.get("title") or row["token"]
        self.token = row["token"]
        self.executor = row["executor"]
        self.created = row["created"]
        self.note = row.get("note")
        self.tags = json.loads(row.get("tags") or "[]")
        self.folder = cache.path / "jobs" / str(self.id)

    def __repr__(self):
        return f"<spd.Job {self.id} {self.name!r}>"

    def _rows(self):
        return self._cache._query(
            # `open` came with searches: older state files have no such column.
            "SELECT spec.*, run.* FROM run JOIN spec ON spec.run = run.id "
            "WHERE run.job = ? ORDER BY run.position",
            self.id,
        )

    def each(self):
        """All runs as `Run` objects, in the order of their specs."""
        return [Run(self._cache, row) for row in self._rows()]

    def run(self, name):
        """The run of a name or its beginning, or at a position."""
        runs = self.each()
        found = [run for run in runs if run.position == name or isinstance(name, str) and run.id.startswith(name)]
        if isinstance(name, str) and not name:
            found = []
        if len(found) != 1:
            what = "no run" if not found else f"{len(found)} runs"
            raise SPDError(f"job {self.id} has {what} named {name!r}")
        return found[0]

    def runs(self, all_config=False, frame=None):
        """One row per run: its state, the settings that vary within the job, its final metrics.

        `all_config` tells every setting. `frame=False` gives a list of dicts even where pandas is there.
        """
        runs = self.each()
        configs = [_flat(run.config) for run in runs]
        names = sorted(set().union(*configs)) if configs else []
        if not all_config:
            names = [n for n in names if any(c.get(n) != configs[0].get(n) or (n in c) != (n in configs[0]) for c in configs)]
        rows = []
        for run, config in zip(runs, configs):
            row = {
                "run": run.id, "job": self.id, "position": run.position, "experiment": run.experiment,
                "state": run.state, "attempts": run.attempts, "step": run.step, "steps": run.steps,
                "started": run.started, "ended": run.ended, "error": run.error, "note": run.note,
                "folder": str(run.folder),
            }
            for name in names:
                row[name if name not in row else f"config.{name}"] = config.get(name)
            for name, value in run.metrics.items():
                row[name if name not in row else f"metric.{name}"] = value
            rows.append(row)
        return _frame(rows, frame)

    def history(self, frame=None):
        """Everything that the job's runs have logged: one row per run and step."""
        rows = []
        for run in self.each():
            rows += [{"run": run.id, **row} for row in run.history(frame=False)]
        return _frame(rows, frame)


class Run:
    """A run as it was when requested; its files are read on demand."""

    def __init__(self, cache, row):
        self.id = row["id"]
        self.job = row["job"]
        self.position = row["position"]
        self.experiment = row["experiment"]
        self.state = row["status"]
        self.attempts = row["attempt"]
        self.step = row["step"]
        self.steps = row["steps"]
        self.started = row["started"]
        self.ended = row["ended"]
        self.error = row["error"]
        self.note = row.get("note")
        self.tags = json.loads(row.get("tags") or "[]")
        overrides = {path: json.loads(value) for path, value in json.loads(row["overrides"])}
        config = json.loads(row["config"])
        # What a search is still to choose is a placeholder in the state file.
        is_open = row.get("open")
        self.config = _without(config, overrides) if is_open else config
        self.overrides = {} if is_open else overrides
        self.metrics = _numbers(row["metrics"])
        self.losses = _numbers(row["losses"])
        self.folder = cache.path / "runs" / self.id

    def __repr__(self):
        return f"<spd.Run {self.id} {self.state}>"

    def history(self, frame=None):
        """One row per logged step; empty for a run that has logged none yet, an SPDError if its rows are lost."""
        rows = []
        file_path = self.folder / "metrics.jsonl"
        try:
            with open(file_path, encoding="utf-8") as file:
                for line in file:
                    # A row that a crash cut short, or that is being written, has no end.
                    if line.endswith("\n"):
                        rows.append({name: _number(value) for name, value in json.loads(line).items()})
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            raise SPDError(f"run {self.id}: {file_path}: {error}") from error
        # One that has ended well has logged its end.
        if not rows and (self.state == "done" or self.state not in ("pending", "running") and self.metrics):
            raise SPDError(f"run {self.id}: {file_path} {'holds no rows' if file_path.exists() else 'is gone'}")
        return _frame(rows, frame)

    def weight_files(self):
        """Step -> file of the saved weights."""
        found = {}
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                match = re.fullmatch(r"model_(\d+)\.safetensors", path.name)
                if match:
                    found[int(match[1])] = path
        return dict(sorted(found.items()))

    def weights(self, step=None):
        """Name -> array of the latest weights, or those after a step."""
        files = self.weight_files()
        if not files:
            yet = " yet" if self.state in ("pending", "running") else ""
            raise SPDError(f"run {self.id} has no weights{yet} (it is {self.state})")
        if step is not None and step not in files:
            raise SPDError(f"run {self.id} has no weights of step {step}; there are {list(files)}")
        return read_safetensors(files[max(files) if step is None else step])
