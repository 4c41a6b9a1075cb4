# SPDX-License-Identifier: GPL-3.0-or-later
"""Bench files: what they say becomes hardware, and mistakes are told by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from virtual_rack.rack_reader import RackFileError
from virtual_rack.servers.bench_file import bench_from, read_bench
from virtual_rack.servers.memory import forget
from virtual_rack.servers.qemu import command

ROOT = Path(__file__).parents[3]


def server(**changes: Any) -> dict[str, Any]:
    return {
        "name": "one",
        "serial": "SN1",
        "mac": "02:00:00:00:00:01",
        "port": "Ethernet1/1",
        "bmc": {"address": "127.9.9.1"},
        "disks": [{"kind": "nvme", "serial": "D1"}],
        **changes,
    }


def words(directory: Path, *, network: bool = True, **changes: Any) -> str:
    (spec,) = bench_from({"servers": [server(**changes)]}).servers
    return " ".join(command(spec, 0, directory, network=network))


def test_a_server_has_one_processor_and_room_for_another_without_which_disks_lose_requests(tmp_path: Path) -> None:
    assert "-smp 1,maxcpus=2 " in words(tmp_path)


def test_the_demo_has_one_good_server_and_three_kinds_of_bad_ones() -> None:
    bench = read_bench(ROOT / "virtual_rack/benches/demo.yml")

    assert [[fault.kind for fault in server.faults] for server in bench.servers] == [
        [],
        ["bad_sector"],
        ["memory_bits"],
        ["wrong_port"],
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"faults": [{"kind": "tired"}]}, r"bench: servers\[0\]\.faults\[0\]\.kind: expected one of"),
        ({"faults": [{"kind": "hang"}]}, r"faults\[0\]\.after: is required"),
        ({"faults": [{"kind": "memory_bits"}]}, r"faults\[0\]\.after: is required"),
        ({"faults": [{"kind": "slow_disk"}]}, r"faults\[0\]\.bytes_per_second: is required"),
        ({"faults": [{"kind": "bad_sector"}], "disks": []}, "a fault of a disk needs a disk"),
        ({"faults": [{"kind": "smart_warning"}], "disks": [{"serial": "D"}]}, "needs a disk of kind nvme"),
        ({"network_boot": "floppy"}, r"network_boot: expected one of card, firmware, http"),
        ({"network_boot": "http"}, r"servers\[0\]\.network_boot: http needs firmware uefi or secure_boot"),
        ({"colour": "red"}, r"servers\[0\]\.colour: unknown key"),
        ({"firmware": "coreboot"}, r"firmware: expected one of bios, uefi, secure_boot"),
    ],
)
def test_a_mistake_is_told_by_its_key(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(RackFileError, match=told):
        bench_from({"servers": [server(**changes)]})


@pytest.mark.parametrize("what", ["name", "serial", "mac", "port"])
def test_two_servers_cannot_share_what_tells_them_apart(what: str) -> None:
    other = server(name="two", serial="SN2", mac="02:00:00:00:00:02", port="Ethernet1/2")
    with pytest.raises(RackFileError, match=f"two have the same {what}"):
        bench_from({"servers": [server(), {**other, what: server()[what]}]})


def test_the_boot_device_alone_decides_between_network_and_disk(tmp_path: Path) -> None:
    card, disk = "mac=02:00:00:00:00:01,bootindex=1", "serial=D1,bootindex=1"

    assert card in words(tmp_path)
    assert disk not in words(tmp_path)
    assert card not in words(tmp_path, network=False)
    assert disk in words(tmp_path, network=False)


def test_firmware_that_boots_by_http_is_left_no_other_way(tmp_path: Path) -> None:
    (tmp_path / "variables.fd").touch()
    by_http = words(tmp_path, firmware="uefi", network_boot="http")

    assert "mac=02:00:00:00:00:01,romfile=,bootindex=1" in by_http
    assert all(f"name=opt/org.tianocore/IPv{n}PXESupport,string=n" in by_http for n in (4, 6))


class Turns:
    """Wanted so many times."""

    def __init__(self, turns: int) -> None:
        self.left = turns

    def __call__(self) -> bool:
        self.left -= 1
        return self.left >= 0


@pytest.mark.parametrize("word", [b"\x55" * 8, b"\xff" * 8, b"\x00\x10" + bytes(6)])
def test_a_bit_is_flipped_only_where_a_test_of_memory_has_written(tmp_path: Path, word: bytes) -> None:
    ram = tmp_path / "ram"
    page = (word + bytes(each ^ 0xFF for each in word)) * 256
    ram.write_bytes(b"kernel" + bytes(8186) + page * 2 + b"\x55" * 4096)
    before = ram.read_bytes()

    assert forget(ram, wanted=Turns(5)) == 1
    changed = [at for at, (old, new) in enumerate(zip(before, ram.read_bytes(), strict=True)) if old != new]
    assert changed == [8192]
    assert before[8192] ^ ram.read_bytes()[8192] == 0x10


def test_memory_without_a_pattern_stays_as_it_is(tmp_path: Path) -> None:
    ram = tmp_path / "ram"
    # Zeros, one word again and again, and a page that is a pattern but for its last word.
    before = bytes(4096) + b"\x55" * 65536 + (b"\x55" * 8 + b"\xaa" * 8) * 255 + b"\x55" * 16
    ram.write_bytes(before)

    assert forget(ram, wanted=Turns(3)) == 0
    assert ram.read_bytes() == before
