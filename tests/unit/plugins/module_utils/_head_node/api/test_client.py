# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.calls import UnknownCall, WriteRefused
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import (
    BcmApiError,
    BcmAuthError,
    BcmConflict,
    BcmError,
    BcmNotFound,
    BcmProtocolError,
    BcmTransportError,
    CallDenied,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport

from ....fake_head_node import PASSWORD, FakeHeadNode, answer, refusal
from ....objects import make_bmc_settings, make_device

DEVICE = make_device()
# A value for each parameter a public method has; a new one must be added here.
ARGUMENTS: dict[str, Any] = {
    "service": "cmdevice",
    "kind": "Device",
    "plural": "Devices",
    "verb": "update",
    "entity": DEVICE,
    "entities": [DEVICE],
    "uuids": [DEVICE["uuid"]],
    "operation": "RESET",
    "session": "5a1f",
    "timeout_s": 1,
    "delay_s": 0.5,
    "force": False,
}
METHODS = [
    name
    for name, _method in inspect.getmembers(HeadNode, inspect.isfunction)
    if not name.startswith("_") and name not in ("close", "confirm_leave")
]


def call_method(head_node: HeadNode, name: str) -> None:
    method = getattr(head_node, name)
    arguments = {parameter: ARGUMENTS[parameter] for parameter in inspect.signature(method).parameters}
    if name == "add":
        arguments["entity"] = make_device("node002", 2)
    method(**arguments)


class Echo:
    """A client whose every call but the login gets `response`."""

    def __init__(self, response: httpx.Response | Exception) -> None:
        self.response = response
        self.sent = 0
        connection = Connection("head.example", username="admin", password=PASSWORD)
        wire = httpx.MockTransport(self._handle)
        self.client = HeadNode(Transport(connection, http_transport=wire, sleep=lambda _seconds: None))

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.content and json.loads(request.content)["service"] == "login":
            return httpx.Response(200, json=True, headers={"Set-Cookie": "cm-login-token=0123"})
        self.sent += 1
        if isinstance(self.response, Exception):
            raise self.response
        return self.response


def answering(response: httpx.Response | Exception) -> HeadNode:
    return Echo(response).client


LADDER = {
    "unknown call": (httpx.Response(400, text="Bad Request"), UnknownCall, "does not accept cmdevice.updateDevice"),
    "another status": (httpx.Response(418), BcmApiError, "HTTP 418"),
    "status before the body": (answer({"errormessage": "x"}, 400), UnknownCall, "HTTP 400"),
    "not JSON": (httpx.Response(200, text="well, well"), BcmProtocolError, "not JSON: 'well, well'"),
    "unknown service": (
        answer({"errormessage": "No such service: '(cm)fake'\n"}),
        BcmApiError,
        r"No such service: '\(cm\)fake' \(cmdevice",
    ),
    "errormessage before success": (answer({"errormessage": "no", "success": True}), BcmApiError, ": no"),
    "profile": (
        answer({"errormessage": "Your certificate (profile:) does not allow access to CMDevice::updateDevice\n"}),
        CallDenied,
        "does not allow access to CMDevice::updateDevice; the account's profile",
    ),
    "success: false": (answer(refusal("BAD_VALUE", "mac", "no MAC")), BcmApiError, r"mac: no MAC \(BAD_VALUE\)"),
    "result: false": (answer({"result": False, "validation": []}), BcmApiError, "without a reason"),
    "no validation list": (answer({"success": False, "validation": None}), BcmApiError, "without a reason"),
    "taken": (
        answer(refusal("DUPLICATE_FIELD", "hostname", "A device with hostname node002 already exists")),
        BcmConflict,
        "hostname: A device with hostname node002 already exists",
    ),
    "taken name": (answer(refusal("DUPLICATE_NAME", "name", "taken")), BcmConflict, "taken"),
    "unknown key": (answer(refusal("KEY_NOT_FOUND", "category", "no such key")), BcmNotFound, "no such key"),
    "not a commit result": (answer([1]), BcmProtocolError, "a list where a commit result is due"),
    "null": (httpx.Response(200, content=b"null"), BcmProtocolError, "null where a commit result is due"),
}


@pytest.mark.parametrize(("response", "kind", "words"), LADDER.values(), ids=LADDER)
def test_an_error_is_told_from_data(response: httpx.Response, kind: type[BcmError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        answering(response).update("cmdevice", "Device", DEVICE)

    assert caught.value.__class__ is kind
    assert str(caught.value).startswith("could not update device node001: ")


@pytest.mark.parametrize("result", [{"success": True}, {"result": True}, {"updated_entity": None}])
def test_a_commit_that_succeeded_raises_nothing(result: dict[str, Any]) -> None:
    answering(answer(result)).update("cmdevice", "Device", DEVICE)


def test_every_complaint_is_told_and_kept() -> None:
    twice = refusal("DUPLICATE_FIELD", "mac", "A device with MAC M already exists: cpu-05")
    twice["validation"] += refusal("DUPLICATE_FIELD", "hostname", "A device with hostname cpu-05 already exists")[
        "validation"
    ]

    with pytest.raises(BcmConflict) as caught:
        answering(answer(twice)).add("cmdevice", "Device", DEVICE)

    assert "already exists: cpu-05" in str(caught.value)
    assert "hostname cpu-05 already exists" in str(caught.value)
    assert [complaint.field for complaint in caught.value.complaints] == ["mac", "hostname"]
    assert caught.value.call == "cmdevice.addDevice"


def test_warnings_are_told_only_where_there_is_no_error() -> None:
    both = refusal("BAD_VALUE", "path", "it is not on the disk", "WARNING")
    both["validation"] += refusal("OUT_OF_RANGE", "speed", "too fast")["validation"]

    with pytest.raises(BcmApiError) as mixed:
        answering(answer(both)).update("cmdevice", "Device", DEVICE)
    with pytest.raises(BcmApiError, match="not on the disk"):
        answering(answer(refusal("BAD_VALUE", "path", "not on the disk", "WARNING"))).update(
            "cmdevice", "Device", DEVICE
        )

    assert "disk" not in str(mixed.value)


def test_a_removal_that_is_refused_without_a_complaint_says_what_is_in_the_way() -> None:
    change = {"ref_base_type": "Device", "ref_entity_uuid": "u", "parameter": "category", "auto_change": "NO"}
    changes = [change, change, {**change, "ref_base_type": "Partition"}, {**change, "auto_change": "YES"}, "x"]
    refused = {"success": False, "task_uuid": "", "validation": [], "changes": changes}

    with pytest.raises(BcmApiError, match=r"it is in use by 2 Device \(category\), 1 Partition \(category\)$"):
        answering(answer(refused)).remove("cmdevice", "Device", DEVICE)


MALFORMED: dict[str, tuple[Callable[[HeadNode], object], Any, str]] = {
    "a list is due": (HeadNode.get_devices, {"a": 1}, "an object where a list"),
    "no string list": (HeadNode.get_devices, "x", "a string where a list"),
    "no number list": (HeadNode.get_networks, 7, "a number where a list"),
    "no boolean list": (HeadNode.get_categories, True, "a boolean where a list"),
    "statuses": (lambda head: head.get_status_for_devices(["u"]), None, "null where a list"),
    "slots": (HeadNode.get_provisioning_status, [], "a list where an object"),
    "power": (lambda head: head.power_operation("ON", ["u"], "s"), {"index": 1}, "nothing in count"),
    "power index": (lambda head: head.power_operation("ON", ["u"], "s"), {"count": 1}, "nothing in index"),
    "session": (HeadNode.register_session, None, "null where a string"),
    "version": (HeadNode.get_version, [], "a list where an object"),
    "licence": (HeadNode.get_licence, None, "null where an object"),
}


@pytest.mark.parametrize(("method", "value", "words"), MALFORMED.values(), ids=MALFORMED)
def test_an_answer_of_the_wrong_shape_names_the_call(
    method: Callable[[HeadNode], object], value: Any, words: str
) -> None:
    with pytest.raises(BcmProtocolError, match=words):
        method(answering(httpx.Response(200, content=json.dumps(value))))


MISSHAPEN: dict[str, tuple[Callable[[HeadNode], object], Any, str]] = {
    "no hostname": (HeadNode.get_devices, [{"uuid": "u"}], "cmdevice.getDevices answered nothing in [0].hostname"),
    "no uuid": (HeadNode.get_categories, [{"name": "n"}], "cmdevice.getCategories answered nothing in [0].uuid"),
    "no ref_device_uuid": (
        lambda head: head.get_status_for_devices(["u"]),
        [None, {"status": "UP"}],
        "cmstatus.getStatusForDevices answered nothing in [1].ref_device_uuid",
    ),
    "numbers": (HeadNode.get_devices, [1, 2], "cmdevice.getDevices answered a number where an object is due in [0]"),
    "an object for a list": (
        HeadNode.get_devices,
        [make_device(interfaces={"name": "BOOTIF"})],
        "cmdevice.getDevices answered an object where a list is due in [0].interfaces",
    ),
    "a list for an object": (
        HeadNode.get_categories,
        [{"uuid": "u", "name": "n", "bmcSettings": []}],
        "answered a list where an object is due in [0].bmcSettings",
    ),
    "a name of 6 MB": (
        HeadNode.get_networks,
        [{"uuid": "u", "name": "x" * 6_000_000}],
        "a name of 6,000,000 characters",
    ),
    "a version that is a number": (
        HeadNode.get_version,
        {"cmVersion": 11},
        "a number where a string is due in cmVersion",
    ),
    "another number of nodes": (lambda head: head.restart(["u"], 1.0), {"success": []}, "a list of 0 where 1 are due"),
    "events": (
        lambda head: head.wait_for_events("s", 1),
        [{"childType": "PowerStatusChangedEvent", "status": 5}],
        "cmsession.waitForEvents answered a number where a list is due in [0].status",
    ),
}


@pytest.mark.parametrize(("method", "value", "words"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_what_does_not_fit_names_call_and_field(method: Callable[[HeadNode], object], value: Any, words: str) -> None:
    with pytest.raises(BcmProtocolError) as caught:
        method(answering(httpx.Response(200, content=json.dumps(value))))

    assert words in str(caught.value)
    assert str(caught.value).startswith("could not ")
    assert len(str(caught.value)) < 500


LONG = "y" * 6_000_000


@pytest.mark.parametrize(
    "value",
    [
        {"errormessage": LONG},
        {"errormessage": f"does not allow access {LONG}"},
        {"success": False, "validation": [{"field": LONG, "message": LONG, "error_code": LONG}] * 2},
        {"success": False, "validation": [{"message": f"{number}"} for number in range(50_000)]},
        {"success": False, "validation": 5},
        {"success": False, "validation": {"message": "x"}},
    ],
    ids=["text", "denied", "complaints", "many", "number", "object"],
)
def test_a_long_refusal_is_told_in_part(value: Any) -> None:
    with pytest.raises((BcmApiError, BcmAuthError)) as caught:
        answering(answer(value)).update("cmdevice", "Device", DEVICE)

    assert len(str(caught.value)) < 4_000


def test_no_refusal_moves_the_cursor() -> None:
    with pytest.raises(BcmApiError) as caught:
        answering(answer({"errormessage": "\x1b[2J\x1b[H all is well\r\n"})).get_networks()

    assert str(caught.value).isprintable()


def test_nodes_without_a_status_are_left_out() -> None:
    status = {"ref_device_uuid": "a", "status": "UP"}

    assert answering(answer([None, status])).get_status_for_devices(["b", "a"]) == [status]


@pytest.mark.parametrize("name", METHODS)
def test_in_check_mode_nothing_that_writes_is_sent(name: str) -> None:
    head = FakeHeadNode(make_device())

    try:
        call_method(head.client(read_only=True), name)
    except WriteRefused:
        refused = True
    else:
        refused = False

    assert not head.writes
    if not refused:
        normal = FakeHeadNode(make_device())
        call_method(normal.client(), name)
        assert not normal.writes


def test_asking_for_the_power_state_is_a_read() -> None:
    head = FakeHeadNode(DEVICE)

    head.client(read_only=True).power_operation("STATUS", [DEVICE["uuid"]], "session")

    assert head.names("powerOperation")


@pytest.mark.parametrize("name", METHODS)
def test_before_every_write_somebody_is_asked(name: str) -> None:
    head = FakeHeadNode(make_device())
    asked: list[int] = []

    call_method(head.client(before_write=lambda: asked.append(len(head.calls))), name)

    assert len(asked) == len(head.writes)


def test_a_no_before_a_write_keeps_it_from_being_sent() -> None:
    head = FakeHeadNode(DEVICE)

    def refuse() -> None:
        raise BcmError("the controller is gone")

    with pytest.raises(BcmError, match="the controller is gone"):
        head.client(before_write=refuse).update("cmdevice", "Device", DEVICE)

    assert not head.calls


@pytest.mark.parametrize("name", METHODS)
def test_a_call_is_service_name_and_arguments_and_never_asks_for_less_than_the_whole_object(name: str) -> None:
    head = FakeHeadNode(make_device())

    call_method(head.client(), name)

    assert all(set(call.body) == {"service", "call", "args"} for call in head.calls)


@pytest.mark.parametrize("name", METHODS)
def test_a_write_is_sent_once_and_a_read_again(name: str) -> None:
    silent = Echo(httpx.ReadTimeout("timed out"))
    with pytest.raises(BcmTransportError):
        call_method(silent.client, name)

    head = FakeHeadNode(DEVICE)
    call_method(head.client(), name)
    assert silent.sent == (1 if head.writes else 3)


def test_no_refusal_tells_the_name_of_a_bmc_user_that_was_sent_and_names_it_is_a_part_of_stay() -> None:
    device = make_device(bmcSettings=make_bmc_settings("x", userName="rack-admin"))
    refused = answer(refusal("BAD_VALUE", "userName", "'rack-admin' is too long; see /home/rack-admin7"))

    with pytest.raises(BcmApiError) as caught:
        Echo(refused).client.update("cmdevice", "Device", device)

    assert "'********' is too long; see /home/rack-admin7" in str(caught.value)


def secret_echoes(secret: str) -> Iterator[httpx.Response | Exception]:
    """Every way a head node, or what stands before it, can throw a secret back at us."""
    for text in (f"you sent {secret}", f"{'x' * 60} {secret} y"):
        yield answer({"errormessage": text})
        yield answer({"errormessage": f"does not allow access {text}"})
        yield answer(refusal("BAD_VALUE", "password", text))
        yield answer(refusal("DUPLICATE_FIELD", "password", text))
        yield answer(refusal("KEY_NOT_FOUND", "password", text))
        yield answer(refusal("BAD_VALUE", text, "bad"))
        yield answer(refusal(text, "password", "bad"))
        yield httpx.Response(200, text=text)
        yield httpx.Response(200, text=json.dumps({"you sent": secret}) + "garbage")
        yield httpx.Response(200, text=f"<html>{text}")
        yield httpx.Response(500, text=text)
        yield httpx.Response(400, text=text)
        yield httpx.Response(403, text=text)
        yield httpx.ReadError(text)
        yield httpx.ConnectError(text)


@given(st.text(st.characters(exclude_categories=("Z", "C"), max_codepoint=0x17F), min_size=8, max_size=40))
@settings(max_examples=15)
def test_no_error_tells_a_secret_that_was_sent(secret: str) -> None:
    device = make_device(bmcSettings=make_bmc_settings("x", password=secret))
    echo = Echo(answer(None))

    for echo.response in secret_echoes(secret):
        with pytest.raises(BcmError) as caught:
            echo.client.update("cmdevice", "Device", device)
        shown = str(caught.value)
        assert secret not in shown
        assert json.dumps(secret)[1:-1] not in shown
        assert repr(secret)[1:-1] not in shown


def test_no_error_tells_a_piece_of_a_secret() -> None:
    device = make_device(bmcSettings=make_bmc_settings("x", password="correct-horse-battery-staple"))

    with pytest.raises(BcmError) as caught:
        answering(httpx.Response(200, text="x" * 70 + "correct-horse-battery-staple")).update(
            "cmdevice", "Device", device
        )

    assert "correct" not in str(caught.value)


@pytest.mark.parametrize("name", METHODS)
def test_no_error_of_any_call_tells_the_password_of_the_head_node(name: str) -> None:
    echo = Echo(answer(None))
    told = []

    for echo.response in secret_echoes(PASSWORD):
        try:
            call_method(echo.client, name)
        except BcmError as error:
            told.append(str(error))

    assert told
    assert not [text for text in told if PASSWORD in text]
