# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest on its way into NetBox, with all that may go wrong half way."""

from __future__ import annotations

from collections import Counter

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import (
    DEVICES,
    INTERFACES,
    JOURNAL,
    MAC_ADDRESSES,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import (
    NetBoxAuthError,
    NetBoxTransportError,
)

from .loading import FIRST, Loading, MemoryNetBox, mac_of

OTHER = "A0:36:9F:FF:FF:FF"


@pytest.fixture(params=[True, False], ids=["MAC objects", "MAC field"])
def netbox(request: pytest.FixtureRequest) -> MemoryNetBox:
    return MemoryNetBox(has_mac_objects=request.param)


def rows(count: int) -> list[str]:
    return [f"S{number},{mac_of(number)}" for number in range(count)]


def outcomes(loading: Loading, *lines: str, **options: object) -> list[str]:
    return [result.outcome.value for result in loading.load(*lines, **options)]


class TestRules:
    def test_an_empty_interface_gets_the_address_and_the_journal_one_entry(self, netbox: MemoryNetBox) -> None:
        (result,) = Loading(netbox).load(f"S0,{FIRST}")

        assert (result.outcome.value, result.device, result.interface, result.changed) == (
            "set",
            "node001",
            "iLO",
            True,
        )
        assert netbox.port("S0")["mac_address"] == FIRST
        (entry,) = netbox.journal
        assert entry["kind"] == "success"
        assert entry["comments"].startswith(
            f"BMC MAC address {FIRST} was set on interface iLO, from line 2 of order.csv."
        )

    def test_the_same_again_changes_nothing_and_writes_nothing(self, netbox: MemoryNetBox) -> None:
        loading = Loading(netbox)
        loading.load(*rows(3))
        netbox.requests.clear()

        assert outcomes(loading, *rows(3)) == ["unchanged"] * 3
        assert netbox.writes == []

    def test_another_address_stays_and_the_journal_is_told_once_however_often_it_is_loaded(
        self, netbox: MemoryNetBox
    ) -> None:
        netbox.give("S0", OTHER)
        loading = Loading(netbox)

        found = [result for repetition in range(3) for result in loading.load(f"S0,{FIRST}")]

        assert [(each.outcome.value, each.changed) for each in found] == [
            ("skipped", True),
            ("skipped", False),
            ("skipped", False),
        ]
        assert netbox.port("S0")["mac_address"] == OTHER
        assert [entry["kind"] for entry in netbox.journal] == ["warning"]
        assert "was not set: interface iLO keeps the other MAC address it has" in netbox.journal[0]["comments"]

    def test_an_address_emptied_by_hand_is_set_and_told_again(self, netbox: MemoryNetBox) -> None:
        loading = Loading(netbox)
        loading.load(f"S0,{FIRST}")
        netbox.macs.clear()
        port = netbox.port("S0")
        port.update(mac_address=None, last_updated="later", **({"mac_addresses": []} if netbox.has_mac_objects else {}))

        assert outcomes(loading, f"S0,{FIRST}") == ["set"]
        assert len(netbox.journal) == 2

    def test_an_address_of_another_device_fails_the_row_and_stays_there(self, netbox: MemoryNetBox) -> None:
        netbox.give("S1", FIRST, "eth0")

        (result,) = Loading(netbox).load(f"S0,{FIRST}")

        assert result.outcome.value == "failed"
        assert result.message.startswith(f"{FIRST} belongs to interface eth0 of node002 already")
        assert netbox.writes == []

    def test_serial_numbers_are_found_in_any_case_and_ambiguous_ones_fail(self, netbox: MemoryNetBox) -> None:
        netbox.add_device("dup")
        netbox.add_device("DUP", name="twin")

        found = Loading(netbox).load(f"s0,{FIRST}", f"Dup,{OTHER}", "S9,A0:36:9F:00:00:09")

        assert [result.outcome.value for result in found] == ["set", "failed", "failed"]
        assert found[1].message == "2 devices have serial number Dup: node004 (4), twin (5)"
        assert found[2].message == "NetBox has no device with serial number S9"

    def test_defect_13_a_bmc_port_is_found_in_any_case_among_hundreds_and_is_all_that_is_read(
        self, netbox: MemoryNetBox
    ) -> None:
        netbox.add_device("DENSE", *(f"gpu{number}" for number in range(300)), "iDRAC")

        (result,) = Loading(netbox).load(f"DENSE,{FIRST}")

        assert (result.outcome.value, result.interface) == ("set", "iDRAC")

    def test_other_names_of_interfaces_may_be_given(self, netbox: MemoryNetBox) -> None:
        netbox.add_device("X", "XClarity", "iLO")

        (result,) = Loading(netbox).load(f"X,{FIRST}", interface_names=("xclarity",))

        assert result.interface == "XClarity"

    def test_bad_lines_and_repeated_ones_stand_in_the_result_in_the_files_order(self, netbox: MemoryNetBox) -> None:
        found = Loading(netbox).load("S0,x", f"S1,{FIRST}", f"s1,{FIRST}", f"S2,{OTHER}")

        assert [(each.line, each.outcome.value) for each in found] == [
            (2, "failed"),
            (3, "set"),
            (4, "repeated"),
            (5, "set"),
        ]
        assert found[2].message == "is the same as line 3"


class TestMacObjects:
    def test_an_object_that_lies_about_unused_is_taken_instead_of_a_second_one(self) -> None:
        netbox = MemoryNetBox()
        netbox.macs[5000] = {"id": 5000, "mac_address": FIRST, "assigned_object_id": None, "assigned_object_type": None}

        assert outcomes(Loading(netbox), f"S0,{FIRST}") == ["set"]
        assert list(netbox.macs) == [5000]
        assert netbox.port("S0")["primary_mac_address"] == {"id": 5000}

    def test_what_an_interrupted_run_left_half_done_is_finished(self) -> None:
        netbox = MemoryNetBox()
        netbox.give("S0", FIRST)
        netbox.port("S0").update(mac_address=None, primary_mac_address=None)

        assert outcomes(Loading(netbox), f"S0,{FIRST}") == ["set"]
        assert netbox.port("S0")["mac_address"] == FIRST
        assert len(netbox.macs) == 1

    def test_an_address_of_a_virtual_machine_is_a_conflict(self) -> None:
        netbox = MemoryNetBox()
        netbox.macs[5000] = {
            "id": 5000,
            "mac_address": FIRST,
            "assigned_object_type": "virtualization.vminterface",
            "assigned_object_id": netbox.port("S0")["id"],
            "assigned_object": {"id": netbox.port("S0")["id"], "name": "eth0", "virtual_machine": {"name": "vm1"}},
        }

        (result,) = Loading(netbox).load(f"S0,{FIRST}")

        assert result.message.startswith(f"{FIRST} belongs to interface eth0 of vm1 already")

    def test_before_4_2_an_address_of_a_virtual_machine_is_a_conflict_too(self) -> None:
        netbox = MemoryNetBox(has_mac_objects=False)
        netbox.vm_ports.append({"id": 1, "name": "eth0", "virtual_machine": {"name": "vm1"}, "mac_address": FIRST})

        (result,) = Loading(netbox).load(f"S0,{FIRST}")

        assert result.message.startswith(f"{FIRST} belongs to interface eth0 of vm1 already")


class TestCheckMode:
    def test_check_mode_tells_the_same_and_writes_nothing(self, netbox: MemoryNetBox) -> None:
        netbox.give("S1", OTHER)
        lines = [f"S0,{FIRST}", "S1,A0:36:9F:00:00:01", "S9,A0:36:9F:00:00:09"]
        loading = Loading(netbox)

        checked = loading.load(*lines, check_mode=True)
        assert netbox.writes == []
        assert loading.load(*lines) == checked
        assert loading.load(*lines, check_mode=True) == loading.load(*lines)


class TestTroubles:
    def test_an_interface_that_netbox_refuses_fails_its_row_alone_and_is_not_told_as_set(
        self, netbox: MemoryNetBox
    ) -> None:
        netbox.add_device("LOCKED", "iLO locked")

        found = Loading(netbox).load(f"LOCKED,{FIRST}", f"S1,{mac_of(1)}", interface_names=("ilo", "ilo locked"))

        assert [result.outcome.value for result in found] == ["failed", "set"]
        assert found[0].message.endswith("HTTP 400: locked")
        assert (found[0].changed, len(netbox.journal)) == (False, 1)

    def test_a_wrong_token_is_one_error_and_not_one_for_each_row(self, netbox: MemoryNetBox) -> None:
        def refuse(_verb: str, _path: str) -> None:
            raise NetBoxAuthError("no")

        netbox.trouble = refuse

        with pytest.raises(NetBoxAuthError):
            Loading(netbox).load(*rows(3))

    def test_a_token_that_may_not_write_fails_what_would_write_and_stops_there(self) -> None:
        netbox = MemoryNetBox(40)

        def refuse(verb: str, _path: str) -> None:
            if verb != "GET":
                raise NetBoxAuthError("read-only")

        netbox.give("S0", FIRST)
        netbox.trouble = refuse
        found = Loading(netbox).load(*rows(40), batch_size=10)

        assert [each.outcome.value for each in found[:2]] == ["unchanged", "failed"]
        assert found[1].message == "read-only"
        assert {each.message for each in found[10:]} == {"not tried: read-only"}
        assert netbox.port("S5")["mac_address"] is None

    def test_a_journal_that_cannot_be_told_fails_the_row_and_says_that_the_address_was_set(
        self, netbox: MemoryNetBox
    ) -> None:
        def refuse(verb: str, path: str) -> None:
            if (verb, path) == ("POST", JOURNAL):
                raise NetBoxTransportError("gone")

        netbox.trouble = refuse
        (result,) = Loading(netbox).load(f"S0,{FIRST}")

        assert result.message == "the MAC address was set, but the journal entry could not be written: gone"
        assert (result.outcome.value, result.changed, result.entry) == ("failed", True, "")
        assert netbox.port("S0")["mac_address"] == FIRST

    def test_one_batch_that_fails_leaves_the_others_alone(self, netbox: MemoryNetBox) -> None:
        for number in range(3, 60):
            netbox.add_device(f"S{number}")
        seen = Counter[str]()

        def fail_third(_verb: str, path: str) -> None:
            seen[path] += 1
            if path == DEVICES and seen[path] == 3:
                raise NetBoxTransportError("could not list dcim/devices/: no answer")

        netbox.trouble = fail_third
        found = Loading(netbox).load(*rows(60), batch_size=10, parallel_batches=1)

        assert Counter(each.outcome.value for each in found) == {"set": 50, "failed": 10}
        assert {each.line for each in found if each.outcome.value == "failed"} == set(range(22, 32))
        assert outcomes(Loading(netbox), *rows(60)).count("set") == 10

    def test_a_netbox_that_is_gone_is_not_asked_for_every_batch_of_a_long_file(self) -> None:
        netbox = MemoryNetBox(200)
        asked = Counter[str]()

        def go_after_first(_verb: str, path: str) -> None:
            asked[path] += 1
            if asked[DEVICES] > 1:
                raise NetBoxTransportError("no answer")

        netbox.trouble = go_after_first
        found = Loading(netbox).load(*rows(200), batch_size=10, parallel_batches=2)

        assert Counter(each.outcome.value for each in found) == {"set": 10, "failed": 190}
        assert asked[DEVICES] <= 6
        assert found[-1].message == "not tried: no answer"
        assert [each.line for each in found] == list(range(2, 202))

    def test_a_bug_is_not_taken_for_a_trouble_of_netbox(self) -> None:
        netbox = MemoryNetBox(30)

        def fail_late(_verb: str, _path: str) -> None:
            if len(netbox.requests) > 12:
                raise KeyError("bug")

        netbox.trouble = fail_late

        with pytest.raises(KeyError):
            Loading(netbox).load(*rows(30), batch_size=10)


class TestMany:
    @pytest.mark.parametrize("parallel", [1, 4])
    def test_many_rows_take_few_requests(self, netbox: MemoryNetBox, parallel: int) -> None:
        for number in range(3, 1000):
            netbox.add_device(f"S{number}")

        found = Loading(netbox).load(*rows(1000), batch_size=100, parallel_batches=parallel)

        assert {each.outcome.value for each in found} == {"set"}
        assert len(netbox.requests) <= 90
        assert len(netbox.journal) == 1000
        assert len({entry["assigned_object_id"] for entry in netbox.journal}) == 1000

    def test_progress_is_a_line_every_few_seconds_with_rate_and_time_left(self) -> None:
        netbox = MemoryNetBox(100)
        loading = Loading(netbox, tick_s=2.0)

        loading.load(*rows(100), batch_size=10, parallel_batches=1)

        assert loading.said[0] == "20 of 100 rows, 3 rows/s, about 24s left"
        assert 3 <= len(loading.said) <= 10

    def test_a_short_file_needs_no_progress(self) -> None:
        loading = Loading(MemoryNetBox(3))

        loading.load(*rows(3))

        assert loading.said == []


def test_defect_12_an_address_that_netbox_silently_ignored_is_no_success() -> None:
    netbox = MemoryNetBox()
    netbox.has_mac_objects = False  # what the original loader took for granted; the interface ignores its field
    for port in netbox.ports.values():
        port["mac_addresses"] = []

    def ignore(path: str, identity: int, _fields: object) -> dict[str, object]:
        assert path == INTERFACES
        return dict(netbox.ports[identity])

    netbox._change = ignore  # type: ignore[method-assign,assignment]
    (result,) = Loading(netbox).load(f"S0,{FIRST}")

    assert result.outcome.value == "failed"
    assert "NetBox answered success, but interface iLO of node001 does not have" in result.message
    assert netbox.journal == []


def test_the_field_of_the_interface_is_never_written_where_it_is_read_only() -> None:
    netbox = MemoryNetBox()

    Loading(netbox).load(f"S0,{FIRST}")

    assert ("POST", MAC_ADDRESSES) in netbox.writes
    assert netbox.port("S0")["mac_address"] == FIRST
