# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.image import image_to_ansible
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.network import network_to_ansible
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus

from ....objects import make_image, make_network

PHASES = [
    ("UP", "", "up"),
    ("DOWN", "", "down"),
    ("BOOTING", "", "booting"),
    ("INSTALLING", "", "installer"),
    ("INSTALLING", "node-installer started", "installer"),
    ("INSTALLING", "checking disks", "installer"),
    ("INSTALLING", "mounting disks", "installer"),
    ("INSTALLING", "waiting for FULL provisioning to start", "queued"),
    ("INSTALLING", "waiting for SYNC provisioning to start", "queued"),
    ("INSTALLING", "provisioning started, waiting for completion", "installing"),
    ("INSTALLING", "provisioning complete", "installing"),
    ("INSTALLING", "initializing SELinux", "installing"),
    ("INSTALLER_CALLINGINIT", "switching to local root", "init"),
    ("INSTALLER_CALLING_INIT", "switching to local root", "init"),
    ("INSTALLER_REBOOTING", "", "rebooting"),
    ("INSTALLER_FAILED", "", "failed"),
    ("INSTALLER_UNREACHABLE", "", "failed"),
    ("GOING_DOWN", "", "going down"),
    ("PENDING", "", "pending"),
    ("UNDEFINED", "", "undefined"),
]


@pytest.mark.parametrize(("status", "message", "phase"), PHASES)
def test_a_phase_follows_from_status_and_message(status: str, message: str, phase: str) -> None:
    raw = {"ref_device_uuid": "u", "status": status, "infoMessage": f" {message} "}

    assert DeviceStatus.from_api(raw).phase == phase


def test_a_status_without_texts_and_flags_is_read() -> None:
    raw: dict[str, Any] = {"ref_device_uuid": "u", "status": "UP", "infoMessage": None, "restartRequiredReasons": None}

    assert DeviceStatus.from_api(raw) == DeviceStatus("u", "UP", "")


def test_images_and_networks_are_shown() -> None:
    revisions = [{"revisionID": 2}, {"revisionID": 1}]
    image = image_to_ansible(make_image("i", revisionHistory=revisions, fileOperationInProgress=True))
    network = network_to_ansible(make_network("n", "10.0.0.0"))

    assert (image["name"], image["revisions"], image["being_copied"]) == ("i", [1, 2], True)
    assert image["modules"] == ["nvme"]
    assert (network["name"], network["cidr"]) == ("n", "10.0.0.0/16")
