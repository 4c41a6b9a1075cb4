# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ..fake_head_node import FakeHeadNode
from .acting import Actions


@pytest.fixture
def actions(head: FakeHeadNode, capsys: pytest.CaptureFixture[str]) -> Actions:
    return Actions(head, capsys)
