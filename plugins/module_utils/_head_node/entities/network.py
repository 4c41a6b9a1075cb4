# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Networks, which are only read (bcm-api.md 4.5)."""

from __future__ import annotations

from typing import Any

from .fields import Raw


def network_to_ansible(raw: Raw) -> dict[str, Any]:
    """Show a network in the words of bcm_network_info."""
    return {
        "name": raw["name"],
        "uuid": raw["uuid"],
        "type": raw.get("type"),
        "cidr": f"{raw.get('baseAddress')}/{raw.get('netmaskBits')}",
        "gateway": raw.get("gateway"),
        "domain": raw.get("domainName"),
        "management": raw.get("management"),
        "bootable": raw.get("bootable"),
        "dynamic_range_start": raw.get("dynamicRangeStart"),
        "dynamic_range_end": raw.get("dynamicRangeEnd"),
        "mtu": raw.get("mtu"),
    }
