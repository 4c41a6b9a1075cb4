# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.log_line import log_line


def test_plain_values_stand_as_they_are_and_others_are_quoted() -> None:
    assert log_line("seen", mac="02:00:00:00:00:0a", count=3, reason="no such device") == (
        'event=seen mac=02:00:00:00:00:0a count=3 reason="no such device"'
    )


@given(st.text())
def test_no_value_breaks_the_line_or_forges_another_key(text: str) -> None:
    written = log_line("seen", text=text, last=1)
    assert written.isascii()
    assert written.isprintable()
    assert written.startswith(('event=seen text="', "event=seen text=" + text[:1]))
    assert written.endswith(" last=1")
    value = written[len("event=seen text=") : -len(" last=1")]
    assert value == text or json.loads(value) == text
