# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Boot scripts for iPXE and GRUB. Pure.

Nothing that a machine or NetBox says is ever part of a script, but for names cut down to letters, digits, dots and
hyphens. What comes from the settings is refused where it has a character that either language reads as its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_WORD = re.compile(r"[A-Za-z0-9._:/=,@+-]+")
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9.-]+")
_ASK = "mac=${net0/mac:hexhyp}&serial=${serial:uristring}&uuid=${uuid}"


class ScriptError(ValueError):
    """A setting that can't stand in a boot script."""


@dataclass(frozen=True)
class Offer:
    """What one boot is given. `token` is in hexadecimal digits; `arguments` are the site's own for the kernel."""

    url: str
    run: str
    token: str
    name: str = ""
    kernel: str = "vmlinuz"
    initrd: str = "initrd"
    arguments: Sequence[str] = ("console=tty0", "console=ttyS0", "quiet", "panic=10")

    def __post_init__(self) -> None:
        check_url(self.url)
        for word in (self.run, self.token, self.kernel, self.initrd, *self.arguments):
            check_word(word)

    @property
    def command_line(self) -> str:
        """Return the kernel's arguments."""
        own = (f"bm.server={self.url}", f"bm.run={self.run}", f"bm.token={self.token}")
        return " ".join((*own, *self.arguments))


def check_url(url: str) -> str:
    """Return an address that may stand in a boot script. Raises ScriptError."""
    if not _URL.fullmatch(url):
        raise ScriptError(f"{url!r} is not an address that a boot script can hold, such as http://10.0.0.1:8080")
    return url


def check_word(word: str) -> str:
    """Return a word that means itself in both languages. Raises ScriptError."""
    if not _WORD.fullmatch(word):
        raise ScriptError(f"{word!r} can't stand in a boot script: letters, digits and ._:/=,@+- can")
    return word


def render_ipxe(offer: Offer) -> str:
    """Boot the image; a machine that can't load it boots its disk."""
    base = offer.url.rstrip("/")
    return "\n".join(
        [
            "#!ipxe",
            f"echo Validation of {safe_name(offer.name)}",
            f"kernel {base}/image/{offer.kernel} initrd=initrd {offer.command_line} || goto disk",
            f"initrd --name initrd {base}/image/{offer.initrd} || goto disk",
            "boot || goto disk",
            ":disk",
            "echo The image could not be loaded, the disk is booted",
            "exit 1",
            "",
        ]
    )


def render_ipxe_ask(url: str) -> str:
    """Ask again with what iPXE knows of the machine."""
    return f"#!ipxe\nchain --replace {check_url(url).rstrip('/')}/boot/ipxe?{_ASK} || exit 1\n"


def render_ipxe_wait(url: str, seconds: int = 15) -> str:
    """Ask again later: the run before is not over, or nothing is known yet."""
    base = check_url(url).rstrip("/")
    return f"#!ipxe\nsleep {seconds:d}\nchain --replace {base}/boot/ipxe?{_ASK} || exit 1\n"


def render_ipxe_disk() -> str:
    """Boot the disk."""
    return "#!ipxe\nexit 1\n"


def render_grub(offer: Offer, directory: str = "/") -> str:
    """Boot the image, which GRUB loads by TFTP from `directory`."""
    place = check_word(f"{directory.rstrip('/')}/")
    return "\n".join(
        [
            "set timeout=0",
            f"echo 'Validation of {safe_name(offer.name)}'",
            f"linux {place}{offer.kernel} {offer.command_line}",
            f"initrd {place}{offer.initrd}",
            "boot",
            "exit",
            "",
        ]
    )


def grub_file_name(mac: str) -> str:
    """Return the name of the file that GRUB asks for first; `mac` is like A0:36:9F:7C:05:00."""
    return f"grub.cfg-01-{check_word(mac.lower().replace(':', '-'))}"


def safe_name(name: str) -> str:
    """Return of a name what can't mean anything in a script."""
    return _NOT_IN_NAME.sub("-", name)[:64] or "this server"
