"""portrait -> person: who is remembered, and what of them.

Every decision that may end in a new person is taken inside the store's write transaction, with the
gallery brought up to date in it: two pictures of one stranger at the same moment, in two threads or
two processes, give one person.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge import match
from edge.access import gmt_day
from edge.clock import Clock
from edge.errors import (
    AmbiguousPerson,
    FaceMismatch,
    FaceTooSmall,
    MultipleFaces,
    NameConflict,
    NoFace,
    UnknownPerson,
    UnknownPersonId,
)
from edge.face import Face
from edge.learn import Likeness, learn, likeness_of
from edge.match import Kind, Verdict
from edge.notices import NOT_ADDED, Notice, Standing, notices
from edge.picture import encode_jpeg
from edge.portrait import Portrait
from edge.quality import flaws, usefulness
from edge.recognize import Recognizer, walked_again
from edge.settings import Settings
from edge.store import Person, Reference, Store
from edge.vision import INDEX_SIZE
from edge.wording import strangers, told

LEAST_FACE = 32
"""A face with a shorter side, in pixels, is too small to learn from."""

NEW = "new"
"""The personId that asks for a new person whatever the match."""

_CROP_QUALITY = 92


@dataclass(frozen=True, slots=True)
class Answer:
    """Whose face it is, and warnings."""

    person: Person
    warnings: tuple[Notice, ...] = ()


class Enroller:
    """index and train. Thread-safe."""

    def __init__(self, recognizer: Recognizer, store: Store, settings: Settings, clock: Clock) -> None:
        self._recognizer = recognizer
        self._vision = recognizer.vision
        self._store = store
        self._settings = settings
        self._clock = clock

    @walked_again
    def index(self, data: bytes, may_enrol: bool) -> Answer:
        """The person of a cut-out 64 x 64 face; a stranger becomes a new person if that is allowed.

        Raises PictureError, NoFace, UnknownPerson, AmbiguousPerson.
        """
        _, portrait = self._vision.crop_portrait(data, INDEX_SIZE)
        known = self._known(self._recognizer.verdict(portrait.embedding))
        if known is not None:
            return Answer(self._seen(self._store.vouch(known, "index")))
        if not (may_enrol and self._settings.enrol_on_index):
            why = "this token lacks the scope train" if not may_enrol else "enrol_on_index is off"
            raise UnknownPerson(f"nobody known has this face, and {why}")
        reference = self._reference(data, portrait)
        with self._store.writing():
            person = self._known(self._recognizer.verdict(portrait.embedding))
            if person is None:
                person = self._store.create_person(None, enrolled_by="index")
                self._store.add_reference(person, reference)
        return Answer(self._seen(person))

    @walked_again
    def train(self, data: bytes, name: str | None, person_id: str | None) -> Answer:
        """The person of the one face in a picture, who is remembered with it.

        name: what to call a person who has no name yet. person_id: whose face the caller says it is,
        or NEW. Raises PictureError, NoFace, MultipleFaces, FaceTooSmall, UnknownPersonId,
        NameConflict, FaceMismatch, AmbiguousPerson.
        """
        _, portraits = self._vision.portraits(data, _check_faces)
        if not portraits:
            raise NoFace("a face was found, but not its eyes, nose and mouth")
        portrait = portraits[0]
        reference = self._reference(data, portrait)
        with self._store.writing():
            self._recognizer.check(portrait.embedding)
            person, standing = self._whose(portrait, name, person_id)
            likeness = likeness_of(self._store, person, reference, self._recognizer.calibration)
            if standing is Standing.CLAIMED:
                _check_claim(likeness)
            if name is not None and person.name is None:
                person = self._store.rename(person, name)
            warnings = notices(flaws(portrait.look, reference.model), standing, likeness)
            person = self._store.vouch(person, "train")
            if all(warning.code != NOT_ADDED for warning in warnings):
                learn(self._store, person, reference, likeness.twin, self._settings.max_references)
        return Answer(self._seen(person), warnings)

    def follow(self, model: str) -> None:
        """Embed with this model from now on, because its gallery answers. Raises ModelError."""
        self._recognizer.follow(model)

    def forget_unseen(self) -> int:
        """Erase the people whom index or the camera enrolled, nobody named, and nobody saw for the days
        configured for them."""
        today, settings = gmt_day(self._clock.now()), self._settings
        return self._store.forget_unseen(
            today - settings.forget_unnamed_days, today - settings.forget_strangers_days
        )

    # -- whose face -------------------------------------------------------------------------------

    def _whose(self, portrait: Portrait, name: str | None, person_id: str | None) -> tuple[Person, Standing]:
        """The person, and how we know."""
        if person_id == NEW:
            return self._store.create_person(name, enrolled_by="train"), Standing.FIRST
        if person_id is not None:
            return self._claimed(name, person_id), Standing.CLAIMED
        verdict = self._recognizer.verdict(portrait.embedding)
        person = self._known(verdict)
        if person is None:
            return self._store.create_person(name, enrolled_by="train"), Standing.FIRST
        _check_name(person, name)
        if name is not None and name == person.name:
            return person, Standing.VOUCHED
        sure = (verdict.similarity or 0.0) >= match.LEARN_FROM
        return person, Standing.SURE if sure else Standing.DOUBTFUL

    def _claimed(self, name: str | None, person_id: str) -> Person:
        person = self._store.person(person_id)
        if person is None:
            raise UnknownPersonId(f"no person has the id {person_id}")
        _check_name(person, name)
        return person

    def _known(self, verdict: Verdict) -> Person | None:
        if verdict.kind is Kind.AMBIGUOUS:
            rivals = [self._by_row(verdict.person_row), self._by_row(verdict.rival_row)]
            ids = [person.id for person in rivals if person is not None]
            raise AmbiguousPerson(
                f"{' and '.join(ids)} are both about {verdict.similarity:.0f} % similar to the face",
                personIds=ids,
            )
        return self._by_row(verdict.person_row)

    def _by_row(self, row: int | None) -> Person | None:
        return None if row is None else self._store.person_by_row(row)

    def _seen(self, person: Person) -> Person:
        self._store.saw(person.row, gmt_day(self._clock.now()))
        return person

    # -- what is remembered -----------------------------------------------------------------------

    def _reference(self, data: bytes, portrait: Portrait) -> Reference:
        """Made before the transaction, which others wait for."""
        kept = self._vision.kept_crop(data, portrait) if self._settings.keep_crops else None
        return Reference(
            row=None,
            vector=portrait.embedding.vector,
            model=portrait.embedding.model,
            quality=usefulness(portrait.face.confidence, portrait.embedding.mirror, portrait.embedding.model),
            added=self._clock.now(),
            crop=encode_jpeg(kept.pixels, _CROP_QUALITY) if kept is not None else None,
            landmarks=kept.landmarks if kept is not None else None,
            look=portrait.look,
        )


def _check_claim(likeness: Likeness) -> None:
    """Where there is nothing to compare with, the caller is believed, and warned."""
    if likeness.nearest is not None and likeness.nearest > math.log10(match.CLAIM_RATE):
        raise FaceMismatch(
            f"compared with this person alone, {strangers(likeness.nearest, match.CLAIM_RATE)} "
            f"come as near as this face; at most {1000 * match.CLAIM_RATE:.0f} may"
        )


def _check_name(person: Person, name: str | None) -> None:
    if name is not None and person.name is not None and person.name != name:
        raise NameConflict(f'{person.id} is already called "{person.name}"; rename the person with PATCH')


def _check_faces(faces: tuple[Face, ...]) -> None:
    if not faces:
        raise NoFace("0 faces found; train takes exactly 1")
    if len(faces) > 1:
        raise MultipleFaces(f"{len(faces)} faces found; train takes exactly 1")
    box = faces[0].box
    if min(box.width, box.height) < LEAST_FACE:
        raise FaceTooSmall(
            f"the face is {told(box.width, LEAST_FACE)}x{told(box.height, LEAST_FACE)} px; "
            f"at least {LEAST_FACE} px on each side are needed"
        )
