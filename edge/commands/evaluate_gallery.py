"""`api-face evaluate --gallery`: the enrolled people of this device, tested against each other."""

from __future__ import annotations

import argparse

from edge.announce import UNKNOWN
from edge.calibration import calibration_of
from edge.commands.evaluate_json import header, written
from edge.commands.place import Place
from edge.commands.table import print_table
from edge.errors import SettingsError
from edge.evaluation.enrolled import Examined, GalleryReport, Standing, examine
from edge.gallery import Gallery
from edge.match import AT_THRESHOLD
from edge.settings import EMBEDDERS, Settings
from edge.store import Store
from edge.wiring import opened_store

_MOST_ROWS = 20
"""People listed; JSON lists all."""


_UNUSED = {
    "folds": None,
    "protocol": None,
    "embedder": None,
    "crops": False,
    "people_from_folders": False,
    "resamples": None,
    "processes": 1,
    "cache": None,
    "out": None,
}
"""Arguments that mean nothing here, and what they are when nobody gave them."""


def tested(args: argparse.Namespace, place: Place, settings: Settings) -> int:
    """A few lines, and a table of the people who need a look; with --json everything."""
    for name, absent in _UNUSED.items():
        if getattr(args, name) != absent:
            raise SettingsError(f"evaluate --gallery has no use for --{name.replace('_', '-')}")
    if not (place.state / "people.sqlite").exists():
        raise SettingsError(f"{place.state} has no people.sqlite: nobody was enrolled there (--state DIR)")
    with opened_store(place.state) as store:
        model = store.model() or EMBEDDERS[settings.embedder]
        report = _examined(store, model, settings.false_positive_rate, args.seed)
        if args.json != "-":
            _show(report, store)
        if args.json:
            names = {one.row: _described(store, one.row) for one in report.standings}
            written({**header(args, settings, model), "gallery": report, "people": names}, args.json)
    return 0


def _examined(store: Store, model: str, rate: float, seed: int) -> GalleryReport:
    """The report on everybody in the store."""
    calibration, gallery = calibration_of(model), None
    for row, vectors in store.changes(0, model):
        if len(vectors):
            gallery = gallery or Gallery(vectors.shape[1])
            gallery.update(row, vectors)
    gallery = gallery or Gallery(1)
    return examine(store.changes(0, model), Examined(gallery.nearest, len(gallery), calibration, rate, seed))


def _described(store: Store, row: int) -> dict[str, object]:
    person = store.person_by_row(row)
    return {} if person is None else {"personId": person.id, "name": person.name}


def _who(store: Store, row: int | None) -> str:
    person = None if row is None else store.person_by_row(row)
    if person is None:
        return "-"
    return f"{person.name or UNKNOWN} ({person.id})"


def _show(report: GalleryReport, store: Store) -> None:
    print(f"gallery         {'tight' if report.tight else 'ok'}")
    print(f"people          {report.people}, {report.single} of them with a single reference")
    print(f"references      {report.references}, {report.tested} tested as strangers to everybody else")
    print(f"threshold       {report.threshold:.4f} for {report.rate:g} of the strangers, one reference")
    if report.closest is not None and report.head_room is not None:
        room = report.similarity_room or 0.0
        print(f"head-room       {report.head_room:.4f}, {room:.1f} % of similarity, to the nearest stranger")
        print(
            f"closest two     {_who(store, report.closest[0])} and {_who(store, report.closest[1])}: "
            f"{report.closest_similarity:.1f} % similar, {AT_THRESHOLD:.0f} % would be a match"
        )
    print(
        f"look-alikes     {report.hits} pairs of people; the rate explains {report.expected_hits:.2g} "
        f"(so many or more by chance: {report.chance:.2g})"
    )
    _show_people(report, store)
    if report.single:
        print(
            f"\n{report.single} people have a single reference: whether it is theirs cannot be tested, "
            "and they are recognised less often. Two more photographs of each help most."
        )


def _show_people(report: GalleryReport, store: Store) -> None:
    """Those whose references don't agree, then those who are nearest to somebody else."""
    apart = [one for one in report.standings if one.agrees is False]
    near = [one for one in report.standings if one.agrees is not False and one.stranger_score is not None]
    apart.sort(key=lambda one: one.own_score or 0.0)
    near.sort(key=lambda one: -(one.stranger_similarity or 0.0))
    if apart:
        print(f"\nReferences of one person that don't agree ({len(apart)} people):\n")
        _table(apart[:_MOST_ROWS], store)
    if near:
        print(f"\nNearest to somebody else ({min(len(near), _MOST_ROWS)} of {len(near)} people):\n")
        _table(near[:_MOST_ROWS], store)


def _table(people: list[Standing], store: Store) -> None:
    """own: the lowest score of a reference with the person's others."""
    rows = [
        (
            _who(store, one.row),
            str(one.references),
            "single" if one.own_score is None else f"{one.own_score:.4f}",
            "-" if one.stranger_score is None else f"{one.stranger_score:.4f}",
            "-" if one.stranger_similarity is None else f"{one.stranger_similarity:.1f} %",
            _who(store, one.stranger_row),
        )
        for one in people
    ]
    print_table(("PERSON", "REFERENCES", "OWN", "STRANGER", "SIMILAR", "WHO"), rows)
