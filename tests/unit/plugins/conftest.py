# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from .fake_head_node import FakeHeadNode
from .objects import make_device
from .running import Modules


@pytest.fixture(autouse=True)
def _no_connection_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in (
        "HEAD_NODE",
        "PORT",
        "USERNAME",
        "PASSWORD",
        "CLIENT_CERT",
        "CLIENT_KEY",
        "CA_PATH",
        "VALIDATE_CERTS",
        "TLS_SERVER_NAME",
        "TLS_FINGERPRINT",
        "DEBUG_CALLS",
    ):
        monkeypatch.delenv(f"BCM_{option}", raising=False)


@pytest.fixture
def head() -> FakeHeadNode:
    """A head node with three nodes: two off, the last one UP."""
    head = FakeHeadNode(*(make_device(f"node{number:03d}", number) for number in (1, 2, 3)))
    head.bring_up("node003")
    return head


@pytest.fixture
def modules(head: FakeHeadNode, capsys: pytest.CaptureFixture[str]) -> Modules:
    return Modules(head, capsys)
