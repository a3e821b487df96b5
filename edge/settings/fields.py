"""Every setting, with its default, its unit and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

EMBEDDERS: Mapping[str, str] = {"mobilefacenet": "mobilefacenet-112-int8", "dlib": "dlib-resnet-150-int8"}
"""The model file of each value of the setting `embedder`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every key of settings.toml, with its default. The text under a field is its documentation."""

    host: str = "::"
    """Address to listen on; "::" is all of IPv4 and IPv6, "127.0.0.1" this machine alone."""

    port: int = 443
    """TCP port, 1-65535 (0: any free one, printed at start)."""

    tls_certificate: str = ""
    """Path of the installer's own certificate chain (PEM); empty: the device makes its own. An expired one is
    served, with an hourly line in the log."""

    tls_key: str = ""
    """Path of the private key of `tls_certificate` (PEM)."""

    tls_names: tuple[str, ...] = ()
    """Further DNS names or addresses to put into the device's own certificate."""

    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may call, e.g. "https://panel.example"; compared exactly."""

    workers: int = 2
    """Recognitions at the same time, each with its own interpreters (about 30 MiB); 1-64."""

    model_threads: int = 1
    """CPU threads one interpreter uses; 1-16."""

    max_requests: int = 16
    """Requests in hand at once (count); one more is 503."""

    max_connections: int = 512
    """Open TCP connections (count); past it the one that has waited longest without a request closes."""

    header_seconds: float = 10.0
    """From accepting a connection, or from its last answer, to a complete request head (seconds)."""

    request_seconds: float = 30.0
    """From the head of a request to its whole body; past it the connection closes (seconds)."""

    queue_seconds: float = 5.0
    """How long a request waits its turn for memory or a worker before it is 503 (seconds)."""

    detect_key_chars: int = 8_000_000
    """Longest `key` of detect and identify (base64 characters without white space)."""

    train_key_chars: int = 1_000_000
    """Longest `key` of train and index (base64 characters without white space)."""

    request_memory_mib: int = 96
    """Memory that the decoding of one picture may take (MiB); a picture that needs more is 413."""

    total_memory_mib: int = 128
    """Memory that all requests together may take (MiB), a quarter for bodies, the rest for pictures;
    others wait."""

    min_confidence: float = 0.6
    """Faces below this confidence are not reported (0..1)."""

    embedder: str = "mobilefacenet"
    """The network that tells people apart: "mobilefacenet", the most accurate, or "dlib", whose weights are
    in the public domain. After a change the kept crops are embedded anew while the old one answers."""

    false_positive_rate: float = 0.001
    """How many strangers may be given a known person's name (0.000001..0.1); less means that known people are
    more often "unknown"."""

    enrol_on_index: bool = True
    """Whether index gives a stranger a new personId; false: 422 unknown_person."""

    max_references: int = 8
    """References kept per person (count); past it the least useful one gives way; 1-64."""

    keep_crops: bool = True
    """Keep the aligned crop of each reference, so that a later model can re-embed it."""

    forget_unnamed_days: int = 90
    """Days without being seen after which a person enrolled by index and never named is forgotten."""

    camera: str = "none"
    """Where frames come from: "none"; "pi", Raspberry Pi's camera ("pi:1", the second); "v4l2:/dev/video0", a
    USB webcam; "file:PATH", a folder of JPEGs or a clip, played once ("file:PATH?loop", for ever)."""

    camera_name: str = "camera"
    """What sightings and events call it."""

    camera_width: int = 1280
    """Width of the frames that faces are recognised in (pixels)."""

    camera_height: int = 720
    """Height of the frames that faces are recognised in (pixels)."""

    camera_rotation: int = 0
    """Degrees by which the camera is mounted turned: 0 or 180."""

    camera_fps: float = 10.0
    """Frames looked at per second, at most; fewer under load and heat; 0.5-30."""

    camera_memory_mib: int = 160
    """Memory that the camera's own process may take (MiB); past it that process is started anew."""

    camera_crops: bool = True
    """Whether a sighting keeps the best picture of the face."""

    camera_strangers: bool = True
    """Whether a stranger whom the camera has seen well becomes a person without a name, with a personId."""

    forget_strangers_days: int = 30
    """Days without being seen after which a person whom only the camera met is forgotten, unless named."""

    sightings_days: int = 30
    """Days that sightings and their crops are kept; 1-3650."""

    sightings_mib: int = 200
    """Memory card that sightings, crops and events may take (MiB); past it the oldest go."""

    disk_floor_mib: int = 256
    """Free space (MiB) below which no more crops are kept, and health says `disk: low`."""

    backup_days: int = 7
    """Nightly copies on the device, one a day (count); 1-366."""

    backup_weeks: int = 4
    """Further nightly copies, one of each week before (count); 0-520."""

    backups_mib: int = 500
    """Memory card that nightly copies may take (MiB); past it the eldest go. The newest always stays."""

    journal_names: bool = False
    """Whether lines of the log may hold names; false: ids alone."""

    max_event_streams: int = 8
    """Clients that may listen to GET /v1.0/events at once; one more is 503."""

    mqtt_host: str = ""
    """MQTT broker that events are published to; empty: none."""

    mqtt_port: int = 8883
    """TCP port of the broker; usually 8883 with TLS, 1883 without."""

    mqtt_tls: bool = True
    """Whether the connection to the broker is encrypted, and its certificate checked."""

    mqtt_ca: str = ""
    """Path of the CA certificate (PEM) that signed the broker's; empty: those the system trusts."""

    mqtt_username: str = ""
    """User at the broker; empty: none."""

    mqtt_password_file: str = ""
    """Path of a file that holds the password at the broker, and nothing else; empty: none."""

    mqtt_topic: str = "api-face"
    """First part of every topic: TOPIC/DEVICE/..."""

    mqtt_discovery: str = "homeassistant"
    """Topic under which Home Assistant looks for devices; empty: it is told nothing."""

    webhook_url: str = ""
    """https:// (or http://) address that each event is posted to; empty: none."""

    webhook_secret_file: str = ""
    """Path of a file that holds the secret which signs each post; needed with `webhook_url`."""

    webhook_ca: str = ""
    """Path of the CA certificate (PEM) that signed the receiver's; empty: those the system trusts."""

    log_level: str = "info"
    """"debug", "info", "warning" or "error"."""

    runtime: str = "auto"
    """TFLite runtime that scripts/install and scripts/update put in: "litert", "tflite", or "auto", the one
    that is faster on this very board."""


RANGES: Mapping[str, tuple[float, float]] = {
    "port": (0, 65535),
    "workers": (1, 64),
    "model_threads": (1, 16),
    "max_requests": (1, 4096),
    "max_connections": (8, 65536),
    "header_seconds": (0.5, 600),
    "request_seconds": (0.5, 3600),
    "queue_seconds": (0, 600),
    "detect_key_chars": (1000, 100_000_000),
    "train_key_chars": (1000, 100_000_000),
    "request_memory_mib": (8, 65536),
    "total_memory_mib": (8, 65536),
    "min_confidence": (0.05, 1),
    "false_positive_rate": (1e-6, 0.1),
    "max_references": (1, 64),
    "forget_unnamed_days": (1, 36500),
    "camera_width": (160, 4608),
    "camera_height": (120, 2592),
    "camera_fps": (0.5, 30),
    "camera_memory_mib": (64, 65536),
    "forget_strangers_days": (1, 36500),
    "sightings_days": (1, 3650),
    "sightings_mib": (8, 1_048_576),
    "disk_floor_mib": (0, 1_048_576),
    "backup_days": (1, 366),
    "backup_weeks": (0, 520),
    "backups_mib": (1, 1_048_576),
    "max_event_streams": (0, 1024),
    "mqtt_port": (1, 65535),
}
"""The least and the most of each number."""
