"""python -m quantisation.variants ARCHIVES FOLDER: one .tflite for each way of quantising MobileFaceNet."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]
from model_build import calibration, convert, hybrid, mobilefacenet, moments, photographs
from model_build.mobilefacenet import MobileFaceNet
from model_build.recipes import MOBILEFACENET_TEMPLATE
from model_build.values import Floats, Pixels, to_unit

from quantisation import equalise

_SIZE = mobilefacenet.SIZE
_EVERY = 5
"""Every fifth picture is enough to see which channels are loud."""


def main(archives: Path, folder: Path) -> None:
    """Writes what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    network = MobileFaceNet(mobilefacenet.load(archives))
    pictures = calibration.chips(photographs.load(archives), MOBILEFACENET_TEMPLATE, _SIZE, 300)
    for name, build in _builders(archives, network, pictures):
        file = folder / f"{name}.tflite"
        if not file.exists():
            file.write_bytes(build())


def _builders(
    archives: Path, network: MobileFaceNet, pictures: list[Pixels]
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    layers = network.layers
    nearest = hybrid.with_int8_weights(layers, [None] * len(layers))
    yield "package-float", lambda: mobilefacenet.oracle(archives)
    yield "float", lambda: _float(network)
    yield "weights-int8", lambda: hybrid.tflite(nearest, int8_products=False)
    yield "products-int8", lambda: hybrid.tflite(nearest)
    known = moments.gathered(network, pictures)
    fitted = hybrid.with_int8_weights(layers, [*known[:-1], None])
    yield "weights-int8-fitted", lambda: hybrid.tflite(fitted, int8_products=False)
    yield "products-int8-fitted", lambda: hybrid.tflite(fitted)
    yield "all-int8", lambda: convert.to_int8(network, _SIZE, pictures, has_head=False)
    small = MobileFaceNet(equalise.with_small_slopes(layers))
    even = MobileFaceNet(equalise.equalised(small.layers, _peaks(small, pictures[::_EVERY])))
    yield "all-int8-equalised", lambda: convert.to_int8(even, _SIZE, pictures, has_head=False)


def _float(network: MobileFaceNet) -> bytes:
    module = tf.Module()
    signature = [tf.TensorSpec([1, _SIZE, _SIZE, 3], tf.float32, name="image")]
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
