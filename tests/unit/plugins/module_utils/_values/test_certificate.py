# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._values.certificate import certificates_in, end_of

from .._https.certificates import make_certificate

FIRST_S, LAST_S = -300_000_000, 7_000_000_000


def at(unix_s: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(seconds=unix_s)


# Both forms of a time: two digits of the year up to 2049, four from 2050 on.
@given(st.integers(FIRST_S, LAST_S))
def test_the_end_of_a_certificate_is_read_whatever_its_form(end_s: int) -> None:
    assert end_of(make_certificate("bcm-head", at(end_s)).der) == end_s


def test_every_certificate_of_a_file_is_read_whatever_stands_between_them() -> None:
    ends = [1_900_000_000, 2_900_000_000]
    pems = [make_certificate("bcm-head", at(end)).pem.decode() for end in ends]

    ders = certificates_in("comment\n" + "\nbetween\n".join(pems))

    assert [end_of(der) for der in ders] == ends
    assert certificates_in("nothing") == []


def test_a_broken_file_is_refused() -> None:
    with pytest.raises(ValueError, match="base64"):
        certificates_in("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----")


GOOD = make_certificate("bcm-head").der


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8), st.booleans())
def test_broken_bytes_are_refused_or_give_a_time_and_nothing_else_happens(
    where: int, instead: bytes, has_rest: bool
) -> None:
    broken = GOOD[:where] + instead + (GOOD[where + 1 :] if has_rest else b"")

    try:
        end_s = end_of(broken)
    except ValueError:
        return
    assert isinstance(end_s, int)
