"""The figures of `api-face evaluate` as tables for people, in Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from edge.commands.evaluate_detection import Detected, Fired
from edge.evaluation.identification import Roles, Rotation
from edge.evaluation.intervals import Estimate
from edge.evaluation.openset import Result
from edge.evaluation.verification import Verification
from edge.settings import Settings


def show(found: Mapping[str, object], settings: Settings) -> None:
    """Everything that was measured. Intervals are of 95 %."""
    photographs = found.get("photographs")
    if isinstance(photographs, Mapping):
        print(f"{photographs['read']} photographs, {photographs['without a face']} without a face")
    verified = [row for row in _list(found, "verification") if isinstance(row, Verification)]
    for protocol in dict.fromkeys(row.protocol for row in verified):
        _verification([row for row in verified if row.protocol == protocol], settings)
    roles = [row for row in _list(found, "roles") if isinstance(row, Roles)]
    if roles:
        _roles(roles, settings)
    rotations = [row for row in _list(found, "rotation") if isinstance(row, Rotation) and row.results]
    if rotations:
        _rotation(rotations, settings)
    detection = found.get("detection")
    if isinstance(detection, Detected):
        _detection(detection)
    fired = [row for row in _list(found, "negatives") if isinstance(row, Fired)]
    if fired:
        print(f"\n## Pictures without people, threshold {settings.min_confidence:.2f}\n")
        rows = ((row.category, row.pictures, row.fired, percent(row.share)) for row in fired)
        table(("category", "pictures", "that fire", "share"), rows)


def percent(estimate: Estimate, places: int = 1) -> str:
    """A share with its interval, in percent."""
    if math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return f"{estimate.value:.{places}%}"
    low, high = f"{100 * estimate.low:.{places}f}", f"{100 * estimate.high:.{places}f}"
    return f"{100 * estimate.value:.{places}f} % ({low}-{high})"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """In Markdown."""
    print("|", " | ".join(heads), "|")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("|", " | ".join(str(cell) for cell in row), "|")


def _list(found: Mapping[str, object], name: str) -> list[object]:
    rows = found.get(name)
    return rows if isinstance(rows, list) else []


def _verification(rows: Sequence[Verification], settings: Settings) -> None:
    one = rows[0]
    print(f"\n## Verification {one.protocol}".rstrip() + f", folds {', '.join(map(str, one.folds))}\n")
    marked = (
        f" ({one.label_errors} marked as label errors, counted as they stand)" if one.label_errors else ""
    )
    print(f"{one.pairs} pairs{marked} of {one.photographs} photographs of {one.people} people.")
    across = "each of one side with each of the other" if one.across else "all pairs of these photographs"
    print(f"TAR at FAR: {across}; {one.same:,} of the same person, {one.different:,} of different people.\n")
    rates = [f"TAR at FAR {point.false_rate:.0e}".replace("e-0", "e-") for point in one.points]
    table(
        ("one side", "no face", "accuracy", *(f"fold {fold}" for fold in one.folds), *rates, "EER"),
        (_verified(row) for row in rows),
    )
    print(
        f"\nAt the shipped thresholds ({settings.false_positive_rate:g} of the strangers, one reference):\n"
    )
    heads = ("one side", "for a", "threshold", "FAR per pair promised", "measured", "TAR")
    table(
        heads,
        (
            (
                row.variant,
                "claimed personId" if shipped.people is None else f"gallery of {shipped.people:,}",
                f"{shipped.threshold:.4f}",
                f"{shipped.expected:.1e}",
                "-" if math.isnan(shipped.found) else f"{shipped.found:.1e}",
                percent(shipped.accepted),
            )
            for row in rows
            for shipped in row.shipped
        ),
    )


def _verified(row: Verification) -> list[str]:
    accuracy = row.accuracy
    folds = [percent(accuracy.folds[fold], 2) if accuracy else "-" for fold in row.folds]
    mean = percent(accuracy.mean, 2) if accuracy else "needs two folds"
    equal = "-" if math.isnan(row.equal_error) else f"{row.equal_error:.2%}"
    return [row.variant, str(row.missing), mean, *folds, *(percent(p.true_rate) for p in row.points), equal]


_RESULT = (
    "threshold",
    "known found",
    "wrong name",
    "ambiguous",
    "of known tries (people)",
    "strangers named",
    "of stranger tries (people)",
)


def _result(result: Result) -> list[str]:
    return [
        f"{result.threshold:.4f}",
        percent(result.found),
        percent(result.wrong_name, 2),
        percent(result.ambiguous, 2),
        f"{result.known_tries:,} ({result.known_people:,})",
        f"{percent(result.strangers_named, 2)}: {result.strangers_named_count}",
        f"{result.stranger_tries:,} ({result.stranger_people:,})",
    ]


def _roles(rows: Sequence[Roles], settings: Settings) -> None:
    print(
        f"\n## Open set, the roles of ident.csv, {settings.false_positive_rate:g} of the strangers allowed\n"
    )
    one = rows[0]
    print(
        f"{one.enrolled} people enrolled; {one.not_enrolled} could not be, and {one.missing_enrol} "
        "photographs to enrol had no face. A known person's photograph without a face counts as not found.\n"
    )
    table(
        ("probe", "no face: known, strangers", *_RESULT),
        (
            [row.variant, f"{row.missing_known}, {row.missing_strangers}", *_result(row.result)]
            for row in rows
        ),
    )


def _rotation(rows: Sequence[Rotation], settings: Settings) -> None:
    print(f"\n## Open set, rotating enrolments, {settings.false_positive_rate:g} of the strangers allowed\n")
    one = rows[0]
    print(f"From {one.photographs} photographs of {one.people} people ({one.missing} without a face).\n")
    table(
        ("probe", "people", "references", "galleries", *_RESULT),
        (
            [row.variant, str(result.people), str(result.references), str(result.galleries), *_result(result)]
            for row in rows
            for result in row.results
        ),
    )
    curves = [(row.variant, result) for row in rows for result in row.results if result.curve]
    if not curves:
        return
    print("\nKnown people found when so many strangers are named, at whatever threshold that takes:\n")
    heads = [f"FPIR {point.false_rate:.1%}" for point in curves[0][1].curve]
    table(
        ("probe", "people", "references", *heads),
        (
            [variant, result.people, result.references, *(percent(point.true_rate) for point in result.curve)]
            for variant, result in curves
        ),
    )


def _detection(found: Detected) -> None:
    unreadable = f", {found.unreadable} unreadable" if found.unreadable else ""
    print(f"\n## Detection: {found.pictures} pictures{unreadable}, {found.boxes} boxes\n")
    table(("difficulty", "average precision"), ((name, _plain(one)) for name, one in found.precision.items()))
    print(f"\nRecall at the threshold {found.threshold:.2f}, by the longer side of the box:\n")
    table(
        ("of the picture's long side", "boxes", "found"),
        ((f"{row.low:.0%}-{min(row.high, 1):.0%}", row.boxes, percent(row.met)) for row in found.recall),
    )


def _plain(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"
