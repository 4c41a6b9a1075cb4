# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What the agent knows of the machine before any step: the kernel's arguments, and who the machine says it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..messages import Hello, clean, is_run, is_token

VERSION = "1.0"
_SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


class KernelArgumentsError(ValueError):
    """The kernel was started without what the agent needs; the text never holds the token."""


@dataclass(frozen=True)
class KernelArguments:
    """`bm.server`, `bm.run` and `bm.token`."""

    server: str
    run: str
    token: str

    def __repr__(self) -> str:
        return f"KernelArguments(server={self.server!r}, run={self.run!r})"


def read_arguments(line: str) -> KernelArguments:
    """Read the kernel's command line. Raises KernelArgumentsError."""
    words = dict(word.partition("=")[::2] for word in line.split() if word.startswith("bm."))
    missing = [key for key in ("bm.server", "bm.run", "bm.token") if not words.get(key)]
    if missing:
        raise KernelArgumentsError(f"the kernel was started without {' and '.join(missing)}")
    if not is_run(words["bm.run"]) or not is_token(words["bm.token"]):
        raise KernelArgumentsError("bm.run takes a UUID, bm.token 64 hexadecimal digits, both in small letters")
    return KernelArguments(words["bm.server"], words["bm.run"], words["bm.token"])


def hello(root: Path, image_digest: str) -> Hello:
    """Say who the machine is, as far as files below `root` tell; what they don't tell is empty."""
    secure_boot = _bytes(root / _SECURE_BOOT)
    lockdown = _text(root / "sys/kernel/security/lockdown")
    macs = {
        _text(path / "address").upper() for path in (root / "sys/class/net").glob("*") if (path / "device").exists()
    }
    return Hello(
        serial=clean(_text(root / "sys/class/dmi/id/product_serial"), 100),
        uuid=clean(_text(root / "sys/class/dmi/id/product_uuid").lower(), 64),
        macs=tuple(sorted(mac for mac in macs if len(mac) == 17)),
        firmware="uefi" if (root / "sys/firmware/efi").is_dir() else "bios",
        secure_boot=len(secure_boot) == 5 and secure_boot[4] == 1,
        lockdown=lockdown.partition("[")[2].partition("]")[0][:32] or None,
        image_digest=image_digest if all(letter in "0123456789abcdef" for letter in image_digest) else "",
        agent_version=VERSION,
    )


def uptime(root: Path = Path("/")) -> float:
    """Return the seconds since the machine was started, 0 where it does not tell."""
    first = _text(root / "proc/uptime").partition(" ")[0]
    try:
        return max(0.0, float(first))
    except ValueError:
        return 0.0


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8", "replace").strip()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()[:4096]
    except OSError:
        return b""
