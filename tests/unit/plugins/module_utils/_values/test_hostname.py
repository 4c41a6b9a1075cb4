# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host names that machines give themselves: one rule for the tap and for all others."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import packet
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import read_event
from ansible_collections.baremetal.bcm.plugins.module_utils._values.hostname import clean_hostname

# What NetBox takes in a dns_name, beside dots between labels and asterisks.
IN_A_DNS_NAME = {*string.ascii_letters, *string.digits, "-", "_"}


def in_the_lifecycle(name: str) -> str:
    return read_event(0, {"event": "dhcp_ack", "device": "dgx-05", "ip": "10.229.10.11", "hostname": name}).hostname


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Demo_GPU 01.example.com", "demo-gpu-01"),
        ("node1", "node1"),
        ("iLO_MXQ1", "ilo-mxq1"),
        ("node1\0.example.com", "node1"),
        (" -a- ", "a"),
        ("", ""),
        ("...", ""),
        ("é", ""),
        ("\u212a\u0130", ""),
        ("été", "t"),
        ("node\uff11", "node"),
        ("{{ lookup('pipe', 'id') }}", "lookup-pipe-id"),
        ("x" * 255, "x" * 63),
        (f"{'x' * 62}__y", "x" * 62),
    ],
)
def test_a_host_name_becomes_a_label(name: str, label: str) -> None:
    assert clean_hostname(name) == packet.clean_hostname(name.encode()) == in_the_lifecycle(name) == label


@given(st.text(max_size=300))
def test_a_host_name_has_one_result_in_the_tap_and_in_the_lifecycle(name: str) -> None:
    assert packet.clean_hostname(name.encode()) == clean_hostname(name) == in_the_lifecycle(name)


@given(st.text(st.characters(max_codepoint=127), max_size=100))
def test_a_host_name_of_ascii_has_one_result_in_the_tap_and_in_the_lifecycle(name: str) -> None:
    assert packet.clean_hostname(name.encode()) == clean_hostname(name) == in_the_lifecycle(name)


@given(st.binary(max_size=300))
def test_what_the_tap_has_cleaned_stays_as_it_is_in_the_lifecycle(name: bytes) -> None:
    assert in_the_lifecycle(packet.clean_hostname(name)) == packet.clean_hostname(name)


@given(st.text(max_size=300))
def test_a_cleaned_host_name_is_empty_or_one_that_netbox_takes(name: str) -> None:
    label = clean_hostname(name)

    assert set(label) <= IN_A_DNS_NAME
    assert len(label) <= 63
    assert clean_hostname(label) == label
