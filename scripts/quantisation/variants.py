"""Every way of quantising MobileFaceNet as a .tflite, from the same network and the same pictures."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from model_build import convert, hybrid, mobilefacenet, recipes
from model_build.hybrid import Int8Layer
from model_build.mobilefacenet import MobileFaceNet
from model_build.values import Floats, Pixels, to_unit

from quantisation import equalise

EXACT = "float"
"""The way that all others are compared with."""
_EVERY = 5
"""Every fifth picture is enough to see which channels are loud."""


class Variants:
    """Every way by name; what several ways need is made once, and only when one of them is made."""

    def __init__(self, archives: Path) -> None:
        self._archives = archives
        self.makers: dict[str, Callable[[], bytes]] = {
            "package-float": lambda: mobilefacenet.oracle(archives),
            "float": lambda: _float(self._parts[0]),
            "weights-int8": lambda: hybrid.tflite(self._nearest(), int8_products=False),
            "weights-int8-fitted": lambda: hybrid.tflite(self._fitted, int8_products=False),
            "products-int8": lambda: hybrid.tflite(self._nearest()),
            "products-int8-fitted": lambda: hybrid.tflite(self._fitted),
            "all-int8": lambda: self._all_int8(self._parts[0]),
            "all-int8-equalised": lambda: self._all_int8(self._even()),
        }

    @cached_property
    def _parts(self) -> tuple[MobileFaceNet, list[Pixels]]:
        return recipes.mobile_face_net_parts(self._archives)

    @cached_property
    def _fitted(self) -> list[Int8Layer]:
        return recipes.fitted(*self._parts)

    def _nearest(self) -> list[Int8Layer]:
        layers = self._parts[0].layers
        return hybrid.with_int8_weights(layers, [None] * len(layers))

    def _even(self) -> MobileFaceNet:
        network, pictures = self._parts
        small = MobileFaceNet(equalise.with_small_slopes(network.layers))
        peaks = _peaks(small, pictures[::_EVERY])
        return MobileFaceNet(equalise.equalised(small.layers, peaks))

    def _all_int8(self, network: MobileFaceNet) -> bytes:
        return convert.to_int8(network, mobilefacenet.SIZE, self._parts[1], has_head=False)


def made(archives: Path, folder: Path, only: list[str]) -> list[Path]:
    """The files of all ways, or of those named only; what is not there yet is made."""
    folder.mkdir(parents=True, exist_ok=True)
    makers = Variants(archives).makers
    files = {name: folder / f"{name}.tflite" for name in makers if not only or name in {EXACT, *only}}
    for name, file in files.items():
        if not file.exists():
            file.write_bytes(makers[name]())
    return list(files.values())


def _float(network: MobileFaceNet) -> bytes:
    module = tf.Module()
    signature = [tf.TensorSpec([1, mobilefacenet.SIZE, mobilefacenet.SIZE, 3], tf.float32, name="image")]
    module.call = tf.function(network, input_signature=signature, autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.call.get_concrete_function()], module)
    return bytes(converter.convert())


def _peaks(network: MobileFaceNet, pictures: list[Pixels]) -> list[Floats]:
    """The largest absolute value of each channel before its PReLU, where slopes are within [-1, 1]."""
    found: list[Floats] = [np.zeros(1, np.float32)] * len(network.layers)
    for picture in pictures:
        made = network.linear(tf.constant(to_unit(picture)))
        found = [np.maximum(a, np.abs(b.numpy()).max((0, 1, 2))) for a, b in zip(found, made, strict=True)]
    return found
