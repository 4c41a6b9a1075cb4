# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The journal of a server's rotations: one line before each step, on disk before the step begins; never a secret.

It is for people, and for what no store knows: which login was refused. A rotation is finished without it too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from .._values.clock import Clock
from .errors import RedfishConfigError

_LAST_LINES = 500


class Journal:
    """The file of one server below `directory`, for its owner alone.

    Both methods raise RedfishConfigError where it can't be used.
    """

    def __init__(self, directory: str, server: str, clock: Clock) -> None:
        readable = re.sub(r"[^A-Za-z0-9._-]", "_", server)[:64]
        digest = hashlib.sha256(server.encode()).hexdigest()[:8]
        self.path = Path(directory).expanduser() / f"{readable}-{digest}.jsonl"
        self._server, self._clock = server, clock

    def mark(self, step: str, account: str, generation: str) -> None:
        """Write one line, and have it on disk before this returns."""
        line = {
            "time": self._clock.wall_s(),
            "server": self._server,
            "generation": generation,
            "step": step,
            "account": account,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RedfishConfigError(f"could not write {self.path}: {error.strerror}") from error

    def lines(self) -> list[dict[str, Any]]:
        """Read the last lines; what a kill has left half written is no line."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RedfishConfigError(f"could not read {self.path}: {error.strerror}") from error
        found = []
        for each in text.splitlines()[-_LAST_LINES:]:
            try:
                line = json.loads(each)
            except ValueError:
                continue
            if isinstance(line, dict):
                found.append(line)
        return found
