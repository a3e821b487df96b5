"""Who takes part: a program of scripts/peers each, and what its environment holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer. program: a module of scripts/peers. requirements: the file in its folder that its
    environment is made from; None: it runs in `python`, or (None) in the Python that runs this.
    missing: why it cannot run.
    """

    name: str
    program: str
    requirements: str | None = None
    python: Path | None = None
    arguments: tuple[str, ...] = ()
    missing: str | None = None


def roster(
    ours: tuple[str, ...], archives: Path, yunet: Path | None, python: Path | None
) -> tuple[Peer, ...]:
    """All peers, ourselves first. ours: our own program's arguments. python: has face_recognition."""
    fetched = ("--archives", str(archives))
    return (
        Peer(OURS, "ours", arguments=ours),
        Peer("face_recognition", "hog_dlib", "face_recognition"),
        *(() if python is None else (Peer("  in your Python", "hog_dlib", python=python.absolute()),)),
        Peer("MobileFaceNet float", "float_mobilefacenet", arguments=fetched),
        Peer("dlib float", "float_dlib", "face_recognition"),
        Peer("BlazeFace float", "float_blazeface", arguments=fetched),
        Peer("OpenCV Haar", "opencv_haar", "opencv"),
        Peer(
            "OpenCV YuNet",
            "opencv_yunet",
            "opencv",
            arguments=() if yunet is None else (str(yunet.absolute()),),
            missing=None if yunet is not None else "OpenCV ships no YuNet model; name one with --yunet FILE",
        ),
    )
