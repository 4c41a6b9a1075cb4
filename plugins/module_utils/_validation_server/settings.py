# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The settings of receiver and worker, read from one JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .._validation.messages import BOOT_DISK, POWER_OFF
from .boot_scripts import ScriptError, check_url, check_word

_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}
LEAVES = (POWER_OFF, BOOT_DISK)


class SettingsError(Exception):
    """Settings that can't be used; the message says which and what they take."""


@dataclass(frozen=True)
class Settings:
    """What the file may say; keys that are not here are refused.

    `url` is how machines reach the receiver. `data_directory` has the spool, the state and the logs. Without
    `tftp_directory` no files for GRUB are written. The receiver needs nothing of NetBox, and is not to be able to read
    `netbox_token_file`.
    """

    url: str
    data_directory: str
    image_directory: str = ""
    host: str = "0.0.0.0"
    port: int = 8080
    kernel: str = "vmlinuz"
    initrd: str = "initrd"
    image_digest: str = ""
    kernel_arguments: tuple[str, ...] = ("console=tty0", "console=ttyS0", "quiet", "panic=10")
    tftp_directory: str = ""
    grub_directory: str = "/"
    profiles_directory: str = ""
    heartbeat_seconds: float = 15.0
    lldp_interval_seconds: float = 30.0
    boot_seconds: float = 900.0
    leave: str = "poweroff"
    write_cables: bool = False
    max_log_bytes: int = 4 * 1024**3
    keep_days: float = 90.0
    netbox_url: str = ""
    netbox_token_file: str = ""
    netbox_ca_path: str = ""
    netbox_validate_certs: bool = True
    state_field: str = "status"
    admit_seconds: float = 10.0
    turn_seconds: float = 2.0
    log_url: str = ""
    event_url: str = ""
    event_token_file: str = ""
    event_ca_path: str = ""
    _directory: Path = field(init=False, repr=False, default=Path())

    def __post_init__(self) -> None:
        try:
            check_url(self.url)
            check_url(self.log_url or self.url)
            for word in (self.kernel, self.initrd, *self.kernel_arguments, self.grub_directory):
                check_word(word)
        except ScriptError as error:
            raise SettingsError(str(error)) from error
        if "/" in self.kernel + self.initrd or not 0 <= self.port < 65536:
            raise SettingsError("kernel and initrd are names of files in image_directory, port is at most 65535")
        if self.leave not in LEAVES:
            raise SettingsError(f"leave takes one of {', '.join(LEAVES)}")
        least = min(self.heartbeat_seconds, self.boot_seconds, self.admit_seconds, self.turn_seconds, self.keep_days)
        if least <= 0 or self.max_log_bytes < 0:
            raise SettingsError("seconds, days and bytes are more than 0")
        object.__setattr__(self, "_directory", Path(self.data_directory))

    @property
    def silence_seconds(self) -> float:
        """Return after how long a silent machine is given up: four heartbeats without an answer, and what follows.

        That is the one that was not due yet, the agent's longest pause between two tries, and its time-out of one.
        """
        return 8 * self.heartbeat_seconds

    @property
    def spool_path(self) -> Path:
        """Return the file of the spool."""
        return self._directory / "spool.sqlite"

    @property
    def state_path(self) -> Path:
        """Return the file of admissions and runs."""
        return self._directory / "state.sqlite"

    @property
    def log_directory(self) -> Path:
        """Return where pieces of logs are kept."""
        return self._directory / "logs"

    @property
    def ledger_path(self) -> str:
        """Return the directory of the ledger of journal entries."""
        return str(self._directory / "ledger")

    @property
    def lock_path(self) -> str:
        """Return the directory of NetBox's locks."""
        return str(self._directory / "locks")

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Settings:
        """Read settings by name. Raises SettingsError."""
        known = {each.name: each for each in fields(cls) if each.init}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise SettingsError(f"unknown settings: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        for name, value in values.items():
            word = str(known[name].type)
            wanted = _TYPES.get(word, (tuple,))
            if not isinstance(value, wanted) or (isinstance(value, bool) and word != "bool"):
                raise SettingsError(f"{name} takes a value of the type {word}")
        try:
            return cls(**values)
        except TypeError:
            raise SettingsError("url and data_directory are needed") from None


def read_settings(path: str) -> Settings:
    """Read the file. Raises SettingsError."""
    try:
        given = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"could not read {path}: {error}") from error
    if not isinstance(given, dict):
        raise SettingsError(f"{path} takes one JSON object")
    return Settings.from_mapping(given)
