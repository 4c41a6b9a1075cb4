# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Software images, which are only read (bcm-api.md 4.4)."""

from __future__ import annotations

from typing import Any

from .fields import Raw


def image_to_ansible(raw: Raw) -> dict[str, Any]:
    """Show an image in the words of bcm_image_info."""
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
