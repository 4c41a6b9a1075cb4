# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manifest of BMC MAC addresses, as manufacturers and spreadsheets write it."""

from __future__ import annotations

import contextlib
import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.manifest import (
    Fault,
    Manifest,
    ManifestError,
    ManifestRow,
    Repeat,
    decode_manifest,
    parse_manifest,
)

HEADER = "server_serial,server_bmc_mac\n"
MAC = "A0:36:9F:7C:05:00"


def parse(*lines: str, header: str = HEADER) -> Manifest:
    return parse_manifest(header + "\n".join(lines))


def faults_of(manifest: Manifest) -> dict[int, str]:
    return {fault.line: fault.message for fault in manifest.faults}


class TestFile:
    def test_the_seeds_example_is_one_row(self) -> None:
        assert parse("MXP1111111,A0:36:9F:7C:05:00").rows == (ManifestRow(2, "MXP1111111", MAC),)

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_may_end_as_any_system_ends_them(self, end: str) -> None:
        manifest = parse_manifest(end.join(["server_serial,server_bmc_mac", "S1,a0369f7c0500", "S2,a0369f7c0501", ""]))

        assert [(row.line, row.serial) for row in manifest.rows] == [(2, "S1"), (3, "S2")]

    def test_columns_may_come_in_any_order_and_case_and_others_are_named_and_ignored(self) -> None:
        manifest = parse("1,a0369f7c0500,rack 7,S1", header="Pos,Server_BMC_MAC , Note,SERVER_SERIAL\n")

        assert manifest.rows == (ManifestRow(2, "S1", MAC),)
        assert manifest.ignored_columns == ("'pos'", "'note'")

    def test_blank_lines_and_lines_of_commas_are_nothing(self) -> None:
        manifest = parse_manifest("\n\n" + HEADER + "\n,\n  \nS1,a0369f7c0500\n\n")

        assert manifest == Manifest((ManifestRow(7, "S1", MAC),), (), ())

    def test_quoting_and_spaces_are_no_part_of_a_value(self) -> None:
        assert parse('"S1", "A0:36:9F:7C:05:00"', " S2 ,a0369f7c0501 ").rows == (
            ManifestRow(2, "S1", MAC),
            ManifestRow(3, "S2", "A0:36:9F:7C:05:01"),
        )

    def test_a_note_of_several_lines_does_not_shift_the_line_numbers(self) -> None:
        manifest = parse(
            'S1,a0369f7c0500,"two', 'lines"', "S2,a0369f7c0501,", header="server_serial,server_bmc_mac,note\n"
        )

        assert [row.line for row in manifest.rows] == [2, 4]

    @pytest.mark.parametrize(
        "content", [HEADER.encode() + b"S1,a0369f7c0500", b"\xef\xbb\xbf" + HEADER.encode() + b"S1,a0369f7c0500"]
    )
    def test_a_byte_order_mark_is_no_part_of_the_header(self, content: bytes) -> None:
        assert parse_manifest(decode_manifest(content)).rows == (ManifestRow(2, "S1", MAC),)
        assert parse_manifest(content.decode()).rows == (ManifestRow(2, "S1", MAC),)

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (HEADER.encode("utf-16"), "it is UTF-16"),
            (b"PK\x03\x04\x14\x00", "it is a spreadsheet, not CSV"),
            (b"a,b\r\nS1,x\r\nK\xfchl,x", "line 3 is not UTF-8"),
        ],
    )
    def test_what_is_not_text_is_refused_with_what_to_do(self, content: bytes, said: str) -> None:
        with pytest.raises(ManifestError, match=said) as raised:
            decode_manifest(content)

        assert "save it as CSV in UTF-8" in str(raised.value)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "it is empty; the first line must be server_serial,server_bmc_mac"),
            ("\n\n", "it is empty"),
            (HEADER, "there is no row below the header"),
            ("S1,a0369f7c0500\n", "server_serial and server_bmc_mac are not in it: it has 's1', 'a0369f7c0500'"),
            ("\nserver_serial,mac\nS1,x", "line 2 must be a header .* server_bmc_mac is not in it"),
            ("server_serial;server_bmc_mac\nS1;x", "columns are separated by commas"),
            ("server_serial\tserver_bmc_mac\nS1\tx", "columns are separated by commas"),
            ("server_serial,server_bmc_mac,server_serial\n", "has server_serial more than once"),
            ('"server_serial,server_bmc_mac\nS1,x', "line 1, the header: it can't be read as CSV"),
        ],
    )
    def test_a_file_without_header_or_rows_is_refused_as_a_whole(self, text: str, said: str) -> None:
        with pytest.raises(ManifestError, match=said):
            parse_manifest(text)


class TestLines:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("S1", "it has 1 column, the header 2"),
            ("S1,a0369f7c0500,x", "it has 3 columns, the header 2"),
            (",a0369f7c0500", "it has no serial number"),
            ("S1,", "it has no MAC address"),
            ("S1,1.60E+14", "'1.60E\\+14' is not a MAC address"),
            ("S1,ff:ff:ff:ff:ff:ff", "FF:FF:FF:FF:FF:FF is not the address of one interface"),
            ("S\x1b[2J,a0369f7c0500", "has characters that can't be printed"),
            ("S" * 51 + ",a0369f7c0500", "longer than the 50 characters"),
            ('"S1,a0369f7c0500', "it can't be read as CSV: .*quotation mark"),
            ('"S1"x,a0369f7c0500', "it can't be read as CSV"),
        ],
    )
    def test_a_line_that_cannot_be_used_is_reported_and_the_others_are_read(self, line: str, said: str) -> None:
        manifest = parse("S0,a0369f7c05f0", line, "S9,a0369f7c05f9")

        assert [row.line for row in manifest.rows] == [2, 4]
        assert [fault.line for fault in manifest.faults] == [3]
        assert re.search(said, manifest.faults[0].message)

    def test_a_fault_tells_what_stands_in_its_line(self) -> None:
        assert parse(" S1 , zz ").faults == (
            Fault(
                2,
                "'zz' is not a MAC address: it takes 12 hexadecimal digits; write it as A0:36:9F:7C:05:00",
                "S1",
                "zz",
            ),
        )

    def test_what_a_fault_tells_does_nothing_to_a_terminal(self) -> None:
        (fault,) = parse("S\x1b[2J,\x1b]0;" + "x" * 999).faults

        assert (fault.serial, fault.mac[:7], len(fault.mac)) == ("S\ufffd[2J", "\ufffd]0;xxx", 50)
        assert fault.message.isprintable()

    @pytest.mark.parametrize(
        "lines",
        [
            ('"S1,a0369f7c0501', "S2,a0369f7c0502", "S3,a0369f7c0503"),
            ('"S1,a0369f7c0501', 'S2,a0369f7c0502"', "S3,a0369f7c0503"),
            ('S1,"a0369f7c0501', "S2,a0369f7c0502", '"S3",a0369f7c0503'),
            ('S1,"a0369f7c0501', 'S2"', "S2,a0369f7c0502", "S3,a0369f7c0503"),
        ],
    )
    def test_a_quotation_mark_nobody_closes_swallows_no_other_line(self, lines: tuple[str, ...]) -> None:
        manifest = parse(*lines)

        assert 2 in faults_of(manifest)
        assert [row.serial for row in manifest.rows][-1] == "S3"
        lines_known = {row.line for row in manifest.rows} | set(faults_of(manifest))
        assert lines_known == set(range(2, 2 + len(lines)))

    def test_reading_on_after_many_open_quotation_marks_takes_no_square_of_them(self) -> None:
        manifest = parse(*('"S,a0369f7c0501' for number in range(20_001)))

        assert len(manifest.faults) == 20_001


class TestDuplicates:
    def test_a_line_that_says_the_same_again_is_a_repeat_of_the_first(self) -> None:
        manifest = parse("S1,a0369f7c0500", "S2,a0369f7c0501", "s1,A0-36-9F-7C-05-00")

        assert [row.line for row in manifest.rows] == [2, 3]
        assert manifest.repeats == (Repeat(ManifestRow(4, "s1", MAC), 2),)
        assert not manifest.faults

    def test_a_serial_number_with_two_addresses_is_a_fault_of_each_of_its_lines(self) -> None:
        manifest = parse("S1,a0369f7c0500", "S2,a0369f7c0501", "S1,a0369f7c0502")

        assert [row.serial for row in manifest.rows] == ["S2"]
        said = "lines 2 and 4 give serial number S1 different MAC addresses"
        assert faults_of(manifest) == {2: said, 4: said}

    def test_an_address_of_two_serial_numbers_is_a_fault_of_each_of_its_lines(self) -> None:
        manifest = parse("S1,a0369f7c0500", "S2,a036.9f7c.0500", "S3,a0369f7c0502", "S4,a0369f7c0500")

        assert [row.serial for row in manifest.rows] == ["S3"]
        said = "lines 2, 3 and 5 give MAC address A0:36:9F:7C:05:00 to different serial numbers"
        assert faults_of(manifest) == {2: said, 3: said, 5: said}

    def test_a_message_names_few_of_many_lines(self) -> None:
        manifest = parse(*(f"S{number},a0369f7c0500" for number in range(1000)))

        assert len(manifest.faults) == 1000
        assert manifest.faults[0].message.startswith("lines 2, 3, 4, 5, 6 and 995 more give ")


OCTETS = st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets))
SERIALS = st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), min_size=1, max_size=20)


@given(st.dictionaries(SERIALS, OCTETS, min_size=1), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_what_a_csv_writer_wrote_is_read_back_in_its_order(servers: dict[str, bytes], quoting: int) -> None:
    unique = {octets: serial for serial, octets in servers.items()}
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows(
        [("server_serial", "server_bmc_mac"), *((serial, octets.hex()) for octets, serial in unique.items())]
    )

    manifest = parse_manifest(text.getvalue())

    assert [(row.serial, row.mac) for row in manifest.rows] == [
        (serial, octets.hex(":").upper()) for octets, serial in unique.items()
    ]
    assert not manifest.faults


@given(st.lists(st.text(st.sampled_from(list('ABC,"\n\r 0123456789abcdef:.-;\x00é')), max_size=40), max_size=12))
def test_whatever_stands_in_a_file_each_line_is_mentioned_at_most_once(lines: list[str]) -> None:
    try:
        manifest = parse("S1,a0369f7c0500", *lines)
    except ManifestError as error:
        pytest.fail(f"a file with a header was refused as a whole: {error}")
    mentioned = [*(row.line for row in manifest.rows), *(fault.line for fault in manifest.faults)]
    mentioned += [repeat.row.line for repeat in manifest.repeats]

    assert len(mentioned) == len(set(mentioned))
    assert 2 in mentioned


@given(st.binary(max_size=60))
def test_no_file_whatever_ends_in_a_traceback(content: bytes) -> None:
    with contextlib.suppress(ManifestError):
        parse_manifest(decode_manifest(content))
