"""The open-set figures of a folder: the roles of its ident.csv, and enrolments that rotate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.evaluation.embeddings import Embeddings
from edge.evaluation.intervals import Ints, resampled
from edge.evaluation.openset import Drawn, Result, Rule, Tries, attempted, enrolled, result
from edge.evaluation.photographs import VARIANTS
from edge.evaluation.rotation import Pool, largest, rotated
from edge.evaluation.tables import Tables
from edge.evaluation.verification import Resampling
from edge.face import Vector

SIZES = (10, 50)
"""People in a rotating gallery, beside the largest that the photographs give."""

REFERENCES = (1, 3)


@dataclass(frozen=True, slots=True)
class Roles:
    """ident.csv as it stands. not_enrolled: people without any photograph with a face. missing_*: photographs
    without a face. Known people without a face count as not found; such strangers are not tried."""

    variant: str
    enrolled: int
    not_enrolled: int
    missing_enrol: int
    missing_known: int
    missing_strangers: int
    result: Result


@dataclass(frozen=True, slots=True)
class Rotation:
    """Enrolments that rotate. people, photographs: drawn from. missing: photographs without a face; they are
    not drawn, but a crop without one counts as not found."""

    variant: str
    people: int
    photographs: int
    missing: int
    results: tuple[Result, ...]


def by_roles(
    tables: Tables, embeddings: Embeddings, variant: int, rule: Rule, resampling: Resampling
) -> Roles:
    """The photographs with the role enrol make the gallery; the others are tried."""
    people = sorted({part.identity for part in tables.roles})
    labels = {who: place for place, who in enumerate(people)}
    groups: dict[str, tuple[Vector, Ints]] = {}
    for role, kind in (("enrol", 0), ("probe_known", variant), ("probe_unknown", variant)):
        chosen = [part for part in tables.roles if part.role == role]
        owners = np.array([labels[part.identity] for part in chosen], np.int64)
        names = [part.filename for part in chosen]
        groups[role] = (_vectors(embeddings, names, kind), owners)
    looks, owners = groups["enrol"]
    there = ~np.isnan(looks[:, 0])
    references = {person: looks[there & (owners == person)] for person in np.unique(owners[there]).tolist()}
    gallery = enrolled(references, looks.shape[1])
    probes, strangers = groups["probe_known"], groups["probe_unknown"]
    seen = ~np.isnan(strangers[0][:, 0])
    tries = Tries.joined(
        [
            attempted(gallery, *probes, True, rule),
            attempted(gallery, strangers[0][seen], strangers[1][seen], False, rule),
        ]
    )
    weights = resampled(len(people), resampling.times, resampling.seed)
    most = max((len(own) for own in references.values()), default=1)
    return Roles(
        variant=VARIANTS[variant],
        enrolled=len(gallery),
        not_enrolled=len(np.unique(owners)) - len(gallery),
        missing_enrol=int((~there).sum()),
        missing_known=int(np.isnan(probes[0][:, 0]).sum()),
        missing_strangers=int((~seen).sum()),
        result=result(tries, Drawn(len(gallery), most, 1), rule, weights),
    )


def by_rotation(
    tables: Tables,
    names: Sequence[str],
    embeddings: Embeddings,
    *,
    variant: int,
    rule: Rule,
    resampling: Resampling,
) -> Rotation:
    """Galleries drawn from the photographs of these names. The same people are drawn for every variant."""
    vectors, probes = embeddings.of(names), embeddings.of(names, variant)
    there = ~np.isnan(vectors[:, 0])
    people = sorted({tables.identity(name) for name in names})
    labels = {who: place for place, who in enumerate(people)}
    owners = np.array([labels[tables.identity(name)] for name in names], np.int64)
    pool = Pool(vectors[there], probes[there], owners[there])
    weights = resampled(len(people), resampling.times, resampling.seed)
    results = []
    for references in REFERENCES:
        most = largest(pool, references)
        for size in sorted({*(size for size in SIZES if size < most), most} - {0}):
            tries, draws = rotated(pool, size, references, rule, resampling.seed)
            results.append(result(tries, Drawn(size, references, draws), rule, weights))
    missing = len(names) - int(there.sum()) if variant == 0 else embeddings.missing(names, variant)
    return Rotation(VARIANTS[variant], len(people), len(names), missing, tuple(results))


def pool_names(
    tables: Tables, pair_names: Collection[str], left_out: Collection[str], from_folders: bool
) -> list[str]:
    """The photographs that rotating enrolments are drawn from: those of the pairs and the roles, or every
    JPEG and PNG below the folder; never those of people who are left out (other folds)."""
    names = {*pair_names, *(part.filename for part in tables.roles)}
    if from_folders:
        files = (
            path for path in tables.folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"}
        )
        names |= {str(path.relative_to(tables.folder)) for path in files}
    return sorted(name for name in names if tables.identity(name) not in left_out and Path(name).parent.name)


def _vectors(embeddings: Embeddings, names: Sequence[str], variant: int) -> Vector:
    if names:
        return embeddings.of(names, variant)
    return np.empty((0, embeddings.vectors.shape[2]), np.float32)
