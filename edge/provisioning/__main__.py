"""`python -m edge.provisioning FILE`: check a site file, before anything is installed.

With any Python from 3.11 on. Prints which camera the installer is to get packages for: pi (also what it gets
unasked) or webcam.
"""

from __future__ import annotations

import sys
from pathlib import Path

from edge.errors import SettingsError
from edge.provisioning.site import Site, read_site


def kind_of_camera(site: Site) -> str:
    """pi or webcam."""
    source = str(site.settings.get("camera", "none"))
    return "webcam" if source.startswith(("v4l2:", "file:")) else "pi"


if __name__ == "__main__":
    try:
        print(kind_of_camera(read_site(Path(sys.argv[1]))))
    except SettingsError as problem:
        sys.exit(f"{sys.argv[1]}: {problem.message}")
