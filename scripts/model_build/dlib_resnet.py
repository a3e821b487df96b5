"""dlib's face_recognition_resnet_model_v1 (King 2017): 150x150 face chip -> 128 numbers.

A ResNet of 29 convolutions; the layers are those of dlib's example dnn_face_recognition_ex.cpp,
the weights those that face-api carries under readable names. dlib's "affine" layers (scale, bias)
are folded into the convolutions before them.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build import packages, tfjs
from model_build.values import Conv, Tensor, fold_input

_FOLDER = "package/model/"
_MANIFEST = _FOLDER + "face_recognition_model-weights_manifest.json"
_INPUT_SCALE = 1 / 256
_INPUT_SHIFT = (np.array([-122.782, -117.001, -104.298]) / 256).astype(np.float32)
"""dlib's input_rgb_image: minus the mean red, green, blue of ImageNet, divided by 256."""
_BLOCKS = (
    *("conv32_1", "conv32_2", "conv32_3"),
    *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
    *("conv128_down", "conv128_1", "conv128_2"),
    *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
)


class DlibResnet:
    """The network as a function from a batch of to_unit() chips to raw embeddings."""

    def __init__(self, archives: Path) -> None:
        archive = packages.fetch(packages.FACE_API, archives)
        manifest = tfjs.loads(packages.read(archive, _MANIFEST))
        self._weights = tfjs.weights(manifest, lambda path: packages.read(archive, _FOLDER + path))

    def __call__(self, picture: Tensor) -> dict[str, Tensor]:
        """The embedding [1, 128], its length as the network leaves it."""
        first = fold_input(self._conv("conv32_down"), _INPUT_SCALE, _INPUT_SHIFT)
        flow = tf.nn.relu(_convolve(picture, first, 2, "VALID"))
        flow = tf.nn.max_pool2d(flow, 3, 2, "VALID")
        for block in _BLOCKS:
            flow = self._halved(flow, block) if "down" in block else self._residual(flow, block)
        return {"embedding": tf.matmul(tf.reduce_mean(flow, [1, 2]), self._weights["fc"])}

    def _residual(self, flow: Tensor, block: str) -> Tensor:
        inner = tf.nn.relu(_convolve(flow, self._conv(block + "/conv1"), 1, "SAME"))
        return tf.nn.relu(_convolve(inner, self._conv(block + "/conv2"), 1, "SAME") + flow)

    def _halved(self, flow: Tensor, block: str) -> Tensor:
        """Half the size and, but for the last, twice the channels; the smaller of both ways is zero-padded."""
        inner = tf.nn.relu(_convolve(flow, self._conv(block + "/conv1"), 2, "VALID"))
        inner = _convolve(inner, self._conv(block + "/conv2"), 1, "SAME")
        short = _mean_of_four(flow)
        rows, columns = short.shape[1] - inner.shape[1], short.shape[2] - inner.shape[2]
        if rows or columns:
            inner = tf.pad(inner, [[0, 0], [0, rows], [0, columns], [0, 0]])
        channels = inner.shape[3] - short.shape[3]
        if channels:
            short = tf.pad(short, [[0, 0], [0, 0], [0, 0], [0, channels]])
        return tf.nn.relu(short + inner)

    def _conv(self, name: str) -> Conv:
        scale = self._weights[name + "/scale/weights"]
        bias = self._weights[name + "/conv/bias"] * scale + self._weights[name + "/scale/biases"]
        return Conv(self._weights[name + "/conv/filters"] * scale, bias)


def _mean_of_four(flow: Tensor) -> Tensor:
    """dlib's 2x2 average pooling as a depthwise convolution: XNNPACK has no int8 average pooling."""
    quarter = np.full((2, 2, flow.shape[3], 1), 0.25, np.float32)
    return tf.nn.depthwise_conv2d(flow, quarter, [1, 2, 2, 1], "VALID")


def _convolve(flow: Tensor, conv: Conv, stride: int, padding: str) -> Tensor:
    return tf.nn.bias_add(tf.nn.conv2d(flow, conv.weights, stride, padding), conv.bias)
