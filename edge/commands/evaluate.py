"""`api-face evaluate`: how well this device recognises the photographs of a folder, or its own people."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.calibration import calibration_of
from edge.commands import evaluate_detection, evaluate_gallery, evaluate_text
from edge.commands.evaluate_json import header, written
from edge.commands.place import Place
from edge.commands.progress import progress
from edge.errors import SettingsError
from edge.evaluation import plots
from edge.evaluation.embeddings import Embeddings, embed_all
from edge.evaluation.identification import Roles, Rotation, by_roles, by_rotation, pool_names
from edge.evaluation.kept import writable
from edge.evaluation.openset import Rule
from edge.evaluation.photographs import VARIANTS, How
from edge.evaluation.rows import InputError
from edge.evaluation.tables import Pair, Tables, read_tables
from edge.evaluation.verification import Resampling, Verification, verification
from edge.settings import EMBEDDERS, Settings

RESAMPLES = 500
"""Bootstrap samples when nobody says."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """DATA, or --gallery."""
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        type=Path,
        help="folder with pairs.csv, ident.csv, boxes.csv or an index.csv of pictures without people",
    )
    parser.add_argument(
        "--gallery", action="store_true", help="instead: the enrolled people, tested against each other"
    )
    parser.add_argument("--folds", metavar="N", nargs="+", type=int, help="folds of pairs.csv (default: all)")
    parser.add_argument(
        "--protocol", metavar="NAME", help="of pairs.csv, where it has several (default: each)"
    )
    parser.add_argument("--embedder", choices=EMBEDDERS, help="default: the setting embedder")
    parser.add_argument(
        "--crops", action="store_true", help="also with one side reduced to a 64x64 crop, as for index"
    )
    parser.add_argument(
        "--people-from-folders",
        action="store_true",
        help="enrolments rotate over all photographs below DATA; the folder of each is the person",
    )
    parser.add_argument(
        "--resamples", metavar="N", type=int, help=f"bootstrap samples (default: {RESAMPLES})"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of everything drawn (default: 0)")
    parser.add_argument("--processes", metavar="N", type=int, default=1, help="that read photographs")
    parser.add_argument(
        "--cache", metavar="FILE", type=Path, help="keeps the embeddings for the next time (.npz)"
    )
    parser.add_argument(
        "--json", metavar="FILE", nargs="?", const="-", help='everything, as JSON ("-": here)'
    )
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for the plots (PNG)")


def run(args: argparse.Namespace, place: Place) -> int:
    """Tables on the terminal; with --json and --out files, too."""
    if args.gallery == (args.data is not None):
        raise SettingsError("evaluate takes a folder, or --gallery")
    _check(args)
    settings = place.settings(embedder=args.embedder)
    if args.gallery:
        return evaluate_gallery.tested(args, place, settings)
    args.resamples = args.resamples or RESAMPLES
    task = _Task.of(args, settings)
    found = {**_recognition(task), **evaluate_detection.measured(task.tables, task.how, args, settings)}
    if args.json != "-":
        evaluate_text.show(found, settings)
    if args.json:
        written({**header(args, settings, task.how.embedder), **found}, args.json)
    if args.out is not None:
        _draw(found, task, args.out)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Numbers, and whether what is measured can be written down. Raises SettingsError, WrongFile, OSError."""
    for name, least in (("resamples", 1), ("processes", 1), ("seed", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise SettingsError(f"--{name} is at least {least}, not {value}")
    for path in (args.cache, Path(args.json) if args.json and args.json != "-" else None):
        if path is not None:
            writable(path)
    if args.out is not None and not args.gallery:
        args.out.mkdir(parents=True, exist_ok=True)
        writable(args.out / "roc.png")


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be measured with what."""

    args: argparse.Namespace
    settings: Settings
    tables: Tables
    pairs: tuple[Pair, ...]
    left_out: frozenset[str]
    """People of the folds that were not asked for."""
    how: How
    rule: Rule
    resampling: Resampling

    @classmethod
    def of(cls, args: argparse.Namespace, settings: Settings) -> _Task:
        tables = read_tables(args.data)
        pairs = _chosen(tables, args)
        model = EMBEDDERS[settings.embedder]
        inside = {tables.identity(name) for pair in pairs for name in (pair.a, pair.b)}
        every = {tables.identity(name) for pair in tables.pairs for name in (pair.a, pair.b)}
        return cls(
            args,
            settings,
            tables,
            pairs,
            frozenset(every - inside),
            How(model, settings.min_confidence, settings.model_threads, args.crops),
            Rule(calibration_of(model), settings.false_positive_rate),
            Resampling(args.resamples, args.seed),
        )

    @property
    def variants(self) -> range:
        return range(len(VARIANTS) if self.args.crops else 1)


def _chosen(tables: Tables, args: argparse.Namespace) -> tuple[Pair, ...]:
    """The pairs of the folds and the protocol that were asked for."""
    wanted = [
        pair
        for pair in tables.pairs
        if (args.folds is None or pair.fold in args.folds)
        and (args.protocol is None or pair.protocol == args.protocol)
    ]
    if tables.pairs and not wanted:
        raise InputError(f"{tables.folder / 'pairs.csv'} has no pair of these folds and this protocol")
    return tuple(wanted)


def _recognition(task: _Task) -> dict[str, object]:
    """Verification and identification, where the folder has something to measure them with."""
    of_pairs = sorted({name for pair in task.pairs for name in (pair.a, pair.b)})
    pool = pool_names(task.tables, of_pairs, task.left_out, task.args.people_from_folders)
    names = sorted({*of_pairs, *pool, *(part.filename for part in task.tables.roles)})
    if not task.pairs and not task.tables.roles:
        return {}
    with progress("photographs") as shown:
        embeddings = embed_all(
            task.tables.folder,
            names,
            task.how,
            processes=task.args.processes,
            cache=task.args.cache,
            progress=shown,
        )
    for name, reason in embeddings.unreadable.items():
        print(f"{name}: {reason}; counts as a photograph without a face", file=sys.stderr)
    return {
        "photographs": {
            "read": len(names),
            "without a face": embeddings.missing(names),
            "unreadable": embeddings.unreadable,
        },
        "verification": list(_verified(task, embeddings)),
        "roles": list(_by_roles(task, embeddings)),
        "rotation": list(_rotated(task, embeddings, pool)),
    }


def _verified(task: _Task, embeddings: Embeddings) -> Iterator[Verification]:
    for protocol in sorted({pair.protocol for pair in task.pairs}):
        pairs = [pair for pair in task.pairs if pair.protocol == protocol]
        for variant in task.variants:
            yield verification(
                task.tables,
                pairs,
                embeddings,
                variant=variant,
                rule=task.rule,
                resampling=task.resampling,
            )


def _by_roles(task: _Task, embeddings: Embeddings) -> Iterator[Roles]:
    if task.tables.roles:
        for variant in task.variants:
            yield by_roles(task.tables, embeddings, variant, task.rule, task.resampling)


def _rotated(task: _Task, embeddings: Embeddings, pool: list[str]) -> Iterator[Rotation]:
    for variant in task.variants:
        yield by_rotation(
            task.tables, pool, embeddings, variant=variant, rule=task.rule, resampling=task.resampling
        )


# -- plots ----------------------------------------------------------------------------------------


def _draw(found: dict[str, object], task: _Task, folder: Path) -> None:
    """The PNG files, each named on stderr; without matplotlib one line that says so."""
    try:
        for path in _drawn(found, task, folder):
            print(path, file=sys.stderr)
    except plots.NoPlots as error:
        print(error.message, file=sys.stderr)


def _drawn(found: dict[str, object], task: _Task, folder: Path) -> Iterator[Path]:
    what = f"{task.how.embedder}, {task.tables.folder.name}"
    verified, rotations = found.get("verification"), found.get("rotation")
    if isinstance(verified, list) and verified:
        yield plots.draw_roc(verified, f"Verification: {what}", folder / "roc.png")
        yield plots.draw_scores(verified[0], f"Scores: {what}", folder / "scores.png")
    if isinstance(rotations, list) and rotations and rotations[0].results:
        title = f"Open-set identification: {what}"
        yield plots.draw_dir_fpir(rotations[0].results, task.rule.rate, title, folder / "dir-fpir.png")
    detection = found.get("detection")
    if isinstance(detection, evaluate_detection.Detected) and detection.judged is not None:
        title = f"Detection confidence: {task.tables.folder.name}"
        least = task.settings.min_confidence
        yield plots.draw_reliability(detection.judged, least, title, folder / "reliability.png")
