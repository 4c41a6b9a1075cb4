# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The image that is offered: whether it still is what was built, and the digest that who runs it must say.

No file can hold its own digest. So the builder writes into the image, and into `image-digest` beside it, the digest of
what the image is made of: packages with their versions, agent, steps, init. SHA256SUMS has those of the files. Together
they tell an image that was changed after it was built, and a machine that booted an older one or a foreign one. A
machine that lies about its image is not told by any digest: the image is not trusted.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

from .settings import Settings

DIGEST_FILE, SUMS_FILE = "image-digest", "SHA256SUMS"
_PIECE_BYTES = 1 << 20
Stamp = tuple[tuple[str, int, int], ...]


class ImageError(Exception):
    """An image that must not be offered; the message says which file is wrong."""


class Image:
    """The image of these settings; files are read anew only once they have changed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = Path(settings.image_directory)
        self._lock = threading.Lock()
        self._seen: Stamp | None = None
        self._digest = settings.image_digest
        self._problem = ""

    def digest(self) -> str:
        """Give the digest; "" where neither the image nor the settings have one. Raises ImageError."""
        if not self._settings.image_directory:
            return self._settings.image_digest
        with self._lock:
            try:
                stamp = self._stamp()
                if stamp != self._seen:
                    self._problem = ""
                    self._digest = self._read()
                    self._seen = stamp
            except (OSError, UnicodeDecodeError) as error:
                raise ImageError(f"the image in {self._directory} can't be read: {error}") from error
            except ImageError as error:
                self._problem, self._seen = str(error), stamp
            if self._problem:
                raise ImageError(self._problem)
            return self._digest

    def _stamp(self) -> Stamp:
        names = (self._settings.kernel, self._settings.initrd, SUMS_FILE, DIGEST_FILE)
        found = {name: (self._directory / name).stat() for name in names if (self._directory / name).exists()}
        return tuple((name, each.st_size, each.st_mtime_ns) for name, each in found.items())

    def _read(self) -> str:
        sums = self._words(SUMS_FILE)
        wanted = dict(zip(sums[1::2], sums[::2]))
        for name in (self._settings.kernel, self._settings.initrd, DIGEST_FILE):
            if name in wanted and _sha256(self._directory / name) != wanted[name]:
                raise ImageError(
                    f"{self._directory / name} is not what {SUMS_FILE} beside it says; build the image again"
                )
        return self._settings.image_digest or (self._words(DIGEST_FILE) or [""])[0]

    def _words(self, name: str) -> list[str]:
        path = self._directory / name
        return path.read_text(encoding="ascii").split() if path.exists() else []


def _sha256(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            made.update(piece)
    return made.hexdigest()
