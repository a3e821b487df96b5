"""These tests run inside the root folder that scripts/test-camera makes, and nowhere else."""

from __future__ import annotations

import os

collect_ignore_glob = [] if "VIRTUAL_CAMERA" in os.environ else ["test_*.py"]
