# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MAC addresses as inventories, manifests and leases write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight import check_inventory
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Context, Mac
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.manifest import parse_manifest
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.reported_event import read_event
from ansible_collections.baremetal.bcm.plugins.module_utils._values.mac import canonical_mac, parse_mac

MAC = "A0:36:9F:7C:05:00"
OCTETS = st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets))
FORMS = st.sampled_from([(":", 2), ("-", 2), (" ", 2), (".", 2), (".", 4), ("-", 4), ("-", 6), ("", 12)])
REFUSED = {
    "nothing": ("", "it takes 12 hexadecimal digits"),
    "too short": ("a0369f7c05", "it takes 12 hexadecimal digits"),
    "too long": ("a0369f7c050000", "it takes 12 hexadecimal digits"),
    "eight octets": ("a0:36:9f:7c:05:00:00:00", "it takes 12 hexadecimal digits"),
    "an empty octet": ("a0::36:9f:7c:05", "it takes 12 hexadecimal digits"),
    "another letter": ("a0369f7c050g", "it takes 12 hexadecimal digits"),
    "digits of another script": ("a0369f7c05\u0660\u0660", "it takes 12 hexadecimal digits"),
    "a separator at the end": ("369f7c0500:", "it takes 12 hexadecimal digits"),
    "a number of a spreadsheet": ("1.60E+14", "it takes 12 hexadecimal digits"),
    "two kinds of separators": ("a0:36-9f:7c:05:00", "it mixes separators"),
    "short octets": ("0:36:9f:7c:5:0", "it has an octet with one digit"),
    "all zeros": ("00:00:00:00:00:00", "it is all zeros"),
    "broadcast": ("ff:ff:ff:ff:ff:ff", "it is the broadcast address"),
    "multicast": ("01:00:5e:00:00:01", "it is a multicast address"),
}


@pytest.mark.parametrize(
    "text",
    [
        "A0:36:9F:7C:05:00",
        "a0:36:9f:7c:05:00",
        "a0-36-9f-7c-05-00",
        "a0 36 9f 7c 05 00",
        "a036.9f7c.0500",
        "a036-9f7c-0500",
        "a0369f-7c0500",
        "A0369F7C0500",
        "\u00a0a0369f7c0500 ",
    ],
)
def test_any_usual_notation_is_the_same_address(text: str) -> None:
    assert parse_mac(text) == MAC


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_the_address_of_one_interface_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_mac(text)


@pytest.mark.parametrize(("text", "reason"), [case for case in REFUSED.values() if case[0]], ids=list(REFUSED)[1:])
def test_inventory_manifest_and_lease_refuse_the_same_with_the_same_reason(text: str, reason: str) -> None:
    assert [problem for problem in check_inventory([{"hostname": "n1", "mac": text}]) if reason in str(problem)]
    with pytest.raises(BcmConfigError, match=reason):
        Mac().merge("", text, Context())
    assert reason in parse_manifest(f"server_serial,server_bmc_mac\nS1,{text}\n").faults[0].message
    with pytest.raises(ValueError, match=reason):
        read_event(0, {"event": "dhcp_ack", "mac": text, "ip": "10.0.0.1"})


@given(OCTETS, FORMS, st.booleans())
def test_however_an_address_is_written_it_is_read_the_same(octets: bytes, form: tuple[str, int], upper: bool) -> None:
    separator, width = form
    digits = octets.hex().upper() if upper else octets.hex()
    text = separator.join(digits[start : start + width] for start in range(0, 12, width))

    assert parse_mac(text) == octets.hex(":").upper()
    assert parse_mac(parse_mac(text)) == parse_mac(text)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_is_refused_with_a_reason(text: str) -> None:
    try:
        shown = parse_mac(text)
    except ValueError:
        return
    assert len(shown) == 17


@given(st.text(max_size=20))
def test_what_another_system_stores_is_never_refused(stored: str) -> None:
    assert isinstance(canonical_mac(stored), str)
    assert canonical_mac("00:00:00:00:00:00") == "00:00:00:00:00:00"
