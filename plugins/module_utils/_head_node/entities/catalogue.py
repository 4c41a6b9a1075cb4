# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Entities that are only read: software images and networks (bcm-api.md 4.4, 4.5)."""

from __future__ import annotations

from typing import Any

from .fields import Raw


def image_to_ansible(raw: Raw) -> dict[str, Any]:
    return {
        "name": raw["name"],
        "uuid": raw["uuid"],
        "path": raw.get("path"),
        "kernel_version": raw.get("kernelVersion"),
        "kernel_parameters": raw.get("kernelParameters"),
        "kernel_output_console": raw.get("kernelOutputConsole"),
        "modules": [item["name"] for item in raw.get("modules") or []],
        "revision": raw.get("revisionID", 0),
        "revisions": sorted(item["revisionID"] for item in raw.get("revisionHistory") or []),
        "being_copied": bool(raw.get("fileOperationInProgress")),
        "notes": raw.get("notes"),
    }


def network_to_ansible(raw: Raw) -> dict[str, Any]:
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
