# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What one DHCP acknowledgement says about a machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Sighting:
    """A machine that got an address. Texts are cleaned and bounded; None or "" is what the packet did not say.

    `mac` is lower case with colons, addresses are dotted, identifiers of relays are hexadecimal (they are bytes, not
    text). `vendor` is a hint from the MAC address, never an identity.
    """

    mac: str
    ip: str
    hostname: str = ""
    relay: str | None = None
    circuit_id: str = ""
    remote_id: str = ""
    vlan: int | None = None
    lease_s: int | None = None
    vendor_class: str = ""
    server: str | None = None
    interface: str = ""
    vendor: str = ""

    @property
    def key(self) -> str:
        """Return whose it is for the spool: the MAC address's."""
        return self.mac

    @property
    def novelty(self) -> str:
        """Return what makes a sighting of a MAC address news: its IP address."""
        return self.ip

    def to_dict(self) -> dict[str, Any]:
        """Give all fields by name, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Sighting:
        """Read what `to_dict` wrote, also that of a version with other fields."""
        return cls(**{name: stored[name] for name in (field.name for field in fields(cls)) if name in stored})
