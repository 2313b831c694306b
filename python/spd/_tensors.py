"""Weights in safetensors files, with NumPy or without."""

import json
import struct
import sys
from array import array

_KINDS = {"F64": ("d", 8), "F32": ("f", 4), "I64": ("q", 8), "I32": ("i", 4), "I16": ("h", 2), "I8": ("b", 1),
          "U8": ("B", 1), "BOOL": ("B", 1)}


class Tensor:
    """An array without NumPy: `shape`, and `values` in row-major order."""

    def __init__(self, shape, values):
        self.shape = tuple(shape)
        self.values = values

    def __repr__(self):
        return f"<spd.Tensor {self.shape}>"

    def __len__(self):
        return self.shape[0] if self.shape else 1

    def tolist(self):
        """Nested lists, as from NumPy arrays."""

        def nested(shape, start):
            if not shape:
                return self.values[start]
            size = 1
            for extent in shape[1:]:
                size *= extent
            return [nested(shape[1:], start + index * size) for index in range(shape[0])]

        return nested(self.shape, 0)


def read_safetensors(path):
    """Name -> array of everything in a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 8:
        raise ValueError(f"{path} is cut short")
    (size,) = struct.unpack_from("<Q", data)
    if size > len(data) - 8:
        raise ValueError(f"{path} is cut short, or no safetensors file")
    header = json.loads(data[8 : 8 + size])
    body = memoryview(data)[8 + size :]
    header.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, body) for name, entry in header.items()}


def _tensor(path, name, entry, body):
    kind, shape = entry["dtype"], entry["shape"]
    start, end = entry["data_offsets"]
    if kind not in _KINDS:
        raise ValueError(f"{path}: {name} has the type {kind}, which is not known here")
    code, width = _KINDS[kind]
    count = 1
    for extent in shape:
        count *= extent
    if not 0 <= start <= end <= len(body) or end - start != count * width:
        raise ValueError(f"{path} is cut short: {name} is not all there")
    try:
        import numpy
    except ImportError:
        values = array(code)
        values.frombytes(bytes(body[start:end]))
        if sys.byteorder == "big":
            values.byteswap()
        return Tensor(shape, values)
    flat = numpy.frombuffer(body[start:end], dtype=numpy.dtype(code).newbyteorder("<"))
    return flat.astype(code).reshape(shape)
