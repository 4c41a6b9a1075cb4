# SPDX-License-Identifier: GPL-3.0-or-later
"""No disk is written unless profile, task and the disk itself all allow it: nothing here is more dangerous."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.fio_jobs import (
    RAND,
    SEQ,
    Extent,
    clear_command,
    read_command,
    write_command,
    write_end,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.writable import (
    MARGIN_BYTES,
    DiskState,
    Permit,
    ask,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.paths import PACKAGE
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.runs import profile

GIB = 1024**3
WRITING = profile(disk={"options": {"write": "when_empty"}}).steps[2]
READING = profile().steps[2]
EMPTY = DiskState("sda", "D1", GIB, (), (), (), (), read_only=False, blank=True, looked_to=GIB)

_NAMES = st.none() | st.lists(st.sampled_from(["gpt", "LVM2_member", "sda1", "dm-0"]), max_size=2)
_STATES = st.builds(
    DiskState,
    name=st.just("sda"),
    serial=st.sampled_from(["D1", "D2", "", " "]),
    size_bytes=st.integers(0, 4 * GIB),
    signatures=_NAMES,
    partitions=_NAMES,
    holders=_NAMES,
    uses=_NAMES,
    read_only=st.none() | st.booleans(),
    blank=st.none() | st.booleans(),
    looked_to=st.integers(0, 4 * GIB),
    same_serial=st.integers(0, 3),
) | st.just(EMPTY)


def test_an_empty_disk_that_is_listed_may_be_written_where_the_profile_says_so() -> None:
    assert ask(WRITING, EMPTY, ["D1"]) == Permit("sda", MARGIN_BYTES, GIB - MARGIN_BYTES)


@settings(max_examples=500, deadline=None)
@given(
    state=_STATES,
    listed=st.sets(st.sampled_from(["D1", "D2", "", " "])),
    policy=st.sampled_from([WRITING, READING, replace(WRITING, name="50-site")]),
)
def test_a_permit_needs_profile_and_list_and_a_disk_that_is_known_to_be_empty(
    state: DiskState, listed: set[str], policy: object
) -> None:
    given_leave = ask(policy, state, listed)  # type: ignore[arg-type]
    if not isinstance(given_leave, Permit):
        assert given_leave
        return
    assert policy is WRITING
    assert state.serial.strip()
    assert state.serial in listed
    assert state.same_serial == 1
    # Known to be empty: an empty list, not None.
    assert [state.signatures, state.partitions, state.holders, state.uses] == [[], [], [], []] or (state is EMPTY)
    assert (state.read_only, state.blank) == (False, True)
    assert 0 < given_leave.start < given_leave.end < state.size_bytes
    assert given_leave.end <= state.looked_to


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": None},
        {"partitions": None},
        {"holders": None},
        {"uses": None},
        {"read_only": None},
        {"blank": None},
        {"signatures": ("ext4",)},
        {"partitions": ("sda1",)},
        {"holders": ("dm-0",)},
        {"uses": ("/dev/sda",)},
        {"read_only": True},
        {"blank": False},
        {"looked_to": MARGIN_BYTES},
        {"serial": ""},
        {"same_serial": 2},
        {"size_bytes": 2 * MARGIN_BYTES},
    ],
    ids=str,
)
def test_each_single_doubt_forbids_writing(change: dict[str, object]) -> None:
    assert isinstance(ask(WRITING, replace(EMPTY, **change), ["D1", ""]), str)  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    size=st.integers(0, 64 * GIB),
    pattern=st.sampled_from([SEQ, RAND]),
    seconds=st.floats(0.1, 3600),
    most=st.integers(1, 64 * GIB),
)
def test_a_command_that_reads_can_not_write(size: int, pattern: str, seconds: float, most: int) -> None:
    command = read_command("/dev/sda", size, pattern, Extent(seconds, most))
    assert "--readonly" in command
    mode = "read" if pattern == SEQ else "randread"
    assert [word for word in command if word.startswith("--rw=")] == [f"--rw={mode}"]


@settings(deadline=None)
@given(size=st.integers(4 * MARGIN_BYTES, 64 * GIB), pattern=st.sampled_from([SEQ, RAND]))
def test_a_command_that_writes_stays_within_its_permit_and_verifies_and_one_clears_the_same(
    size: int, pattern: str
) -> None:
    permit = Permit("sda", MARGIN_BYTES, size - MARGIN_BYTES)
    command, clear = write_command("/dev/sda", permit, pattern), clear_command("/dev/sda", permit)
    words = dict(word.partition("=")[::2] for word in command)
    assert int(words["--offset"]) == permit.start
    assert int(words["--offset"]) + int(words["--size"]) <= permit.end
    assert (words["--verify"], words["--do_verify"]) == ("crc32c", "1")
    assert "--runtime" not in words  # it would cut the verification off
    bounds = {"--filename", "--offset", "--size", "--allow_mounted_write", "--allow_file_create"}
    cleared = dict(word.partition("=")[::2] for word in clear)
    assert {word: cleared[word] for word in bounds} == {word: words[word] for word in bounds}
    assert "--zero_buffers" in cleared
    assert "--zero_buffers" not in words


@settings(deadline=None)
@given(
    pattern=st.sampled_from([SEQ, RAND]),
    most=st.integers(1, 64 * GIB),
    rate=st.floats(0, 1e11),
)
def test_no_more_is_written_than_the_profile_says(pattern: str, most: int, rate: float) -> None:
    end = write_end(pattern, Extent(10, most), rate)
    assert 2 * MARGIN_BYTES <= end <= MARGIN_BYTES + max(most, 1024 * 1024)


def test_a_permit_is_made_in_one_place_and_asked_for_right_before_the_only_commands_that_write() -> None:
    makers, writers = set(), set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                makers |= {path.stem} if node.func.id == "Permit" else set()
                writers |= {path.stem} if node.func.id in ("write_command", "clear_command") else set()
    assert makers == {"writable"}
    assert writers == {"disk"}
