# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of the wrong kind: the head node answers, or refuses the call, and never breaks."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from virtual_rack.entities.fields import Entity
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import rack_from
from virtual_rack.services.calls import Args, BadArguments
from virtual_rack.services.directory import Directory

WORD = st.sampled_from(["", "x", "node1", "zz", "999.1.1.1", "Device", "LiteNode", "ON", "\ud800", "a\u0000b"])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | WORD
KEY = st.sampled_from(["uuid", "name", "hostname", "mac", "ip", "baseType", "childType", "devices", "operation"])
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY, inner, max_size=3), max_leaves=6
)
# What a sound call is made of, of which one place is damaged.
POWER: Entity = {"operation": "ON", "devices": ["x"], "force": False, "delay": 1, "retryCount": 1, "retryDelay": 5}


@pytest.fixture
def directory(content: dict[str, Any]) -> Directory:
    return Directory(filled(content).head)


def filled(content: dict[str, Any]) -> Bench:
    bench = Bench(rack_from(content))
    bench.register("node1", "node2")
    return bench


def perform(directory: Directory, service: str, call: str, *args: Any) -> None:
    """Make a call; a refusal of its arguments is an answer too."""
    found = directory.find(service)
    handler = found.handler(call) if found else None
    assert handler is not None, (service, call)
    with contextlib.suppress(BadArguments):
        json.dumps(handler(Args(args)))


def every_call(directory: Directory) -> list[tuple[str, str]]:
    names = ("cmdevice", "cmpart", "cmnet", "cmstatus", "cmprov", "cmmain", "cmsession")
    services = [(name, directory.find(name)) for name in names]
    return [(name, call) for name, found in services if found for call in found.calls]


def damaged(entity: Entity, where: list[int], value: Any) -> Any:
    """Put a value somewhere into a copy of an entity; the numbers say where."""
    inside = copy = json.loads(json.dumps(entity))
    for depth, number in enumerate(where, start=1):
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        key = keys[number % len(keys)]
        if depth == len(where) or not isinstance(inside[key], dict | list) or not inside[key]:
            inside[key] = value
            break
        inside = inside[key]
    return copy


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(args=st.lists(JSON, max_size=4))
def test_no_call_breaks_whatever_its_arguments_are(directory: Directory, args: list[Any]) -> None:
    calls = every_call(directory)
    assert len(calls) > 60
    for service, call in calls:
        perform(directory, service, call, *args)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.lists(st.integers(min_value=0, max_value=99), min_size=1, max_size=4), value=JSON)
def test_no_call_breaks_on_a_sound_argument_that_is_damaged_in_one_place(
    content: dict[str, Any], where: list[int], value: Any
) -> None:
    bench = filled(content)
    directory = Directory(bench.head)
    device = damaged(bench.device("node1"), where, value)
    new = damaged(bench.new_device("node3"), where, value)
    category = damaged(bench.call("cmdevice", "getCategory", "default"), where, value)
    image = damaged(bench.call("cmpart", "getSoftwareImage", "default-image"), where, value)
    network = damaged(bench.call("cmnet", "getNetwork", "internalnet"), where, value)
    power = damaged({**POWER, "devices": [bench.device("node1")["uuid"]]}, where, value)
    for call, argument in (("updateDevice", device), ("addDevice", new), ("addLiteNode", new)):
        perform(directory, "cmdevice", call, argument, 0)
    perform(directory, "cmdevice", "updateDevices", [device], 0)
    perform(directory, "cmdevice", "updateCategory", category, 0)
    perform(directory, "cmpart", "updateSoftwareImage", image, 0)
    perform(directory, "cmnet", "updateNetwork", network, 0)
    perform(directory, "cmdevice", "powerOperation", power)
    # What was stored is booted from, reported and asked for.
    bench.step(900)
    perform(directory, "cmdevice", "getDevices")


@pytest.mark.parametrize(
    "sent",
    [
        {"devices": 5},
        {"devices": "x"},
        {"devices": [5]},
        {"devices": None, "operation": ["ON"]},
        {"delay": "x"},
        {"delay": True},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"retryCount": "x"},
        {"retryCount": 1.5},
        {"retryDelay": [1]},
        {"force": "yes"},
        {"operation": 5},
    ],
    ids=str,
)
def test_a_power_operation_with_a_field_of_the_wrong_kind_is_refused(bench: Bench, sent: Entity) -> None:
    bench.register("node1")
    body = {**POWER, "devices": [bench.device("node1")["uuid"]], **sent}
    with pytest.raises(BadArguments):
        bench.call("cmdevice", "powerOperation", body)
    assert bench.call("cmdevice", "powerOperationHistory", [], False) == []


@pytest.mark.parametrize("uuids", [5, "x", [5], [None], [["x"]], {}])
def test_uuids_are_a_list_of_strings(bench: Bench, uuids: Any) -> None:
    with pytest.raises(BadArguments):
        bench.call("cmstatus", "getStatusForDevices", uuids)
