# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools print is read as it is meant; what can't be read is a ParseError, whatever it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers import smart
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.dmidecode import read_dmidecode
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.fio import read_fio
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.lldpcli import read_neighbours
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.machine_checks import (
    read_kernel_log,
    read_rasdaemon,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.memtester import read_memtester
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.output import MAX_OUTPUT, ParseError
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.stressapptest import read_stressapptest
from ansible_collections.baremetal.bcm.plugins.module_utils._validation.parsers.wipefs import read_signatures
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.damage import PARSERS, draw
from ansible_collections.baremetal.bcm.tests.unit.plugins.module_utils._validation.outputs import (
    FOLDER,
    RECORDED,
    WRITTEN,
    output,
)


def test_each_output_says_where_it_comes_from() -> None:
    assert sorted([*RECORDED, *WRITTEN]) == sorted(path.name for path in FOLDER.iterdir())


@pytest.mark.parametrize(
    ("vendor", "product", "serial", "sockets", "modules", "mib"),
    [
        ("dell", "PowerEdge R650", "7XK2PV3", 2, 4, 4 * 32768),
        ("hpe", "ProLiant BL460c Gen8", "CZ3404YWNN", 1, 1, 16384),
        ("supermicro", "SYS-6029P-TR", "", 1, 1, 16384),
        ("nvidia", "DGXH100", "1661623000119", 2, 32, 2 * 1024 * 1024),
        ("oem", "X11", "", 1, 1, 8192),
        ("qemu", "Standard PC (Q35 + ICH9, 2009)", "QEMU0001", 1, 1, 1024),
    ],
)
def test_dmidecode_tells_product_serial_processors_and_memory(
    vendor: str, product: str, serial: str, sockets: int, modules: int, mib: int
) -> None:
    read = read_dmidecode(output(f"dmidecode-{vendor}.txt"))
    assert (read.product, read.serial) == (product, serial)
    assert (len(read.processors), len(read.modules)) == (sockets, modules)
    assert sum(module.size_mib for module in read.modules) == mib


def test_dmidecode_keeps_what_vendors_write_for_nothing_out_of_serials_and_parts() -> None:
    module = read_dmidecode(output("dmidecode-qemu.txt")).modules[0]
    assert (module.serial, module.part, module.speed_mts) == ("", "", None)
    assert read_dmidecode(output("dmidecode-hpe.txt")).modules[0].speed_mts == 1600


def test_fio_tells_rates_and_what_moved() -> None:
    job = read_fio(output("fio-seq-write.json"), "write")
    assert (job.mib, job.error) == (16.0, 0)
    assert job.mib_s == pytest.approx(400.0)
    assert read_fio(output("fio-seq-write.json"), "read").mib == job.mib  # what it read back to verify
    assert read_fio(output("fio-rand-read.json"), "read").iops > 0


def test_fio_tells_of_a_block_that_came_back_changed_and_of_a_device_that_is_not_there() -> None:
    assert read_fio(output("fio-verify-failed.json"), "read").error == 84
    assert read_fio(output("fio-no-device.json"), "read").error == 2


def test_memtester_tells_what_it_went_over_and_what_failed() -> None:
    good = read_memtester(output("memtester-ok.txt"))
    assert (good.mib, good.loops, good.failures, good.locked, good.done) == (2, 1, 0, True, True)
    assert good.tests >= 15
    bad = read_memtester(output("memtester-failure.txt"))
    assert bad.failures == 1
    assert "0x00000000004149e0" in bad.first_failures[0]


def test_memtester_that_was_cut_off_is_not_done() -> None:
    text = output("memtester-ok.txt")
    cut = read_memtester(text[: len(text) // 2])
    assert not cut.done


def test_stressapptest_tells_rate_and_errors() -> None:
    good = read_stressapptest(output("stressapptest-pass.txt"))
    assert (good.passed, good.errors) == (True, 0)
    assert good.mib_s == pytest.approx(10096.58)
    bad = read_stressapptest(output("stressapptest-fail.txt"))
    assert (bad.passed, bad.errors) == (False, 2)


def test_lldpcli_tells_port_and_switch_of_lldp_alone() -> None:
    one = read_neighbours(output("lldpcli-one.json"))
    assert [(each.interface, each.chassis_name, each.port_id, each.port_id_type) for each in one] == [
        ("ag0", "leaf-r12-1", "Ethernet1/7", "local")
    ]
    two = read_neighbours(output("lldpcli-cumulus-arista.json"))
    assert [each.port_id for each in two] == ["swp7", "00:1c:73:aa:bb:d3"]
    assert read_neighbours(output("lldpcli-none.json")) == ()


@pytest.mark.parametrize(
    ("name", "present", "healthy"),
    [
        ("smartctl-samsung-sata.json", True, True),
        ("smartctl-seagate-pending.json", True, False),
        ("smartctl-hgst-failing.json", True, False),
        ("smartctl-seagate-sas.json", True, True),
        ("smartctl-virtio.json", False, False),
        ("smartctl-megaraid.json", False, False),
    ],
)
def test_smartctl_tells_whether_a_disk_is_sound(name: str, *, present: bool, healthy: bool) -> None:
    read = smart.read_smartctl(output(name))
    assert (read.present, read.healthy) == (present, healthy)
    assert bool(read.problems) == (present and not healthy)


@pytest.mark.parametrize(
    "text",
    [output("smartctl-not-opened.json"), '{"smartctl": {"exit_status": 4}}', '{"smartctl": {"exit_status": 0}}'],
    ids=["not opened", "a command failed", "nothing told"],
)
def test_a_disk_that_smartctl_could_not_ask_is_not_one_without_smart(text: str) -> None:
    with pytest.raises(ParseError):
        smart.read_smartctl(text)


def test_a_disk_that_says_that_it_offers_no_smart_has_none() -> None:
    report = '{"smartctl": {"exit_status": 4}, "smart_support": {"available": false}}'
    assert not smart.read_smartctl(report).present


# What each gives where nothing was found; only who called the tool knows whether that is good.
_NOTHING_FOUND = {"dmesg": (), "rasdaemon": (), "lldpcli": ()}
_NO_OUTPUT = ("", " \n", "NaN", "Infinity", "null", "[]", "{}", "fio: Datei oder Verzeichnis nicht gefunden", "\x00")


@pytest.mark.parametrize("text", _NO_OUTPUT)
@pytest.mark.parametrize("tool", PARSERS)
def test_an_output_without_what_was_asked_for_is_no_good_news(tool: str, text: str) -> None:
    try:
        read = PARSERS[tool](text)
    except ParseError:
        return
    # wipefs before 2.38 prints nothing for a disk that it finds empty.
    assert (tool == "wipefs" and not text.strip()) or read == _NOTHING_FOUND[tool]


_FIGURES = ("NaN", "Infinity", "-Infinity", "-1", "1e999", "1" + "0" * 400, "null", '"512"', "true", "[]", "{}")


@pytest.mark.parametrize("figure", _FIGURES)
@pytest.mark.parametrize("key", ["io_bytes", "bw_bytes", "iops", "runtime"])
def test_a_figure_of_fio_that_is_none_is_no_data(key: str, figure: str) -> None:
    text = re.sub(rf'"{key}" ?: ?[0-9.]+', f'"{key}": {figure}', output("fio-seq-read.json"))
    # Without the bandwidth in bytes that in KiB is taken, which is as good.
    if key == "bw_bytes" and figure != "-1":
        text = re.sub(r'"bw" ?: ?[0-9.]+', f'"bw": {figure}', text)
    with pytest.raises(ParseError):
        read_fio(text, "read")


@pytest.mark.parametrize("figure", [each for each in _FIGURES if each != "-1"])
def test_a_warning_of_nvme_that_is_no_number_is_no_data(figure: str) -> None:
    text = re.sub(r'"critical_warning" ?: ?[0-9]+', f'"critical_warning": {figure}', output("nvme-samsung.json"))
    with pytest.raises(ParseError):
        smart.read_nvme(text)


@pytest.mark.parametrize("figure", ["-1", "256", "1e300"])
def test_a_warning_of_nvme_that_is_no_byte_is_a_problem(figure: str) -> None:
    assert not smart.read_nvme(f'{{"critical_warning": {figure}}}').healthy


def test_nvme_tells_warnings_in_words() -> None:
    assert smart.read_nvme(output("nvme-samsung.json")).healthy
    assert smart.read_nvme(output("nvme-qemu-warning.json")).problems == ("reliability is degraded by errors",)


def test_wipefs_tells_signatures() -> None:
    assert read_signatures(output("wipefs-ext4.json")) == ("ext4",)
    assert read_signatures(output("wipefs-none.json")) == ()
    assert read_signatures("") == ()


def test_machine_checks_are_corrected_or_not_and_name_what_is_at_fault() -> None:
    (corrected,) = read_kernel_log(output("dmesg-mce.txt"))
    assert (corrected.component, corrected.corrected) == ("bank8", True)
    assert "12345000" in corrected.text
    assert [error.corrected for error in read_kernel_log(output("dmesg-uncorrected.txt"))] == [False, False]
    edac = read_kernel_log(output("dmesg-edac.txt"))
    assert [(error.component, error.count, error.corrected) for error in edac] == [
        ("CPU_SrcID#0_MC#0_Chan#1_DIMM#0", 1, True),
        ("CPU_SrcID#0_MC#0_Chan#1_DIMM#0", 3, False),
    ]
    heard = read_rasdaemon(output("rasdaemon.txt"))
    assert [(error.component, error.corrected) for error in heard] == [
        ("bank8", True),
        ("CPU_SrcID#0_MC#0_Chan#1_DIMM#0", True),
    ]


@pytest.mark.parametrize("name", [name for name in (*RECORDED, *WRITTEN) if name.endswith(".json")])
def test_json_that_is_cut_off_anywhere_is_no_data(name: str) -> None:
    text = output(name).rstrip()
    for end in range(1, len(text), max(1, len(text) // 40)):
        for parser in (PARSERS["fio"], PARSERS["lldpcli"], PARSERS["smartctl"], PARSERS["nvme"]):
            with pytest.raises(ParseError):
                parser(text[:end])


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_an_output_that_is_too_long_is_refused(parser: Callable[[str], Any]) -> None:
    with pytest.raises(ParseError):
        parser("x" * (MAX_OUTPUT + 1))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


_DAMAGED = st.integers(0, 2**32).map(lambda seed: draw(Random(seed))[1].decode("utf-8", "replace"))


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@settings(max_examples=150, deadline=None)
@given(text=_DAMAGED | st.text() | _JSON.map(repr))
@example(text="[" * 100_000)
@example(text='{"a":' * 100_000)
@example(text='{"jobs": [{"error": 1' + "0" * 5000 + "}]}")
@example(text=output("smartctl-seagate-pending.json").replace('"id": 197', '"id": []'))
def test_whatever_is_printed_is_read_or_a_parse_error(parser: Callable[[str], Any], text: str) -> None:
    try:
        parser(text)
    except ParseError as error:
        told = str(error)
    else:
        told = ""
    assert len(told) < 200
