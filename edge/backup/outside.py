"""Settings outside the state folder (/etc/api-face): replaced, and the former ones kept beside."""

from __future__ import annotations

import os
from pathlib import Path

from edge.backup.writing import whole
from edge.errors import BackupError
from edge.store.opening import own

_SPARE = "settings.restored.toml"


def put_settings(settings: Path, content: bytes, state: Path) -> str:
    """Write the settings file, its mode and owner kept, the former one beside it; what was done, in words.

    Who may not write there finds them in the state folder. Raises BackupError, OSError: nor there.
    """
    try:
        if settings.is_file() and settings.read_bytes() == content:
            return f"settings: {settings}, which are the same"
        if settings.is_file():
            former = settings.with_name(f"{settings.name}.before-restore")
            with whole(former) as file:
                file.write(settings.read_bytes())
            _like(former, settings)
        with whole(settings) as file:
            file.write(content)
            if settings.is_file():
                _like(Path(f"/proc/self/fd/{file.fileno()}"), settings)
    except (BackupError, OSError):
        spare = state / _SPARE
        with whole(spare) as file:
            file.write(content)
        own(spare, state)
        return f"settings: {settings} cannot be written; they are in {spare}"
    return f"settings: {settings}; the former ones are beside it"


def _like(path: Path, model: Path) -> None:
    status = model.stat()
    path.chmod(status.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(path, status.st_uid, status.st_gid)
