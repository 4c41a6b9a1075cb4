# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import vendor
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.vendor import (
    VendorConfigError,
    vendor_filter,
    vendor_of,
)


def _seen(mac: str) -> Sighting:
    return Sighting(mac=mac, ip="192.0.2.1")


@pytest.mark.parametrize(
    "mac",
    [
        "00:00:01:00:00:00",
        "02:00:00:00:00:0a",  # locally administered: no vendor's
        "00:00:00:00:00:00",
        "fc:ff:ff:00:00:00",
    ],
)
def test_any_mac_address_has_a_vendor_or_none(mac: str) -> None:
    assert isinstance(vendor_of(mac), str)


def test_a_locally_administered_address_has_no_vendor() -> None:
    assert vendor_of("02:00:00:00:00:0a") == ""
    # In the list since before that bit had its meaning.
    assert vendor_of("02:07:01:00:00:01") == ""


def test_without_a_filter_everything_is_wanted() -> None:
    assert vendor_filter([])(_seen("02:00:00:00:00:0a"))


@pytest.mark.parametrize("prefix", ["a0:36:9f", "A0-36-9F", " a0:36:9f "])
def test_the_first_three_bytes_filter(prefix: str) -> None:
    is_wanted = vendor_filter([prefix])
    assert is_wanted(_seen("a0:36:9f:00:00:01"))
    assert not is_wanted(_seen("a0:36:9e:00:00:01"))


def test_part_of_a_vendors_name_filters_in_any_case() -> None:
    is_wanted = vendor_filter(["dell"])
    assert is_wanted(_seen("14:18:77:00:00:01"))
    assert not is_wanted(_seen("a0:36:9f:00:00:01"))
    assert not is_wanted(_seen("02:00:00:00:00:01"))


def test_an_empty_element_is_refused_because_it_would_match_everything() -> None:
    with pytest.raises(VendorConfigError, match="empty"):
        vendor_filter(["dell", " "])


def test_without_netaddr_there_are_no_hints_and_names_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "NETADDR_IMPORT_ERROR", ImportError())
    assert vendor_of("a0:36:9f:00:00:01") == ""
    assert vendor_filter(["a0:36:9f"])(_seen("a0:36:9f:00:00:01"))
    with pytest.raises(VendorConfigError, match="netaddr is missing; install it"):
        vendor_filter(["dell"])
