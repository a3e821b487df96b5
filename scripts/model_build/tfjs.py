"""Reads the weights of a TensorFlow.js model: one manifest (JSON) and its binary shards."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from model_build.values import Floats

_CODED = {"float32": "<f4", "float16": "<f2", "uint8": "u1", "uint16": "<u2", "int32": "<i4", "bool": "?"}


def weights(manifest: list[dict[str, Any]], shard: Callable[[str], bytes]) -> dict[str, Floats]:
    """All weights by name as float32; shard gives the bytes of a file named in the manifest."""
    found: dict[str, Floats] = {}
    for group in manifest:
        raw = b"".join(shard(path) for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            stored = np.dtype(_CODED[entry.get("quantization", entry)["dtype"]])
            count = int(np.prod(entry["shape"], dtype=np.int64))
            values = np.frombuffer(raw, stored, count, offset).reshape(entry["shape"])
            offset += count * stored.itemsize
            found[entry["name"]] = _decoded(values.astype(np.float32), entry.get("quantization", {}))
    return found


def _decoded(values: Floats, coding: dict[str, Any]) -> Floats:
    """Undoes the affine 8-bit coding of the converter (scale and min); float16 has none."""
    if "scale" not in coding:
        return values
    return values * np.float32(coding["scale"]) + np.float32(coding["min"])


def loads(text: bytes) -> Any:
    """A manifest or a model file, parsed."""
    return json.loads(text)
