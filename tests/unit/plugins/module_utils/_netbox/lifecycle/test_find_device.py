# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device an event is about."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.find_device import (
    DeviceIndex,
    FoundDevice,
    NoDevice,
    find_device,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import ReportedEvent
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import Interface
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.transitions import Event

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
ILO = Interface(11, "iLO", 1, "node1", (MAC,))
ETH = Interface(12, "eth0", 1, "node1", (OTHER,))
BARE = Interface(13, "bmc", 1, "node1")
ELSEWHERE = Interface(21, "iLO", 2, "node2", (MAC,))


def lease(**more: str) -> ReportedEvent:
    return ReportedEvent(0, Event.DHCP_ACK, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reported", "index", "found"),
    [
        (lease(mac=MAC), DeviceIndex(by_mac={MAC: [ILO]}, marked={11}), FoundDevice(1, ILO)),
        (lease(mac=OTHER), DeviceIndex(by_mac={OTHER: [ETH]}), FoundDevice(1, ETH)),
        (lease(device="node1"), DeviceIndex(by_label={"node1": {1}}, ports={1: [BARE]}), FoundDevice(1, BARE)),
        (lease(device="node1", mac=MAC), DeviceIndex(by_label={"node1": {1}}, ports={1: [BARE]}), FoundDevice(1, BARE)),
        (ReportedEvent(0, Event.RETIRED, mac=OTHER), DeviceIndex(by_mac={OTHER: [ETH]}), FoundDevice(1)),
        (ReportedEvent(0, Event.RETIRED, device="7"), DeviceIndex(by_label={"7": {7}}), FoundDevice(7)),
    ],
    ids=["by MAC", "by MAC of the only port there is", "by name", "by name, MAC unknown", "any port", "id"],
)
def test_it_is_found(reported: ReportedEvent, index: DeviceIndex, found: FoundDevice) -> None:
    assert find_device(reported, index) == found


@pytest.mark.parametrize(
    ("reported", "index", "outcome", "said"),
    [
        (lease(mac=MAC), DeviceIndex(), "not_found", f"no interface in NetBox has the MAC address {MAC}"),
        (lease(device="x"), DeviceIndex(), "not_found", "NetBox has no device x"),
        (
            lease(device="x"),
            DeviceIndex(by_label={"x": {1, 2}}),
            "conflict",
            "NetBox has 2 devices called x; give its id",
        ),
        (lease(mac=MAC), DeviceIndex(by_mac={MAC: [ILO, ELSEWHERE]}), "conflict", "on several devices: node1, node2"),
        (
            lease(mac=MAC, device="node2"),
            DeviceIndex(by_mac={MAC: [ILO]}, by_label={"node2": {2}}),
            "conflict",
            "belongs to node1 in NetBox, not to node2",
        ),
        (
            lease(mac=OTHER, device="node1"),
            DeviceIndex(by_label={"node1": {1}}, ports={1: [ILO]}),
            "conflict",
            f"iLO of node1 has {MAC} in NetBox, not {OTHER}",
        ),
        (
            lease(mac=OTHER),
            DeviceIndex(by_mac={OTHER: [ETH]}, ports={1: [ILO]}),
            "not_found",
            f"{OTHER} is eth0 of node1, whose BMC is on iLO: not a BMC's lease",
        ),
        (
            lease(device="node1"),
            DeviceIndex(by_label={"node1": {1}}),
            "not_found",
            "node1 has no interface called bmc, ilo",
        ),
        (
            lease(device="node1"),
            DeviceIndex(by_label={"node1": {1}}, ports={1: [ILO, BARE]}),
            "conflict",
            "node1 has 2 interfaces called bmc",
        ),
        (
            lease(mac=MAC),
            DeviceIndex(by_mac={MAC: [ILO, BARE]}, marked={11, 13}),
            "conflict",
            "several ports of bmc, iLO",
        ),
    ],
)
def test_it_is_not_guessed(reported: ReportedEvent, index: DeviceIndex, outcome: str, said: str) -> None:
    found = find_device(reported, index)

    assert isinstance(found, NoDevice)
    assert str(found.outcome) == outcome
    assert said in found.message
