"""Safetensors with numpy alone: an 8-byte length, a JSON header, the tensors."""
import json
import numpy as np

DTYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U8": "u1"}


def read(path):
    """-> tensors by name, memory-mapped; metadata"""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    metadata = header.pop("__metadata__", {})
    data = np.memmap(path, "u1", "r", 8 + length) if any(entry["data_offsets"][1] for entry in header.values()) else np.zeros(0, "u1")
    return {name: data[slice(*entry["data_offsets"])].view(DTYPES[entry["dtype"]]).reshape(entry["shape"]) for name, entry in header.items()}, metadata


def write(path, tensors):
    header, at = {}, 0
    for name, array in tensors.items():
        dtype = next(key for key, code in DTYPES.items() if np.dtype(code) == array.dtype)
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(array.tobytes())
