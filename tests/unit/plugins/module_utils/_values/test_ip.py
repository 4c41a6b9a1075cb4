# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._values.ip import parse_ip


@pytest.mark.parametrize("text", ["10.141.0.1", " 10.141.0.1 ", "0.0.0.0", "255.255.255.255"])
def test_four_numbers_are_an_address(text: str) -> None:
    assert parse_ip(text) == text.strip()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.141.0.256", "'10.141.0.256' is not an IPv4 address: it has a number above 255; write it as 10.141.0.1"),
        ("10.141.0.1/16", "'10.141.0.1/16' is not an IPv4 address: it takes no prefix length"),
        ("010.141.0.1", "'010.141.0.1' is not an IPv4 address: it has a number with a leading zero"),
        ("10.141.0", "'10.141.0' is not an IPv4 address: it takes four numbers"),
        ("fd00::1", "not an IPv4 address: it is an IPv6 address, which is not set here"),
        ("fd00::1/64", "not an IPv4 address: it is an IPv6 address"),
        ("", "not an IPv4 address: it takes four numbers"),
        ("node1.example", "not an IPv4 address: it takes four numbers"),
        ("\u0661.1.1.1", "not an IPv4 address: it takes four numbers"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}"):
        parse_ip(text)


@pytest.mark.parametrize("text", ["hunter2", "fd00::beef", "node1.example", "1.2.3.x"])
def test_what_is_no_address_even_in_form_is_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="not an IPv4 address") as refused:
        parse_ip(text)

    assert text not in str(refused.value)
