# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import BulkCalls
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import (
    BcmApiError,
    BcmAuthError,
    BcmConfigError,
    BcmConflict,
    BcmError,
    BcmTransportError,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.apply import (
    Applied,
    Store,
    converge,
    summarise,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import Plan
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE

from ....fake_head_node import Call, FakeHeadNode, answer, bulk_answer, refusal
from ....objects import make_context, make_device

Raw = dict[str, Any]


def make_rack(count: int) -> FakeHeadNode:
    return FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in range(1, count + 1)))


def bring(head: FakeHeadNode, wanted: dict[str, Raw], *, dry_run: bool = False, **options: Any) -> dict[str, Applied]:
    client = head.client(read_only=dry_run)
    store = Store(client, DEVICE, client.get_devices, **options)
    named = {name: wanted_of({"hostname": name, **values}) for name, values in wanted.items()}
    return converge(store, named, make_context(), dry_run=dry_run)


def new_node(number: int) -> Raw:
    return {
        "mac": f"02:00:00:00:01:{number:02x}",
        "category": "default",
        "interfaces": [{"name": "BOOTIF", "type": "physical", "dhcp": True, "bootable": True}],
    }


def notes(*names: str) -> dict[str, Raw]:
    return {name: {"notes": "new"} for name in names}


def errors(outcomes: dict[str, Applied]) -> dict[str, str]:
    return {name: str(outcome.error) for name, outcome in outcomes.items() if outcome.error is not None}


def test_a_change_is_written_once_and_read_back() -> None:
    head = make_rack(2)

    outcomes = bring(head, notes("node001"))

    assert [call.name for call in head.calls] == ["getDevices", "updateDevice", "getDevices"]
    assert not errors(outcomes)
    stored = outcomes["node001"].stored
    assert stored is not None
    assert stored["notes"] == "new"
    assert head.device("node002")["notes"] == ""


def test_nothing_to_change_is_one_read() -> None:
    head = make_rack(1)

    outcomes = bring(head, {"node001": {"notes": ""}})

    assert [call.name for call in head.calls] == ["getDevices"]
    assert summarise(outcomes) == {"changed": False, "diff": [], "failures": {}}


def test_the_whole_object_is_sent_unknown_keys_included() -> None:
    head = make_rack(1)
    before = dict(head.device("node001"))

    bring(head, notes("node001"))

    (call,) = head.names("updateDevice")
    assert call.args == [{**before, "notes": "new", "modified": True}, False]


def test_a_dry_run_plans_the_same_and_writes_nothing() -> None:
    wanted = {"node001": {"notes": "new"}, "node002": {"state": "absent"}, "node009": new_node(9)}

    dry, real = make_rack(2), make_rack(2)
    dry_outcomes = bring(dry, wanted, dry_run=True)
    real_outcomes = bring(real, wanted)

    assert not dry.writes
    assert len(real.writes) == 3
    assert summarise(dry_outcomes) == summarise(real_outcomes)


def test_entities_are_created_and_removed() -> None:
    head = make_rack(1)

    outcomes = bring(head, {"node001": {"state": "absent"}, "node009": new_node(9)})

    assert not errors(outcomes)
    assert outcomes["node001"].stored is None
    assert outcomes["node009"].stored is not None
    assert {raw["hostname"] for raw in head.devices.values()} == {"head", "node009"}


def test_a_lost_update_is_merged_into_what_the_other_wrote() -> None:
    head = make_rack(1)

    def lose(call: Call) -> httpx.Response | None:
        """Somebody read before us and writes after us, once."""
        theirs = {**head.device("node001"), "kernelParameters": "theirs"}
        head.instead.clear()
        head.devices[call.args[0]["uuid"]] = theirs
        return answer({"success": True})

    head.instead["updateDevice"] = lose
    outcomes = bring(head, notes("node001"))

    assert not errors(outcomes)
    assert head.device("node001")["notes"] == "new"
    assert head.device("node001")["kernelParameters"] == "theirs"
    assert len(head.names("updateDevice")) == 2


def test_a_field_that_is_not_kept_is_an_error_that_names_the_option_after_three_rounds() -> None:
    head = make_rack(2)
    head.forgets.add("userDefinedResources")

    outcomes = bring(head, {"node001": {"labels": ["gpu"], "notes": "new"}, "node002": {"notes": "new"}})

    assert list(errors(outcomes)) == ["node001"]
    assert "could not update device node001" in errors(outcomes)["node001"]
    assert errors(outcomes)["node001"].endswith("did not keep: labels")
    assert len([call for call in head.names("updateDevice") if call.args[0]["hostname"] == "node001"]) == 3


def test_a_removal_that_did_not_happen_is_an_error() -> None:
    head = make_rack(1)
    head.instead["removeDevice"] = lambda _call: answer({"success": True})

    assert "could not delete device node001" in errors(bring(head, {"node001": {"state": "absent"}}))["node001"]


@pytest.mark.parametrize("workers", [1, 4])
def test_one_bad_entity_leaves_the_others(workers: int) -> None:
    head = make_rack(5)
    head.instead["updateDevice"] = lambda call: (
        answer(refusal("BAD_VALUE", "notes", "no")) if call.args[0]["hostname"] == "node002" else None
    )
    wanted = {**notes("node001", "node002", "node003"), "node004": {"category": "no"}, "node005": {"mac": "no"}}

    outcomes = bring(head, wanted, workers=workers)

    assert list(errors(outcomes)) == ["node002", "node004", "node005"]
    assert {type(outcomes[name].error) for name in ("node002", "node004")} != {None}
    assert isinstance(outcomes["node005"].error, BcmConfigError)
    assert [head.device(f"node00{number}")["notes"] for number in (1, 2, 3)] == ["new", "", "new"]
    assert summarise(outcomes)["changed"] is True
    assert len(summarise(outcomes)["diff"]) == 2


def test_a_duplicate_is_surfaced_with_the_other_name() -> None:
    head = make_rack(1)
    text = "A device with MAC M already exists: cpu-05"
    head.instead["addDevice"] = lambda _call: answer(refusal("DUPLICATE_FIELD", "mac", text))

    outcome = bring(head, {"node009": new_node(9)})["node009"]

    assert isinstance(outcome.error, BcmConflict)
    assert "already exists: cpu-05" in str(outcome.error)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_head_node_that_went_away_gets_few_more_calls(workers: int) -> None:
    head = make_rack(60)
    head.instead["updateDevice"] = lambda _call: httpx.Response(503)
    names = [f"node{number:03d}" for number in range(1, 61)]

    with pytest.raises(BcmTransportError, match="HTTP 503"):
        bring(head, notes(*names), workers=workers)

    assert 3 <= len(head.names("updateDevice")) <= 3 + workers


def test_two_writes_without_an_answer_are_errors_of_their_entities_alone() -> None:
    head = make_rack(4)
    silent = {"node001", "node003"}
    head.instead["updateDevice"] = lambda call: httpx.Response(503) if call.args[0]["hostname"] in silent else None

    outcomes = bring(head, notes("node001", "node002", "node003", "node004"))

    assert set(errors(outcomes)) == silent
    assert "run the same again" in errors(outcomes)["node001"]


def test_a_refused_account_stops_at_once() -> None:
    head = make_rack(3)
    head.instead["updateDevice"] = lambda _call: httpx.Response(403)

    with pytest.raises(BcmAuthError):
        bring(head, notes("node001", "node002", "node003"))


def test_many_are_one_call_in_bulk() -> None:
    head = make_rack(3)

    wanted = {**notes("node001", "node002"), "node008": new_node(8), "node009": new_node(9)}
    outcomes = bring(head, wanted, bulk=BulkCalls.AUTO)

    assert not errors(outcomes)
    assert sorted(call.name for call in head.writes) == ["addDevices", "updateDevices"]


def test_one_alone_is_not_sent_in_bulk() -> None:
    head = make_rack(1)

    bring(head, notes("node001"), bulk=BulkCalls.AUTO)

    assert [call.name for call in head.writes] == ["updateDevice"]


@pytest.mark.parametrize(
    "response", [httpx.Response(400), answer(refusal("BAD_VALUE", "x", "no")), answer({"errormessage": "no"})]
)
def test_bulk_that_is_refused_as_a_whole_falls_back_to_single_calls(response: httpx.Response) -> None:
    head = make_rack(2)
    head.instead["updateDevices"] = lambda _call: response

    outcomes = bring(head, notes("node001", "node002"), bulk=BulkCalls.AUTO)

    assert not errors(outcomes)
    assert [call.name for call in head.writes] == ["updateDevices", "updateDevice", "updateDevice"]


def test_those_that_bulk_refused_fail_with_their_own_reason_and_the_others_are_stored() -> None:
    head = make_rack(4)
    bad = {"node002": "no such mode", "node003": "too long"}

    def refuse(call: Call) -> httpx.Response:
        results = []
        for raw in call.args[0]:
            wrong = bad.get(raw["hostname"])
            stored = head._store(head.devices, raw) if wrong is None else None
            results.append(stored or refusal("BAD_VALUE", "notes", wrong or "", about=raw["uuid"]))
        return answer(bulk_answer(results))

    head.instead["updateDevices"] = refuse
    outcomes = bring(head, notes("node001", "node002", "node003", "node004"), bulk=BulkCalls.AUTO)

    assert errors(outcomes) == {
        name: f"could not update device {name}: notes: {text} (BAD_VALUE)" for name, text in bad.items()
    }
    assert [head.device(f"node00{number}")["notes"] for number in (1, 2, 3, 4)] == ["new", "", "", "new"]
    assert [call.name for call in head.writes] == ["updateDevices"]


def test_who_was_refused_without_a_reason_of_its_own_is_asked_for_by_a_single_call() -> None:
    head = make_rack(3)
    taken = [refusal("DUPLICATE_FIELD", "mac", "already exists: cpu-05", about="cpu-05")] * 2
    head.instead["updateDevices"] = lambda call: answer(
        bulk_answer([head._store(head.devices, call.args[0][0]), *taken])
    )
    head.instead["updateDevice"] = lambda call: answer(taken[0]) if call.args[0]["hostname"] == "node002" else None

    outcomes = bring(head, notes("node001", "node002", "node003"), bulk=BulkCalls.AUTO)

    assert list(errors(outcomes)) == ["node002"]
    assert isinstance(outcomes["node002"].error, BcmConflict)
    assert [call.name for call in head.writes] == ["updateDevices", "updateDevice", "updateDevice"]


FORBIDDEN = answer({"errormessage": "Your certificate (profile:x) does not allow access to CMDevice::updateDevices\n"})


@pytest.mark.parametrize(
    "response",
    [httpx.Response(400), FORBIDDEN, httpx.Response(403), httpx.Response(635), answer({"errormessage": "no"})],
    ids=["unknown", "no right", "forbidden", "restricted", "refused"],
)
def test_what_a_head_node_does_not_take_in_bulk_it_is_offered_once(response: httpx.Response) -> None:
    head = make_rack(3)
    head.instead["updateDevices"] = lambda _call: response
    client = head.client()
    store = Store(client, DEVICE, client.get_devices, bulk=BulkCalls.AUTO)

    for text in ("one", "two"):
        wanted = {f"node00{number}": {"hostname": f"node00{number}", "notes": text} for number in (1, 2, 3)}
        assert not errors(converge(store, wanted, make_context()))

    assert len(head.names("updateDevices")) == 1
    assert len(head.names("updateDevice")) == 6


def test_who_insists_on_bulk_calls_is_told_of_a_missing_right() -> None:
    head = make_rack(2)
    head.instead["updateDevices"] = lambda _call: FORBIDDEN

    with pytest.raises(BcmAuthError, match=r"profile must allow cmdevice\.updateDevices"):
        bring(head, notes("node001", "node002"), bulk=BulkCalls.ALWAYS)

    assert not head.names("updateDevice")


def test_an_account_that_is_refused_altogether_gets_no_second_call() -> None:
    head = make_rack(2)
    head.instead["updateDevices"] = lambda _call: httpx.Response(401)

    with pytest.raises(BcmAuthError):
        bring(head, notes("node001", "node002"), bulk=BulkCalls.AUTO)

    assert not head.names("updateDevice")


@pytest.mark.parametrize(
    "response", [httpx.Response(503), httpx.Response(200, json=[True])], ids=["lost", "unreadable"]
)
@pytest.mark.parametrize("stored", [0, 1, 3])
def test_after_a_lost_answer_it_is_read_what_was_stored_and_only_the_rest_is_sent(
    response: httpx.Response, stored: int
) -> None:
    head = make_rack(3)

    def lose(call: Call) -> httpx.Response:
        for raw in call.args[0][:stored]:
            head._store(head.devices, raw)
        return response

    head.instead["updateDevices"] = lose
    outcomes = bring(head, notes("node001", "node002", "node003"), bulk=BulkCalls.AUTO)

    assert not errors(outcomes)
    assert {head.device(name)["notes"] for name in outcomes} == {"new"}
    sent = head.calls[head.calls.index(head.names("updateDevices")[0]) :]
    assert [call.name for call in sent[:2]] == ["updateDevices", "getDevices"]
    assert len(head.names("updateDevice")) == 3 - stored
    assert len(head.names("updateDevices")) == 1


def test_what_is_stored_late_after_a_lost_answer_is_no_failure() -> None:
    head = make_rack(0)
    late: list[Raw] = []

    def lose(call: Call) -> httpx.Response:
        late.extend(call.args[0])
        return httpx.Response(503)

    def be_late(_call: Call) -> None:
        if late:
            head._cmdevice_add_devices([*late], False)
            late.clear()

    head.instead["addDevices"] = lose
    head.instead["addDevice"] = be_late
    outcomes = bring(head, {"node008": new_node(8), "node009": new_node(9)}, bulk=BulkCalls.AUTO)

    assert len(head.devices) == 1 + 2
    assert not errors(outcomes)


def test_a_head_node_that_does_not_come_back_after_a_lost_answer_is_an_error_of_the_connection() -> None:
    head = make_rack(2)

    def end(_call: Call) -> httpx.Response:
        head.instead["getDevices"] = lambda _call: httpx.Response(503)
        return httpx.Response(503)

    head.instead["updateDevices"] = end
    with pytest.raises(BcmTransportError):
        bring(head, notes("node001", "node002"), bulk=BulkCalls.AUTO)

    assert not head.names("updateDevice")


def test_more_than_a_hundred_that_no_call_takes_are_looked_at_again_before_each_hundred() -> None:
    head = make_rack(230)
    head.instead["updateDevices"] = lambda _call: httpx.Response(400, json={})
    client = head.direct_client()
    looked: list[int] = []

    def look_again(plans: Mapping[str, Plan]) -> tuple[dict[str, Raw], dict[str, BcmError]]:
        looked.append(len(plans))
        return {}, {}

    wanted = {f"node{number:03d}": {"hostname": f"node{number:03d}", "notes": "new"} for number in range(1, 231)}
    store = Store(client, DEVICE, client.get_devices, bulk=BulkCalls.AUTO)
    outcomes = converge(store, wanted, make_context(), look_again=look_again)

    assert not errors(outcomes)
    assert looked == [230, 100, 100, 30]
    assert len(head.names("updateDevice")) == 230


def test_a_bulk_call_has_at_most_a_thousand_entities() -> None:
    head = make_rack(1200)
    client = head.direct_client()
    wanted = {f"node{number:03d}": {"hostname": f"node{number:03d}", "notes": "new"} for number in range(1, 1201)}

    outcomes = converge(Store(client, DEVICE, client.get_devices, bulk=BulkCalls.AUTO), wanted, make_context())

    assert not errors(outcomes)
    assert [len(call.args[0]) for call in head.names("updateDevices")] == [1000, 200]


def test_a_check_tries_no_bulk_call() -> None:
    head = make_rack(2)

    outcomes = bring(head, notes("node001", "node002"), bulk=BulkCalls.AUTO, dry_run=True)

    assert summarise(outcomes)["changed"]
    assert not head.writes


def test_bulk_that_was_not_kept_is_noticed() -> None:
    head = make_rack(2)
    head.instead["updateDevices"] = lambda _call: answer({"success": [True, True], "validation": []})

    outcomes = bring(head, notes("node001", "node002"), bulk=BulkCalls.AUTO)

    assert all(isinstance(outcome.error, BcmApiError) for outcome in outcomes.values())


def test_what_was_read_before_is_not_read_again() -> None:
    head = make_rack(1)
    client = head.client()
    store = Store(client, DEVICE, client.get_devices)
    stored = {"node001": head.device("node001")}

    converge(store, {"node001": {"hostname": "node001", "notes": ""}}, make_context(), stored=stored)

    assert not head.calls
