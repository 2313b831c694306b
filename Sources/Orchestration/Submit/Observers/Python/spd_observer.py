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
    """The run's config: config.C is config["C"]."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


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


def _number(value):
    return value.item() if isinstance(value, np.generic) or getattr(value, "shape", None) == () else value


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
                reply["files"][name] = _figure(name, value, step)
            else:
                reply["metrics"][name] = _number(value)
    elif kind == "table":
        rows = [[_number(cell) for cell in row] for row in item[3]]
        reply["tables"][item[1]] = {"columns": list(item[2]), "rows": rows}
    elif kind == "histogram":
        counts, edges = np.histogram(item[2], bins=item[3] if len(item) > 3 else 32)
        reply["histograms"][item[1]] = {"edges": edges.tolist(), "counts": counts.tolist()}
    elif kind == "file":
        reply["files"][item[1]] = item[2]
    elif kind == "figure":
        reply["files"][item[1]] = _figure(item[1], item[2], step)
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
        try:
            tensors = read(question["tensors"])
            for published, name in _PUBLISHED.items():
                if name in tensors:
                    tensors[published] = tensors[name]
            for function in _functions:
                result = function(
                    step=step, config=config, modules=hello["modules"], figures=question.get("figures", False), **tensors
                )
                for item in [result] if isinstance(result, dict) else result or ():
                    _add(reply, item, step)
        except Exception as error:
            traceback.print_exc()
            reply["error"] = f"{type(error).__name__}: {error}"
        say(reply)
