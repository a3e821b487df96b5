"""python -m model_build: rebuild the models, compare them with the committed ones, or replace those."""

import argparse
import sys
from pathlib import Path

from model_build import compare, convert, sidecar
from model_build.recipes import RECIPES, Built

LOWEST_COSINE = 0.999
"""A rebuild on another processor may differ in the last bits of a range; more is another model."""
_COMPARED = 24
"""So many of the calibration pictures, spread over all, are compared."""


def main() -> int:
    """Returns 0 when every rebuilt model is the committed one or near enough."""
    options = _options()
    near = True
    files: dict[str, bytes] = {}
    for name in [options.model] if options.model else list(RECIPES):
        built = RECIPES[name](options.archives)
        convert.check(built.tflite, built.head is not None)
        description = sidecar.text(name, built.tflite, built.head, built.facts)
        near &= _report(name, built, description, options.models)
        files |= {f"{name}.tflite": built.tflite, f"{name}.json": description.encode()}
    if options.write:
        _write(files, options.models)
    return 0 if near or options.write else 1


def _write(files: dict[str, bytes], folder: Path) -> None:
    """All at once at the end: the service refuses a model that its checksum does not fit."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / sidecar.CHECKSUMS).write_text(sidecar.checksums(folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archives", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("model", nargs="?", choices=sorted(RECIPES))
    return parser.parse_args()


def _report(name: str, built: Built, description: str, folder: Path) -> bool:
    """Prints how the rebuilt model stands to the float network and to the committed file."""
    pictures = built.pictures[:: max(1, len(built.pictures) // _COMPARED)]
    rebuilt = compare.run(built.tflite, pictures)
    exact = compare.run_float(built.network, built.head, pictures)
    _print(
        f"{name}: int8 against float, {len(pictures)} calibration pictures", compare.distances(rebuilt, exact)
    )
    committed = folder / f"{name}.tflite"
    if not committed.exists():
        print(f"{name}: nothing committed yet")
        return False
    if committed.read_bytes() == built.tflite:
        same = (folder / f"{name}.json").read_text() == description
        print(f"{name}: byte-identical to the committed model; sidecar {'identical' if same else 'DIFFERS'}")
        return same
    found = compare.distances(rebuilt, compare.run(committed.read_bytes(), pictures))
    _print(f"{name}: differs from the committed model", found)
    near = all(distance.cosine >= LOWEST_COSINE for distance in found)
    print(f"{name}: {'within' if near else 'BEYOND'} the tolerance, lowest cosine {LOWEST_COSINE}")
    return near


def _print(title: str, found: list[compare.Distance]) -> None:
    print(title)
    for distance in found:
        print(f"  {distance}")


if __name__ == "__main__":
    sys.exit(main())
