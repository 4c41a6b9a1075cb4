# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.bulk import Refusals, read_bulk
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import (
    BcmApiError,
    BcmConflict,
    BcmProtocolError,
)

from ....fake_head_node import FakeHeadNode, answer, refusal
from ....objects import make_bmc_settings, make_device

Raw = dict[str, Any]
ONE, TWO, THREE = (make_device(f"node00{number}", number) for number in (1, 2, 3))
UUIDS = [str(raw["uuid"]) for raw in (ONE, TWO, THREE)]


def complaint(about: str, message: str, code: str = "BAD_VALUE", severity: str = "ERROR") -> Raw:
    entry: Raw = refusal(code, "mac", message, severity, about)["validation"][0]
    return entry


def read(success: Any, *validation: Raw) -> Refusals:
    result = {"success": success, "task_uuids": [], "validation": list(validation), "updated_entities": []}
    actions = [f"update device node00{number}" for number in (1, 2, 3)]
    return read_bulk(result, (ONE, TWO, THREE), actions, "cmdevice.updateDevices")


def texts(refusals: Refusals) -> list[str]:
    return ["" if error is None else str(error) for error in refusals]


def test_all_were_stored() -> None:
    assert read([True, True, True], complaint(UUIDS[0], "not nice", severity="WARNING")) == [None] * 3


def test_one_success_for_all_is_understood() -> None:
    assert read(True) == [None] * 3


def test_each_refusal_has_its_own_complaints_and_no_other() -> None:
    inside = TWO["interfaces"][0]["uuid"]

    errors = texts(read([False, False, True], complaint(inside, "no address"), complaint(UUIDS[0], "no MAC")))

    assert errors == [
        "could not update device node001: mac: no MAC (BAD_VALUE)",
        "could not update device node002: mac: no address (BAD_VALUE)",
        "",
    ]


def test_the_only_refusal_owns_every_error_whatever_it_names() -> None:
    taken = complaint("elsewhere", "MAC M already exists: cpu-05", "DUPLICATE_FIELD")
    warning = complaint(UUIDS[0], "not nice", severity="WARNING")

    errors = read([True, False, True], warning, taken)

    assert texts(errors) == [
        "",
        "could not update device node002: mac: MAC M already exists: cpu-05 (DUPLICATE_FIELD)",
        "",
    ]
    assert isinstance(errors[1], BcmConflict)


def test_a_duplicate_is_never_blamed_on_the_one_that_had_the_value_first() -> None:
    own, taken = complaint(UUIDS[0], "no MAC"), complaint(UUIDS[0], "already exists: node001", "DUPLICATE_FIELD")

    errors = read([False, False, True], own, taken)

    assert texts(errors)[0] == "could not update device node001: mac: no MAC (BAD_VALUE)"
    assert isinstance(errors[1], BcmApiError)
    assert errors[1].complaints == ()


def test_the_complaint_about_nothing_in_particular_is_nobody_s() -> None:
    zero = complaint("", "Zero UUID", "NOT_NULL")

    errors = read([False, False, True], zero)

    assert [error is not None and error.complaints for error in errors] == [(), (), False]


@pytest.mark.parametrize("success", [[True, False], [], [True, True, 1], [1, 1, 1], "yes", None, {}])
def test_a_success_that_is_not_one_boolean_for_each_is_an_unreadable_answer(success: Any) -> None:
    with pytest.raises(
        BcmProtocolError, match=r"cmdevice\.updateDevices answered success with .* where 3 booleans are due"
    ):
        read(success)


@pytest.mark.parametrize("result", [[], [{"success": True}] * 3, None, True, "x"])
def test_an_answer_that_is_no_object_is_unreadable(result: Any) -> None:
    with pytest.raises(BcmProtocolError, match=r"cmdevice\.updateDevices answered .* where an object is due"):
        read_bulk(result, (ONE, TWO, THREE), ["a", "b", "c"], "cmdevice.updateDevices")


def test_secrets_of_all_entities_are_blanked_in_every_refusal() -> None:
    head = FakeHeadNode(ONE, TWO)
    secret = make_device("node001", 1, bmcSettings=make_bmc_settings("node001", password="bmc-pass"))
    told = complaint(UUIDS[1], "bmc-pass is no MAC")
    head.instead["updateDevices"] = lambda _call: answer({"success": [True, False], "validation": [told]})

    refusals = head.client().bulk("cmdevice", "update", "Devices", [secret, TWO])

    assert texts(refusals) == ["", "could not update device node002: mac: ******** is no MAC (BAD_VALUE)"]
