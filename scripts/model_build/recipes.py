"""The four models: what each is built from, on which pictures, and what its sidecar says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_build import calibration, convert, hybrid, mobilefacenet, moments, photographs
from model_build.dlib_resnet import DlibResnet
from model_build.faceboxes import FaceBoxes
from model_build.full_range import FullRange
from model_build.mobilefacenet import MobileFaceNet
from model_build.values import Floats, Head, Pixels, Tensor, to_unit

_EQUALISING = 5
"""Every fifth picture is enough to see which channels are loud."""
_ORACLE = 12
"""Every twelfth picture is enough to tell whether two networks are the same."""
TEMPLATE: Floats = np.array([[46.96, 46.54], [102.04, 46.54], [74.5, 79.38], [74.5, 106.81]], np.float32)
"""Right eye, left eye, tip of the nose, centre of the mouth in the 150x150 chip.

The mean shape of BlazeFace's landmarks over folds 0 and 1 of LFW's view 2, laid on dlib's own chip
(150 pixels, padding .25), made symmetric, then 6 % larger and 2 pixels lower, which is where the
embedder told those folds' people apart best. Fold 2 was not looked at.
"""
MOBILEFACENET_TEMPLATE: Floats = np.array(
    [[38.51, 53.67], [73.49, 53.67], [56.0, 74.9], [56.0, 92.98]], np.float32
)
"""The same four points in the 112x112 chip.

The mean shape of BlazeFace's landmarks over folds 0 and 1 of LFW's view 2, laid on InsightFace's 112x112
template, made symmetric, then 2 pixels lower, chosen on those folds with the float network. Scales of
.94-1.06 and shifts of -2..4 pixels made little difference. Fold 2 was not looked at.
"""

BLACK = 0
"""What an embedder's chip shows where the picture has ended. MobileFaceNet learnt from such chips: the cosine of a tight crop's
embedding to the photograph's rises from .92 to .95, against repeating the edge; dlib's network does not mind."""

FACEBOXES_ANCHORS = [
    {"stride": 32, "side": 32, "per_side": 4},
    {"stride": 32, "side": 64, "per_side": 2},
    {"stride": 32, "side": 128, "per_side": 1},
    {"stride": 64, "side": 256, "per_side": 1},
    {"stride": 128, "side": 512, "per_side": 1},
]
FACEBOXES_MULTIPLE = 128
"""It is fully convolutional: sides may be other multiples of the largest stride, where every level has
whole cells and its padding lies as in training."""


@dataclass(frozen=True)
class Built:
    """One rebuilt model: the file's bytes, the float network, the pictures it was calibrated on."""

    tflite: bytes
    network: Callable[[Tensor], dict[str, Tensor]]
    pictures: list[Pixels]
    head: Head | None
    facts: dict[str, Any]


def faceboxes(archives: Path) -> Built:
    """FaceBoxes for whole photographs, letter-boxed to 1024x1024."""
    network = FaceBoxes(archives)
    pictures = calibration.scenes(photographs.load(archives), 1024, 72)
    head = convert.head_range(network, pictures)
    tflite = convert.to_int8(lambda picture: network(picture, head), 1024, pictures, has_head=True)
    facts = {"anchors": FACEBOXES_ANCHORS, "multiple": FACEBOXES_MULTIPLE}
    return Built(tflite, network, pictures, head, facts)


def full_range(archives: Path) -> Built:
    """MediaPipe full range for the square around a proposal, 192x192."""
    plain, fitted = FullRange(archives), FullRange(archives)
    pictures = calibration.crops(photographs.load(archives), 192, 320)
    head = convert.head_range(plain, pictures)
    fitted.equalise(to_unit(picture) for picture in pictures[::_EQUALISING])
    fitted.with_head(head)
    tflite = convert.to_int8(fitted, 192, pictures, has_head=True)
    facts = {"anchors": [{"stride": 4, "side": 192, "per_side": 1}], "crop_side": calibration.CROP}
    return Built(tflite, plain, pictures, head, facts)


def dlib_resnet(archives: Path) -> Built:
    """dlib's ResNet for aligned 150x150 chips."""
    network = DlibResnet(archives)
    pictures = calibration.chips(photographs.load(archives), TEMPLATE, 150, 300)
    facts = {
        "dimensions": 128,
        "fill": BLACK,
        "template": np.round(TEMPLATE.astype(float), 3).tolist(),
    }
    return Built(convert.to_int8(network, 150, pictures, has_head=False), network, pictures, None, facts)


def mobile_face_net(archives: Path) -> Built:
    """MobileFaceNet for aligned 112x112 chips: int8 weights, int8 products, float between them."""
    network, pictures = mobile_face_net_parts(archives)
    lowest = mobilefacenet.check(network, archives, pictures[::_ORACLE])
    print(f"float network against another package's file of it: lowest cosine {lowest:.7f}")
    facts = {
        "dimensions": mobilefacenet.DIMENSIONS,
        "fill": BLACK,
        "template": np.round(MOBILEFACENET_TEMPLATE.astype(float), 3).tolist(),
    }
    return Built(hybrid.tflite(fitted(network, pictures)), network, pictures, None, facts)


def mobile_face_net_parts(archives: Path) -> tuple[MobileFaceNet, list[Pixels]]:
    """The float network, and the chips by which its weights are rounded."""
    chips = calibration.chips(photographs.load(archives), MOBILEFACENET_TEMPLATE, mobilefacenet.SIZE, 300)
    return MobileFaceNet(mobilefacenet.load(archives)), chips


def fitted(network: MobileFaceNet, pictures: list[Pixels]) -> list[hybrid.Int8Layer]:
    """Weights rounded by what the pictures feed to each layer.

    The last layer has more inputs than there are pictures, and rounds well without them.
    """
    return hybrid.with_int8_weights(network.layers, [*moments.gathered(network, pictures)[:-1], None])


RECIPES: dict[str, Callable[[Path], Built]] = {
    "faceboxes-1024-int8": faceboxes,
    "full-range-192-int8": full_range,
    "dlib-resnet-150-int8": dlib_resnet,
    "mobilefacenet-112-int8": mobile_face_net,
}
