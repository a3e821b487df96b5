"""How bright a picture is, in words."""

from __future__ import annotations

DARK, BRIGHT = 0.2, 0.8
"""Mean brightness (0..1) outside of which faces lose their detail."""


def light_in_words(brightness: float) -> str:
    """brightness: mean of the picture, 0..1."""
    return "too dark" if brightness < DARK else "too bright" if brightness > BRIGHT else "ok"
