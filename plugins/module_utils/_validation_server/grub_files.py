# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The files that GRUB asks for by TFTP, which can't ask a service: one for each admitted MAC address, with a token."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection
from pathlib import Path

from .boot_scripts import grub_file_name, render_grub
from .image import Image, ImageError
from .receiver import mint
from .settings import Settings
from .state import Run, State

# A token is written anew long before it expires.
_RENEW_S = 12 * 3600.0
_PATTERN = "grub.cfg-01-*"


class GrubFiles:
    """The files below `tftp_directory`; none where that is not set. A machine without a file boots its disk."""

    def __init__(self, settings: Settings, state: State, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._state = state
        self._clock = clock
        self._image = Image(settings)

    def remove_old(self) -> None:
        """Remove all files once it was not read lately who is admitted."""
        if self._settings.tftp_directory and not self._state.is_current(self._clock()):
            _remove(Path(self._settings.tftp_directory), set())

    def renew(self) -> None:
        """Write the files of those who are admitted and not under way, and remove all others.

        Raises ImageError, with no file left, where the image must not be offered.
        """
        if not self._settings.tftp_directory:
            return
        folder = Path(self._settings.tftp_directory)
        busy = {run.device for run in self._state.open_runs() if run.started or run.closed}
        now = self._clock()
        try:
            image = self._image.digest()
        except ImageError:
            _remove(folder, set())
            raise
        good = {run.mac for run in self._state.waiting_files() if _is_good(run, image, now)}
        kept = set()
        for each in self._state.admissions():
            if each.device in busy:
                continue
            path = folder / grub_file_name(each.mac)
            kept.add(path.name)
            if each.mac in good and path.exists():
                continue
            run, offer = mint(each, self._settings, via="grub", now=now, random=secrets.token_bytes, image=image)
            self._state.mint(run)
            _write(path, render_grub(offer, self._settings.grub_directory))
        _remove(folder, kept)


def _is_good(run: Run, image: str, now: float) -> bool:
    return run.image == image and now < run.expires - _RENEW_S


def _remove(folder: Path, kept: Collection[str]) -> None:
    for path in folder.glob(_PATTERN):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def _write(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}.new")
    # The TFTP server reads it as another user; whoever is on the network can read it too.
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
    half.replace(path)
