"""Everything that can go wrong, as one tree that knows no HTTP.

Each class has a `code` from the contract's closed list and a message that carries the measured
value. `evidence` holds what a caller may need beside the message (for example both ids of an
ambiguous face); it becomes extra fields of the error on the wire.
"""

from __future__ import annotations

from typing import ClassVar


class EdgeError(Exception):
    """Any refusal or failure this program describes in words."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **evidence: object) -> None:
        super().__init__(message)
        self.message = message
        self.evidence = evidence


class InvalidJson(EdgeError, ValueError):
    """The body is not one JSON object."""

    code = "invalid_json"


class MissingKey(EdgeError, ValueError):
    """`key` is absent, empty or not a string."""

    code = "missing_key"


class InvalidBase64(EdgeError, ValueError):
    """`key` is not base 64."""

    code = "invalid_base64"


class BodyTooLarge(EdgeError, ValueError):
    """The raw body, or `key` itself, is longer than this endpoint takes."""

    code = "body_too_large"


class AccessError(EdgeError, PermissionError):
    """The caller may not do this."""


class MissingToken(AccessError):
    """No Authorization header."""

    code = "missing_token"


class NotBearer(AccessError):
    """An Authorization header of another scheme."""

    code = "not_bearer"


class InvalidToken(AccessError):
    """An unknown, revoked or expired token."""

    code = "invalid_token"


class InsufficientScope(AccessError):
    """A good token that lacks the scope."""

    code = "insufficient_scope"


class QuotaExceeded(AccessError):
    """The token's daily quota is used up. `reset_s`: seconds to the next midnight GMT."""

    code = "quota_exceeded"

    def __init__(self, message: str, reset_s: int) -> None:
        super().__init__(message)
        self.reset_s = reset_s


class PictureError(EdgeError, ValueError):
    """The bytes do not give a usable picture."""


class UnsupportedImage(PictureError):
    """Neither JPEG nor PNG, or declared as something else."""

    code = "unsupported_image"


class BadImage(PictureError):
    """A JPEG or PNG that cannot be decoded."""

    code = "bad_image"


class ImageTooLarge(PictureError):
    """Decoding would take more memory than one request may use."""

    code = "image_too_large"


class WrongSize(PictureError):
    """index takes exactly 64x64 pixels."""

    code = "wrong_size"


class NoFace(EdgeError):
    """No face was found where one is needed."""

    code = "no_face"


class MultipleFaces(EdgeError):
    """More than one face where exactly one is needed."""

    code = "multiple_faces"


class FaceTooSmall(EdgeError):
    """The face is too small to learn from."""

    code = "face_too_small"


class NotFound(EdgeError, LookupError):
    """There is no such route or thing."""

    code = "not_found"


class MethodNotAllowed(EdgeError):
    """The route exists, the method does not."""

    code = "method_not_allowed"


class UnknownPersonId(NotFound):
    """No person has this id."""

    code = "unknown_person_id"


class UnknownReference(NotFound):
    """No reference has this number."""


class NameConflict(EdgeError):
    """The person already has another name."""

    code = "name_conflict"


class FaceMismatch(EdgeError):
    """The face is not that person's."""

    code = "face_mismatch"


class AmbiguousPerson(EdgeError):
    """Two people claim the face almost equally."""

    code = "ambiguous_person"


class UnknownPerson(EdgeError):
    """A stranger, and the caller may not enrol."""

    code = "unknown_person"


class Overloaded(EdgeError):
    """More work in hand than the device takes. `retry_s`: seconds after which to try again."""

    code = "overloaded"

    def __init__(self, message: str, retry_s: int = 1) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class ModelChanged(Overloaded):
    """The gallery's embedder was switched while a request was under way.

    The one way through catches it and walks once more from the picture; `model` is the new embedder.
    """

    def __init__(self, message: str, model: str) -> None:
        super().__init__(message)
        self.model = model


class NotReady(EdgeError):
    """The device is starting or stopping."""

    code = "not_ready"


class SettingsError(EdgeError, ValueError):
    """A settings file or a command line that cannot be followed."""


class CertificateError(EdgeError):
    """The device's TLS certificate cannot be made or used."""


class ModelError(EdgeError):
    """A model file is missing, damaged, or of another shape than its sidecar says.

    A service that is running meets it when another process switches to a model that it cannot load.
    """

    code = "not_ready"


class StoreError(EdgeError):
    """The store cannot be opened or written."""


class BackupError(EdgeError):
    """A backup that cannot be made, or a file that cannot be taken for one."""


class CameraError(EdgeError):
    """The camera gives no frames."""


class CameraAbsent(CameraError):
    """There is no such camera, or it cannot be opened or configured."""


class CameraStalled(CameraError):
    """A camera that was opened gave no frame in time."""


class CameraEnded(CameraError):
    """A replay has come to its end."""


class OutletError(EdgeError):
    """An event could not be handed over to whoever it is sent to."""
