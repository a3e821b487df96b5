"""Whether a release works with a device's state. Runs as the service's user.

    python trial.py try STATE SETTINGS COPY         with a copy of the state, on a port of its own
    python trial.py healthy SETTINGS SECONDS        whether the service answers within that time, and goes on
    python trial.py put-back STATE BEFORE RELEASE   databases whose form RELEASE has changed, as they were

`try` is for the release's own Python, the others for any. Exit code 0: yes, or done; else the reason stands on
stderr.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import sqlite3
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

_PORT = 443
"""The setting's default."""

_START_S = 120
_STEADY_S = 5.0
"""So long the service must go on answering."""

_ELSEWHERE = ("mqtt_host", "webhook_url", "camera")
"""Settings by which a copy would tell the world things, or take the camera away."""


class Failed(Exception):
    """Why this release will not do."""


def try_out(state: Path, settings: Path, copy: Path) -> None:
    """Migrate the copy, serve it, ask it something, and see that nobody is missing."""
    _copy(state, copy)
    kept = [line for line in settings.read_text().splitlines() if _key(line) not in _ELSEWHERE]
    own_settings = copy / "settings.toml"
    own_settings.write_text("\n".join([*kept, ""]))
    before = _people(copy)
    words = [sys.executable, "-sPB", "-m", "edge", "--state", str(copy), "--settings", str(own_settings)]
    added = subprocess.run(
        [*words, "token", "add", "update"], stdout=subprocess.PIPE, text=True, check=False, cwd="/"
    )
    if added.returncode:
        raise Failed("its command line does not work with this device's state")
    with _serving([*words, "serve", "--host", "127.0.0.1", "--port", "0"]) as url:
        _ask(url, added.stdout.strip())
    if _people(copy) != before:
        raise Failed(f"of {before} people it kept {_people(copy)}")


def healthy(settings: Path, seconds: float) -> None:
    """Raises Failed."""
    port = tomllib.loads(settings.read_text(encoding="utf-8")).get("port", _PORT)
    end, since = time.monotonic() + seconds, None
    while time.monotonic() < end:
        now = time.monotonic()
        if not _answers(port):
            since = None
        elif since is None:
            since = now
        elif now - since >= _STEADY_S:
            return
        time.sleep(0.2)
    raise Failed(f"the service was not healthy within {seconds:.0f} s")


def put_back(state: Path, before: Path, release: str) -> None:
    """A database that a newer release has migrated cannot be read by an older one. What that release wrote into
    it is put aside, not thrown away."""
    for old in sorted(before.glob("*.sqlite")):
        new = state / old.name
        if new.exists() and _version(new) == _version(old):
            continue
        for suffix in ("", "-wal", "-shm"):
            part = Path(f"{new}{suffix}")
            if part.exists():
                part.replace(f"{part}.of-{release}")
        shutil.copy2(old, new)
        print(f"{new.name} is as it was before; what {release} made of it is beside it", file=sys.stderr)


def _copy(state: Path, copy: Path) -> None:
    """While the service goes on. The certificates too, for making them takes time."""
    copy.mkdir(mode=0o700)
    for path in state.iterdir():
        if path.suffix == ".sqlite":
            with _opened(path) as one, _opened(copy / path.name) as other:
                one.backup(other)
                other.execute("PRAGMA journal_mode = WAL")
        elif path.name == "tls":
            shutil.copytree(path, copy / "tls")


def _opened(path: Path) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(path))


def _people(state: Path) -> int:
    if not (state / "people.sqlite").exists():
        return 0
    with _opened(state / "people.sqlite") as database:
        return int(database.execute("SELECT count(*) FROM person").fetchone()[0])


def _version(path: Path) -> int:
    with _opened(path) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def _key(line: str) -> str:
    return line.partition("=")[0].strip()


@contextlib.contextmanager
def _serving(command: list[str]) -> Iterator[str]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()  # it says where it serves, or ends
        found = re.search(r"https://\S+", line)
        if found is None:
            raise Failed("it does not start with a copy of this device's state")
        yield found[0]
    finally:
        process.terminate()
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _ask(url: str, token: str) -> None:
    """One detect, as a client would."""
    from edge.selftest import drawn_face  # of the release that is tried

    key = "data:image/jpeg;base64," + base64.b64encode(drawn_face()).decode()
    with _connection(urlsplit(url).port or 0) as connection:
        connection.request(
            "POST", "/v1.0/detect", json.dumps({"key": key}), {"Authorization": f"Bearer {token}"}
        )
        answer = connection.getresponse()
        body = answer.read().decode()
    if answer.status != 200:
        raise Failed(f"detect answers {answer.status}: {body}")
    if not _answers(urlsplit(url).port or 0):
        raise Failed("it is not healthy")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException), _connection(port) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


@contextlib.contextmanager
def _connection(port: int) -> Iterator[http.client.HTTPSConnection]:
    """To this machine itself: nothing secret is said that it does not know, so the certificate is not checked."""
    context = ssl._create_unverified_context()  # noqa: S323
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    with contextlib.closing(connection):
        yield connection


def main() -> int:
    verb, *rest = sys.argv[1:]
    try:
        if verb == "try":
            try_out(*map(Path, rest))
        elif verb == "healthy":
            healthy(Path(rest[0]), float(rest[1]))
        else:
            put_back(Path(rest[0]), Path(rest[1]), rest[2])
    except Failed as failure:
        print(f"the new release: {failure}" if verb == "try" else failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
