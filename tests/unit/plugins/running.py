# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a whole module in this process: real AnsibleModule, real argument spec, a head node in memory."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Protocol
from unittest import mock

import httpx
import pytest
from ansible.module_utils import basic

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible import runner
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport
from ansible_collections.baremetal.bcm.plugins.module_utils._values import clock
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import Clock

from .fake_head_node import PASSWORD

Result = dict[str, Any]
MODULES = "ansible_collections.baremetal.bcm.plugins.modules"
CONNECTION = {"head_node": "head.example", "username": "admin", "password": PASSWORD}


class Head(Protocol):
    """What answers for a head node, and whose time passes where a module waits."""

    @property
    def clock(self) -> Clock:
        """Its time."""

    @property
    def transport(self) -> httpx.MockTransport:
        """The way to it."""


@contextmanager
def connected(head: Head) -> Iterator[None]:
    """Let every transport that is opened reach this head node, whatever its address, and its time be ours."""
    transport = functools.partial(Transport, http_transport=head.transport, sleep=head.clock.sleep)
    time = SimpleNamespace(monotonic=head.clock.now_s, sleep=head.clock.sleep, time=head.clock.wall_s)
    with mock.patch.object(runner, "Transport", transport), mock.patch.object(clock, "time", time):
        yield


@contextmanager
def outside_the_controller() -> Iterator[None]:
    """Let a module's warnings go into its result: where a test has imported an action, Ansible would print them."""
    with mock.patch.object(importlib.import_module("ansible.module_utils._internal"), "is_controller", False):
        yield


@contextmanager
def module_arguments(options: Mapping[str, Any]) -> Iterator[None]:
    if importlib.util.find_spec("ansible.module_utils.testing"):
        arguments = importlib.import_module("ansible.module_utils.testing").patch_module_args(dict(options))
        with arguments, outside_the_controller():
            yield
        return
    # Before ansible-core 2.17 nothing was offered for this.
    text = json.dumps({"ANSIBLE_MODULE_ARGS": dict(options)}).encode()
    with mock.patch.object(basic, "_ANSIBLE_ARGS", text):
        yield


class Modules:
    """Runs modules against one head node; what they print is read back as their result."""

    def __init__(self, head: Head, capsys: pytest.CaptureFixture[str]) -> None:
        self.head = head
        self._capsys = capsys
        self.printed = ""

    def run(self, name: str, /, *, check: bool = False, verbosity: int = 0, **options: Any) -> Result:
        """The result, failed or not. An option that is None is not given."""
        module = importlib.import_module(f"{MODULES}.{name}")
        given = {option: value for option, value in {**CONNECTION, **options}.items() if value is not None}
        arguments = {**given, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_verbosity": verbosity}
        self._capsys.readouterr()
        with connected(self.head), module_arguments(arguments), pytest.raises(SystemExit) as ended:
            module.main()
        self.printed = self._capsys.readouterr().out
        result: Result = json.loads(self.printed)
        assert bool(result.get("failed")) == bool(ended.value.code)
        return result

    def good(self, name: str, /, **options: Any) -> Result:
        result = self.run(name, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def bad(self, name: str, /, **options: Any) -> str:
        """The message of a module that must fail."""
        result = self.run(name, **options)
        assert result.get("failed"), result
        return str(result["msg"])
