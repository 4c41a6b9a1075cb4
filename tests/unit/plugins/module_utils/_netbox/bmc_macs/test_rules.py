# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done for a row: the table of all that NetBox may have."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.manifest import ManifestRow
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.rules import (
    BmcPort,
    DeviceRef,
    MacOwner,
    RowDecision,
    RowOutcome,
    decide_row,
)

WANTED, OTHER, THIRD = (f"A0:36:9F:7C:05:0{number}" for number in range(3))
ROW = ManifestRow(2, "MXP1", WANTED)
DEVICE = DeviceRef(7, "dgx-05")
NAMES = ("bmc", "ilo", "idrac")


def decided(
    *ports: BmcPort, devices: Sequence[DeviceRef] = (DEVICE,), owners: Sequence[MacOwner] = (), row: ManifestRow = ROW
) -> RowDecision:
    return decide_row(row, devices=devices, ports=ports, owners=owners, interface_names=NAMES)


def port(mac: str = "", *macs: str, number: int = 1, name: str = "bmc") -> BmcPort:
    return BmcPort(number, name, mac, macs or ((mac,) if mac else ()))


@pytest.mark.parametrize(
    ("ports", "outcome"),
    [
        ([port()], RowOutcome.SET),
        ([port(WANTED)], RowOutcome.UNCHANGED),
        ([port(OTHER)], RowOutcome.SKIPPED),
        ([port("", WANTED)], RowOutcome.SET),  # there, but not the one NetBox shows: an interrupted run
        ([port("", OTHER)], RowOutcome.SKIPPED),
        ([port("", WANTED, OTHER)], RowOutcome.UNCHANGED),
        ([port(OTHER, OTHER, WANTED)], RowOutcome.UNCHANGED),
        ([], RowOutcome.FAILED),
        ([port(), port(number=2, name="iLO")], RowOutcome.FAILED),
        ([port(OTHER), port(WANTED, number=2, name="iLO")], RowOutcome.UNCHANGED),
    ],
)
def test_the_table_of_rules_is_kept(ports: list[BmcPort], outcome: RowOutcome) -> None:
    assert decided(*ports).outcome is outcome


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        ([], "NetBox has no device with serial number MXP1"),
        ([DEVICE, DeviceRef(9, "dgx-06")], "2 devices have serial number MXP1: dgx-05 (7), dgx-06 (9)"),
        (
            [DeviceRef(number, f"n{number}") for number in range(7)],
            "7 devices have serial number MXP1: n0 (0), n1 (1), n2 (2), n3 (3), n4 (4) and 2 more",
        ),
    ],
)
def test_a_serial_number_of_no_or_of_several_devices_fails_the_row(devices: list[DeviceRef], said: str) -> None:
    assert decided(port(), devices=devices) == RowDecision(RowOutcome.FAILED, said)


def test_a_device_without_bmc_interface_fails_the_row_with_the_names_that_were_looked_for() -> None:
    assert decided().message == "device dgx-05 has no interface named bmc or ilo or idrac"


def test_a_device_with_two_bmc_interfaces_fails_the_row_with_what_to_do() -> None:
    assert decided(port(), port(number=2, name="iLO")).message == (
        "device dgx-05 has 2 BMC interfaces, bmc, iLO: say in interface_names which one it is"
    )


@pytest.mark.parametrize("mac", ["", WANTED, OTHER])
def test_an_address_that_another_interface_has_fails_the_row_with_the_others_name(mac: str) -> None:
    owners = [MacOwner("dgx-06", "ilo", 2), MacOwner("a-vm", "eth0")]

    decision = decided(port(mac), owners=owners)

    assert decision.outcome is RowOutcome.FAILED
    assert decision.message == (
        f"{WANTED} belongs to interface ilo of dgx-06, interface eth0 of a-vm already: correct the one that is wrong"
    )


def test_an_address_that_the_interface_itself_has_is_no_conflict() -> None:
    assert decided(port(WANTED), owners=[MacOwner("dgx-05", "bmc", 1)]).outcome is RowOutcome.UNCHANGED


def test_a_skip_tells_which_address_stays() -> None:
    decision = decided(port(OTHER))

    assert decision.message == (
        f"interface bmc keeps the other MAC address it has, {OTHER}: correct it by hand if the manifest is right"
    )
    assert (decision.device, decision.port) == (DEVICE, port(OTHER))


def test_the_same_finding_has_the_same_key_whatever_line_it_came_from() -> None:
    keys = [decided(port(OTHER), row=ManifestRow(line, "MXP1", WANTED)).key for line in (2, 99)]

    assert keys[0] == keys[1]
    assert keys[0]


def test_another_finding_has_another_key() -> None:
    findings = [
        decided(port(OTHER)),
        decided(port(THIRD)),
        decided(port(OTHER, number=2)),
        decided(port()),
        decided(BmcPort(1, "bmc", version="set once, and emptied by hand since")),
        decided(port(), row=ManifestRow(2, "MXP1", THIRD)),
    ]

    assert len({finding.key for finding in findings}) == len(findings)


macs = st.sampled_from([WANTED, OTHER, THIRD])
ports = st.builds(
    lambda number, name, all_macs, shown: BmcPort(
        number, name, all_macs[0] if all_macs and shown else "", tuple(all_macs)
    ),
    st.integers(1, 3),
    st.sampled_from(["bmc", "iLO", "idrac"]),
    st.lists(macs, max_size=2, unique=True),
    st.booleans(),
)
owners = st.builds(MacOwner, st.just("other"), st.just("bmc"), st.none() | st.integers(4, 6))


@given(st.lists(ports, max_size=3, unique_by=lambda each: each.id), st.lists(owners, max_size=2))
def test_nothing_is_set_where_any_address_stands_or_the_wanted_one_is_elsewhere(
    found: list[BmcPort], elsewhere: list[MacOwner]
) -> None:
    decision = decided(*found, owners=elsewhere)

    if decision.outcome is RowOutcome.SET:
        assert decision.port is not None
        assert not elsewhere
        assert not decision.port.mac
        assert set(decision.port.macs) <= {WANTED}


@given(st.lists(ports, max_size=3, unique_by=lambda each: each.id))
def test_after_what_was_decided_the_same_row_is_unchanged(found: list[BmcPort]) -> None:
    decision = decided(*found)
    if decision.outcome is not RowOutcome.SET or decision.port is None:
        return
    after = [BmcPort(each.id, each.name, WANTED, (WANTED,)) if each == decision.port else each for each in found]

    assert (
        decided(*after, owners=[MacOwner("dgx-05", decision.port.name, decision.port.id)]).outcome
        is RowOutcome.UNCHANGED
    )
