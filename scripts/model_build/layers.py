"""A network as layers that follow one another, and what can be done to them without running them."""

from dataclasses import dataclass, replace

from model_build.values import Conv, Floats


@dataclass(frozen=True)
class Layer:
    """A convolution, what follows it, and whether the input of the layer two before is added at the end."""

    conv: Conv
    depthwise: bool = False
    stride: int = 1
    padding: str = "SAME"
    slopes: Floats | None = None
    """PReLU: x where x > 0, else slopes * x, one slope a channel; None: linear."""
    residual: bool = False


def merged(first: Layer, second: Layer) -> Layer:
    """Two 1x1 convolutions with nothing between them are one: fewer products, one rounding less."""
    left, right = first.conv.weights[0, 0], second.conv.weights[0, 0]
    bias = first.conv.bias @ right + second.conv.bias
    return replace(second, conv=Conv((left @ right)[None, None], bias))
