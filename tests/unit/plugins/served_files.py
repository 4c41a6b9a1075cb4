# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a directory, served by HTTP."""

from __future__ import annotations

import http.server
from pathlib import Path
from typing import Any


def files_in(directory: Path) -> type[http.server.BaseHTTPRequestHandler]:
    """Return what serves the files of a directory."""

    class Files(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(directory))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Files
