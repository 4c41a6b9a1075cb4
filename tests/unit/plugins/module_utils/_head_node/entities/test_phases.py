# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of phases, and what is derived from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities import phases
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import (
    FAILED_STATUSES,
    INSTALLING_STATUSES,
    TABLE,
    WAY,
    Limit,
    NodeState,
    Phase,
    Stage,
    Status,
    node_state,
    phase_of,
    phases_of,
    row_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.deadlines import Deadlines

PLUGINS = Path(str(phases.__file__)).parents[3]
WORD = re.compile("|".join(rf'"{word}"' for word in (*Status, *WAY, "up")))
# Words that are phases or statuses, and something else in these files.
OTHER_MEANINGS = {
    "_report/page.py": {*WAY, "up"},  # a colour for each
    "_report/chart.py": {*WAY, "up"},
    "entities/parts.py": {"UNDEFINED"},  # of a GPU setting
    "_head_node/power/": {"PENDING"},  # of a power operation
}


def test_every_phase_has_one_row() -> None:
    assert sorted(row.phase for row in TABLE) == sorted(Phase)


def test_every_status_is_placed() -> None:
    placed = {status for row in TABLE for status in row.statuses}

    assert placed == set(Status)
    assert Phase.UNKNOWN not in {phase_of(status, "") for status in Status}


def test_every_status_but_installing_is_in_one_phase() -> None:
    placed = [status for row in TABLE for status in row.statuses if status is not Status.INSTALLING]

    assert sorted(placed) == sorted({*Status} - {Status.INSTALLING})


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_on_the_way_has_words_and_all_but_the_queue_a_deadline(phase: Phase) -> None:
    limit = Deadlines().of(phase)

    assert row_of(phase).words
    if phase in WAY:
        assert (limit is None) is (phase is Phase.QUEUED)


def test_a_status_that_is_not_listed_is_in_a_phase_of_its_own_with_the_deadline_of_a_boot() -> None:
    assert phase_of("BURNING", "") is Phase.UNKNOWN
    assert row_of("nonsense").phase is Phase.UNKNOWN
    assert row_of(Phase.UNKNOWN).limit is Limit.BOOT


def test_the_way_runs_from_restart_over_boot_and_slot_to_init() -> None:
    order = [Stage.RESTART, Stage.BOOT, Stage.SLOT, Stage.INIT]
    stages = [order.index(row_of(phase).stage) for phase in WAY]

    assert stages == sorted(stages)
    assert phases_of(Stage.SLOT) == {Phase.QUEUED, Phase.INSTALLING}
    assert INSTALLING_STATUSES.isdisjoint(FAILED_STATUSES)


def test_a_phase_is_its_text_wherever_it_is_written() -> None:
    assert f"{Phase.QUEUED}" == str(Phase.QUEUED) == "queued"
    assert json.dumps({"phase": Phase.UP, "status": Status.UP}) == '{"phase": "up", "status": "UP"}'


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in ("module_utils/_head_node", "module_utils/_provisioning", "plugin_utils", "action")
        for path in sorted((PLUGINS / folder).rglob("*.py"))
        if path.name != "phases.py"
    ],
    ids=lambda path: path.relative_to(PLUGINS).as_posix(),
)
def test_no_other_file_spells_a_status_or_phase(path: Path) -> None:
    allowed = {word for name, words in OTHER_MEANINGS.items() if name in path.as_posix() for word in words}
    found = {match.strip('"') for match in WORD.findall(path.read_text(encoding="utf-8"))}

    assert found <= {str(word) for word in allowed}


@pytest.mark.parametrize(
    ("status", "power", "state"),
    [
        (None, None, "unknown"),
        ("UP", None, "active"),
        ("UP", "OFF", "active"),
        ("BOOTING", None, "provisioning"),
        ("INSTALLING", "ON", "provisioning"),
        ("INSTALLER_REBOOTING", None, "provisioning"),
        ("INSTALLER_CALLING_INIT", None, "provisioning"),
        ("INSTALLER_FAILED", None, "failed"),
        ("INSTALLER_UNREACHABLE", "ON", "failed"),
        ("DOWN", "OFF", "powered_off"),
        ("DOWN", "ON", "unknown"),
        ("DOWN", "UNKNOWN", "unknown"),
        ("DOWN", None, "unknown"),
        ("GOING_DOWN", None, "unknown"),
        ("PENDING", None, "unknown"),
    ],
)
def test_the_words_of_users_for_a_node(status: str | None, power: str | None, state: str) -> None:
    assert node_state(status, power) == state


@pytest.mark.parametrize(
    ("status", "power", "state"),
    [("UP", None, "active"), ("DOWN", "OFF", "failed"), ("INSTALLING", None, "failed"), (None, None, "unknown")],
)
def test_a_node_for_which_a_run_failed_is_failed_until_it_is_up(
    status: str | None, power: str | None, state: str
) -> None:
    assert node_state(status, power, has_failed=True) == state


def test_down_is_no_state_of_its_own() -> None:
    assert {*NodeState} == {"active", "provisioning", "failed", "powered_off", "unknown"}
