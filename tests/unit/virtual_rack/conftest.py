# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from virtual_rack.in_process import Bench
from virtual_rack.rack_file import RackSpec
from virtual_rack.rack_reader import rack_from


@pytest.fixture
def content() -> dict[str, Any]:
    """What a rack file of four machines and two slots says."""
    bmc = {"username": "bmcadmin", "password": "bmc-secret"}
    machines = [
        {
            "name": f"node{n}",
            "mac": f"02:00:00:00:00:{n:02X}",
            "management_ip": f"10.141.0.{n}",
            "bmc": {**bmc, "address": f"10.148.0.{n}"},
        }
        for n in range(1, 5)
    ]
    networks = [
        {"name": "internalnet", "base_address": "10.141.0.0", "netmask_bits": 16, "management": True, "bootable": True},
        {"name": "ipminet", "base_address": "10.148.0.0", "netmask_bits": 16},
    ]
    head_node = {
        "slots": 2,
        "users": [
            {"username": "admin", "password": "head-secret"},
            {"username": "guest", "password": "guest-secret", "profile": "readonly"},
        ],
        "images": ["default-image", "other-image"],
        "networks": networks,
    }
    return {"head_node": head_node, "machines": machines}


@pytest.fixture
def rack(content: dict[str, Any]) -> RackSpec:
    return rack_from(content)


@pytest.fixture
def bench(rack: RackSpec) -> Bench:
    return Bench(rack)
