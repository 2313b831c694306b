"""What observers in Python need: `from spd_observer import observer, run`. Needs numpy; matplotlib only for figures.

`orchestrator submit` puts this file beside every observer. docs/how-to/user-metrics.md explains it.
"""
import json
import mmap
import os
import struct
import sys
import traceback

import numpy as np

_functions = []
_KINDS = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32}


def observer(function):
    """Registers a function that is called with a step's tensors as keyword arguments."""
    _functions.append(function)
    return function


class Config(dict):
    """The run's config: config.task_config.feature_probability is config["task_config"]["feature_probability"]."""

    def __getattr__(self, name):
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(name) from None
        return Config(value) if isinstance(value, dict) else value


def read(path):
    """The tensors of a safetensors file: {"batch": array, "ci": {module: array}, …}; the arrays cannot be written."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + length]).items():
        if name == "__metadata__":
            continue
        count = int(np.prod(entry["shape"], dtype=np.int64))
        start = 8 + length + entry["data_offsets"][0]
        array = np.frombuffer(data, _KINDS[entry["dtype"]], count, start).reshape(entry["shape"])
        what, _, module = name.partition("/")
        if module:
            tensors.setdefault(what, {})[module] = array
        else:
            tensors[what] = array
    return tensors


# What the published tool calls them.
_PUBLISHED = {
    "causal_importances": "ci",
    "unmasked_component_out": "out_unmasked",
    "masked_component_out": "out_masked",
}


def _number(value, name):
    """A number of numpy's, torch's or Python's as JSON has them; an array of one number is that number."""
    if isinstance(value, np.generic) or hasattr(value, "item") and getattr(value, "shape", None) in ((), (1,)):
        value = value.item()
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, found {type(value).__name__} {value!r:.60}") from None
    return value


def _figure(name, figure, step):
    path = f"{name}_{step}.png".replace("/", "_")
    figure.savefig(path, dpi=150)
    try:
        import matplotlib.pyplot as plt

        plt.close(figure)
    except ImportError:
        pass
    return path


def _add(reply, item, step):
    if isinstance(item, dict):
        item = ("metrics", item)
    kind = item[0]
    if kind == "metrics":
        for name, value in item[1].items():
            if hasattr(value, "savefig"):
                reply["files"][str(name)] = _figure(name, value, step)
            else:
                reply["metrics"][str(name)] = _number(value, name)
    elif kind == "table":
        rows = [[_number(cell, f"table {item[1]}") for cell in row] for row in item[3]]
        reply["tables"][str(item[1])] = {"columns": [str(column) for column in item[2]], "rows": rows}
    elif kind == "histogram":
        counts, edges = np.histogram(item[2], bins=item[3] if len(item) > 3 else 32)
        reply["histograms"][str(item[1])] = {"edges": edges.tolist(), "counts": counts.tolist()}
    elif kind == "file":
        reply["files"][str(item[1])] = os.fspath(item[2])
    elif kind == "figure":
        reply["files"][str(item[1])] = _figure(item[1], item[2], step)
    else:
        raise ValueError(f"expected metrics, table, histogram, file or figure, found {kind!r}")


def run():
    """Answers the run's questions until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what print() says goes to the log

    def say(reply):
        answers.write(json.dumps(reply) + "\n")

    hello = json.loads(sys.stdin.readline())
    config = Config(hello["config"])
    say({"ready": True})
    for line in sys.stdin:
        question = json.loads(line)
        step = question["step"]
        reply = {"step": step, "metrics": {}, "tables": {}, "histograms": {}, "files": {}}
        tensors = read(question["tensors"])
        for published, name in _PUBLISHED.items():
            if name in tensors:
                tensors[published] = tensors[name]
        errors = []
        for function in _functions:
            # What one function gets wrong costs none of the others its answer.
            try:
                result = function(
                    step=step, config=config, modules=hello["modules"], figures=question.get("figures", False), **tensors
                )
                is_one = isinstance(result, dict) or isinstance(result, tuple) and result and isinstance(result[0], str)
                for item in [result] if is_one else result or ():
                    _add(reply, item, step)
            except Exception as error:
                traceback.print_exc()
                errors.append(f"{type(error).__name__}: {error}")
        if errors:
            reply["error"] = "; ".join(errors)
        say(reply)
