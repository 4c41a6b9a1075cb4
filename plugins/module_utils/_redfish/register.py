# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What is known of BMCs beyond this computer, as this package needs it; who keeps it is not its concern."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol


class Register(Protocol):
    """Claims and certificates of servers, by name, where all runs see them."""

    lease_s: float

    def claim(self, names: Collection[str]) -> dict[str, str]:
        """Claim servers for `lease_s` seconds; return why some can't be had."""

    def renew(self) -> None:
        """Let the claims hold for longer. Raises nothing."""

    def problem(self, name: str) -> str:
        """Return why a claim does not hold any more; empty while it does."""

    def pin(self, shown: Mapping[str, str]) -> dict[str, str]:
        """Keep certificates, as SHA-256, of claimed servers that have none yet; return why some were not."""

    def expect(self, certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        """Let claimed servers that have a certificate have another one beside it; return why some can't.

        Each is given with the one that it shows and the one that it is about to get.
        """

    def settle(self, shown: Mapping[str, str]) -> None:
        """Keep of several certificates of claimed servers the one that each shows. Raises nothing."""

    def release(self) -> object:
        """Give all claims back. Raises nothing."""
