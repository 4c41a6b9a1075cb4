# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks of devices; that processes really wait for each other is shown in tests/netbox/test_races.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api import locks
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxConfigError, NetBoxError


def never(_seconds: float) -> None:
    raise AssertionError("these locks are free")


def test_many_devices_cost_one_file(tmp_path: Path) -> None:
    with locks.locked(str(tmp_path / "deep" / "er"), "https://x", range(5000), sleep=never):
        assert len(list((tmp_path / "deep" / "er").iterdir())) == 1


def test_each_netbox_has_a_file_of_its_own(tmp_path: Path) -> None:
    for url in ("https://x", "https://y", "https://x"):
        with locks.locked(str(tmp_path), url, [1], sleep=never):
            pass

    assert len(list(tmp_path.iterdir())) == 2


def test_a_run_that_does_not_let_go_is_a_failure_after_five_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(locks, "_try", lambda _file, device_id: device_id != 7)

    with (
        pytest.raises(NetBoxError, match="another run has been working on device 7 for 300 s"),
        locks.locked(str(tmp_path), "https://x", [9, 7], sleep=slept.append),
    ):
        pytest.fail("it is not ours")
    assert sum(slept) == pytest.approx(300, abs=0.2)


def test_a_place_that_can_not_be_used_is_a_clear_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(NetBoxConfigError, match="could not use lock_path"),
        locks.locked(str(tmp_path / "file"), "https://x", [1], sleep=never),
    ):
        pytest.fail("there is no such directory")
