# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong settings and head nodes in trouble: one clear sentence, no traceback, no secret, nothing half done."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.conftest import OpenSite
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import PARALLEL, Run
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, demo_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site

GUEST = {"username": "guest", "password": "guest-password", "profile": "readonly"}
SECRETS = ("demo-bmc-password", "demo-head-node", "guest-password", "wrong-password")
COMPLAINT = {"field": "hostname", "error_code": "BAD_VALUE", "message": "too long", "severity": "ERROR"}


def refused_port() -> str:
    """Return a port on which no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def sentence_of(run: Run) -> str:
    """Return the one failure of a run, after checking that there is no traceback and no secret in its output."""
    assert run.rc != 0
    assert "Traceback" not in run.output
    assert [secret for secret in SECRETS if secret in run.output] == []
    assert len([task for task in run.tasks if task.status == "failed"]) == 1, run.failures
    assert not any("\n" in sentence for sentence in run.failures)
    return run.failures[0]


class TestTheConnection:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        users = [{"username": "admin", "password": "demo-head-node"}, GUEST]
        site: Site = open_class_site(demo_rack(users=users))
        return site

    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            (
                {"BCM_PASSWORD": "wrong-password"},
                r"could not login as admin: https://\S+ refused the username or the password",
            ),
            (
                {"BCM_CA_PATH": ""},
                r"could not call login as admin: no trusted TLS connection to https://\S+: .*ca_path must be",
            ),
            (
                {"BCM_PORT": refused_port()},
                r"could not call login as admin: no usable answer from https://\S+: .*refused",
            ),
            ({"BCM_HEAD_NODE": ""}, r"no head node given: set head_node or the environment variable BCM_HEAD_NODE"),
            ({"BCM_PASSWORD": ""}, r"username and password go together"),
            (
                {"BCM_USERNAME": "guest", "BCM_PASSWORD": "guest-password"},
                r"could not create category dgx-worker: .*does not allow access to CMDevice::addCategory",
            ),
        ],
        ids=["password", "certificate", "port", "no head node", "half a login", "profile"],
    )
    def test_a_wrong_setting_is_reported_in_one_sentence(
        self, where: Site, settings: Mapping[str, str], sentence: str
    ) -> None:
        run = where.ansible.play("provision", variables=PARALLEL, environment=settings)

        assert re.search(sentence, sentence_of(run))
        assert not set(DEMO_NODES) & set(where.rack.head_node.devices())
        assert "dgx-worker" not in where.rack.head_node.categories()


GARBAGE = {"http_status": 200, "body": "[1, 2"}
# A read that gets no usable answer is tried again; the faults stay on.
READS: list[tuple[Any, str, str]] = [
    (GARBAGE, "getDevices", r"could not read Devices: cmdevice\.getDevices answered something that is not JSON"),
    ("not_json", "getDevices", r"could not call cmdevice\.getDevices: https://\S+ answered with its login page"),
    ("half", "getDevices", r"could not call cmdevice\.getDevices: no usable answer"),
    ("nothing", "getDevices", r"could not call cmdevice\.getDevices: no usable answer"),
    ("hang", "getDevices", r"could not call cmdevice\.getDevices: no answer from https://\S+ in time"),
    ({"http_status": 503}, "getCategories", r"could not call cmdevice\.getCategories: https://\S+ answered HTTP 503"),
    (
        {"http_status": 400},
        "getCategories",
        r"could not read Categories: the head node does not accept cmdevice\.getCategories",
    ),
    ({"errormessage": "database is locked\n"}, "getDevices", r"could not read Devices: database is locked"),
    (
        {"http_status": 200, "body": {"surprise": 1}},
        "getDevices",
        r"cmdevice\.getDevices answered an object where a list is due",
    ),
]
# Each strikes once, in this order.
WRITES: list[tuple[Any, str]] = [
    ({"http_status": 400}, r"could not create device dgx-05: the head node does not accept cmdevice\.addDevice"),
    (
        {"http_status": 503},
        r"could not call cmdevice\.addDevice: https://\S+ answered HTTP 503; whether it was performed",
    ),
    ({"errormessage": "database is locked\n"}, r"could not create device dgx-05: database is locked"),
    (
        {"validation": [COMPLAINT, COMPLAINT | {"field": "mac"}]},
        r"could not create device dgx-05: hostname: .*; mac: .*",
    ),
    (GARBAGE, r"could not create device dgx-05: cmdevice\.addDevice answered something that is not JSON"),
    ("half", r"could not call cmdevice\.addDevice: no usable answer .*whether it was performed is unknown"),
    ("hang", r"could not call cmdevice\.addDevice: no answer .*whether it was performed is unknown"),
]
DEVICE = {
    "hostname": "dgx-05",
    "mac": "94:6D:AE:5C:05:01",
    "category": "default",
    "interfaces": [
        {"name": "BOOTIF", "type": "physical", "ip": "10.184.162.109", "network": "dgxnet", "bootable": True}
    ],
    "bmc_settings": {"username": "bmcadmin", "password": "demo-bmc-password"},
}


class TestAHeadNodeInTrouble:
    @pytest.fixture(scope="class")
    @staticmethod
    def where(open_class_site: OpenSite) -> Site:
        site: Site = open_class_site(demo_rack())
        return site

    @pytest.fixture
    @staticmethod
    def repaired(where: Site) -> Site:
        where.rack.repair()
        return where

    @pytest.mark.parametrize(
        ("answer", "call", "sentence"), READS, ids=[f"{answer} {call}" for answer, call, _sentence in READS]
    )
    def test_a_read_that_fails_is_reported_in_one_sentence_and_nothing_is_changed(
        self, repaired: Site, answer: Any, call: str, sentence: str
    ) -> None:
        repaired.rack.break_something("call_fails", service="cmdevice", call=call, answer=answer)
        patience = {"bcm_connection": {"read_timeout": 0.5}}

        run = repaired.ansible.play("preflight", variables={**PARALLEL, **patience})

        assert re.search(sentence, sentence_of(run))
        assert repaired.rack.mutating_calls() == []

    def test_a_read_that_fails_once_is_tried_again_and_the_run_succeeds(self, repaired: Site) -> None:
        for answer in ("half", {"http_status": 503}):
            repaired.rack.break_something("call_fails", call="getNetworks", answer=answer, times=1)

        run = repaired.ansible.play("preflight", variables=PARALLEL)

        assert run.rc == 0, run.output

    def test_a_session_that_expires_is_opened_again_and_the_run_succeeds(self, repaired: Site) -> None:
        repaired.rack.break_something(
            "call_fails", call="getPartitions", answer={"http_status": 200, "body": "<html>login</html>"}, times=1
        )

        run = repaired.ansible.play("preflight", variables=PARALLEL)

        assert run.rc == 0, run.output

    def test_each_write_that_fails_is_reported_in_one_sentence_and_the_next_run_finishes_it(
        self, repaired: Site
    ) -> None:
        for answer, _sentence in WRITES:
            repaired.rack.break_something("call_fails", call="addDevice", answer=answer, times=1)
        task = {"baremetal.bcm.bcm_device": {**DEVICE, "read_timeout": 5}, "ignore_errors": True}

        run = repaired.ansible.tasks([*[task] * len(WRITES), {**task, "ignore_errors": False}])

        *failed, last = run.of("bcm_device")
        for result, (_answer, sentence) in zip(failed, WRITES, strict=True):
            assert result.status == "failed"
            assert re.search(sentence, result.result["msg"])
            assert "\n" not in result.result["msg"]
        assert "Traceback" not in run.output
        assert [secret for secret in SECRETS if secret in run.output] == []
        assert (last.status, last.result["action"]) == ("ok", "create")
        assert repaired.rack.head_node.devices()["dgx-05"]["mac"] == DEVICE["mac"]
