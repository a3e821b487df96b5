"""The committed models and their recipe, as far as it can be told without TensorFlow."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.interpreter import MODELS, Model, read_card, runtime

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
NAMES = sorted(path.stem for path in MODELS.glob("*.tflite"))


@pytest.fixture(autouse=True)
def _scripts_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])


def recipe(module: str) -> Any:
    """A module of scripts/model_build; it is no part of the installed package."""
    return importlib.import_module(module if "." in module else f"model_build.{module}")


def test_checksums_cover_every_model_and_sidecar() -> None:
    lines = (MODELS / "SHA256SUMS").read_text().splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    files = [*MODELS.glob("*.tflite"), *MODELS.glob("*.json")]
    assert listed == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_every_model_has_a_sidecar_and_a_card() -> None:
    assert len(NAMES) == 4
    for name in NAMES:
        assert (MODELS / f"{name}.json").exists()
        assert (MODELS / f"{name}.md").exists()


@pytest.mark.parametrize("name", NAMES)
def test_input_is_pixel_minus_128_and_outputs_are_as_the_sidecar_says(name: str) -> None:
    module: Any = importlib.import_module(runtime().module)
    interpreter = module.Interpreter(model_path=str(MODELS / f"{name}.tflite"))
    card = read_card(name)
    (image,) = interpreter.get_input_details()
    assert image["dtype"] is np.int8
    assert image["quantization"] == (1 / 128, 0)
    assert image["shape"].tolist() == [1, *card["input"]]
    outputs = interpreter.get_output_details()
    assert len(outputs) == len(card["outputs"])
    for key, wanted in card["outputs"].items():
        found = outputs[wanted["position"]]
        assert found["name"] == wanted["name"] == key
        assert found["index"] == wanted["index"]
        assert found["shape"].tolist() == wanted["shape"]
        assert found["quantization"] == (pytest.approx(wanted["scale"]), wanted["zero_point"])


@pytest.mark.parametrize("name", NAMES)
def test_a_head_spans_0_to_6_and_has_a_row_for_each_number(name: str) -> None:
    card = read_card(name)
    head = card.get("head")
    if head is None:
        assert "template" in card
        return
    for output in card["outputs"].values():
        assert output["scale"] == pytest.approx(6 / 255)
        assert output["zero_point"] == -128
    numbers = card["outputs"]["boxes"]["shape"][-1]
    assert len(head["box_lo"]) == len(head["box_hi"]) == numbers
    assert all(low < high for low, high in zip(head["box_lo"], head["box_hi"], strict=True))


@pytest.mark.parametrize(
    ("name", "middle"), [("dlib-resnet-150-int8", 74.5), ("mobilefacenet-112-int8", 56.0)]
)
def test_the_template_is_its_own_mirror_image(name: str, middle: float) -> None:
    right, left, nose, mouth = np.array(read_card(name)["template"])
    assert right + left == pytest.approx([2 * middle, 2 * right[1]])
    assert nose[0] == mouth[0] == middle


def test_folding_the_input_changes_nothing() -> None:
    values = recipe("values")
    draw = np.random.default_rng(1)
    conv = values.Conv(
        draw.normal(size=(3, 3, 3, 4)).astype(np.float32), draw.normal(size=4).astype(np.float32)
    )
    shift = np.array([-0.5, -0.4, -0.3], np.float32)
    patch = draw.integers(0, 256, (3, 3, 3)).astype(np.uint8)
    folded = values.fold_input(conv, 1 / 256, shift)
    before = np.tensordot(patch / 256 + shift, conv.weights, 3) + conv.bias
    after = np.tensordot(values.to_unit(patch), folded.weights, 3) + folded.bias
    assert after == pytest.approx(before, abs=1e-4)


def test_a_head_maps_its_useful_range_to_0_and_6() -> None:
    values = recipe("values")
    low, high = np.array([-4, 1], np.float32), np.array([2, 9], np.float32)
    head = values.Head(-8.0, 8.0, low, high)
    blind = np.zeros((1, 1, 1, 4), np.float32)
    at_low = head.boxes(values.Conv(blind, np.tile(low, 2)))
    at_high = head.boxes(values.Conv(blind, np.tile(high, 2)))
    assert at_low.bias.tolist() == [0, 0, 0, 0]
    assert at_high.bias.tolist() == [6, 6, 6, 6]


def test_another_archive_under_the_pinned_name_is_refused(tmp_path: Path) -> None:
    packages = recipe("packages")
    (tmp_path / packages.FACE_API.filename).write_bytes(b"something else")
    with pytest.raises(packages.WrongArchive, match="pinned is 0d77fffe"):
        packages.fetch(packages.FACE_API, tmp_path)


def random_layers() -> list[Any]:
    """Four 1x1 layers in a row with slopes as MobileFaceNet has them, the second depthwise."""
    draw = np.random.default_rng(2)
    layers, values = recipe("layers"), recipe("values")

    def layer(taken: int, made: int, bent: bool, depthwise: bool = False) -> Any:
        shape = (1, 1, taken, 1) if depthwise else (1, 1, taken, made)
        conv = values.Conv(
            draw.normal(size=shape).astype(np.float32), draw.normal(size=made).astype(np.float32)
        )
        slopes = draw.uniform(-9, 9, made).astype(np.float32) if bent else None
        return layers.Layer(conv, depthwise, slopes=slopes)

    return [layer(3, 8, True), layer(8, 8, True, True), layer(8, 5, True), layer(5, 4, False)]


def linear_and_bent(layers: list[Any], row: Any) -> tuple[list[Any], Any]:
    """What each convolution makes of one pixel, and the last output."""
    linear = []
    for layer in layers:
        weights = layer.conv.weights[0, 0]
        row = (row * weights[:, 0] if layer.depthwise else row @ weights) + layer.conv.bias
        linear.append(row)
        if layer.slopes is not None:
            row = np.where(row > 0, row, row * layer.slopes)
    return linear, row


def test_two_convolutions_in_a_row_are_one() -> None:
    layers = recipe("layers")
    first, _, second, _ = random_layers()
    row = np.array([0.5, -2.0, 1.0], np.float32)
    apart = (row @ first.conv.weights[0, 0] + first.conv.bias) @ second.conv.weights[0, 0] + second.conv.bias
    together = layers.merged(first, second)
    assert row @ together.conv.weights[0, 0] + together.conv.bias == pytest.approx(apart, rel=1e-4)
    assert together.slopes is second.slopes


def test_small_slopes_and_equal_channels_change_nothing() -> None:
    equalise = recipe("quantisation.equalise")
    layers = random_layers()
    rows = np.random.default_rng(3).normal(size=(50, 3)).astype(np.float32)
    small = equalise.with_small_slopes(layers)
    assert max(np.abs(layer.slopes).max() for layer in small[:-1]) <= 1
    peaks = [np.abs(made).max(0) for made in linear_and_bent(small, rows)[0]]
    even = equalise.equalised(small, peaks)
    linear, after = linear_and_bent(even, rows)
    assert after == pytest.approx(linear_and_bent(layers, rows)[1], rel=1e-3, abs=1e-3)
    assert np.abs(linear[0]).max(0) == pytest.approx(np.ones(8), rel=1e-3)


def test_rounding_by_the_inputs_covariance_keeps_the_output_nearer() -> None:
    rounding = recipe("rounding")
    draw = np.random.default_rng(4)
    weights = draw.normal(size=(32, 6)).astype(np.float32)
    inputs = draw.normal(size=(2000, 6)) @ draw.normal(size=(6, 32)) + 0.1 * draw.normal(size=(2000, 32)) + 3
    known = rounding.Inputs(inputs.mean(0), np.cov(inputs.T))
    bias = np.zeros(6, np.float32)

    def error(rounded: Any) -> float:
        made = inputs @ (rounded.weights * rounded.scales) + rounded.bias
        return float(np.square(made - inputs @ weights).mean())

    nearest, fitted = rounding.rounded(weights, bias, None), rounding.rounded(weights, bias, known)
    assert np.abs(nearest.weights * nearest.scales - weights).max() <= nearest.scales.max() / 2 + 1e-6
    assert np.array_equal(nearest.scales, fitted.scales)
    assert error(fitted) < error(nearest) / 4


def test_the_shipped_embedder_gives_float_and_tells_light_from_dark() -> None:
    model = Model("mobilefacenet-112-int8")
    draw = np.random.default_rng(5)
    one = draw.integers(0, 256, (112, 112, 3), np.uint8)
    first, again, other = (model.run(chip)["embedding"].real() for chip in (one, one, 255 - one))
    assert first.dtype == np.float32
    assert first.size == 192
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1
