# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boot scripts say what they are to say, whatever names and settings hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._validation_server.boot_scripts import (
    Offer,
    ScriptError,
    grub_file_name,
    render_grub,
    render_ipxe,
    render_ipxe_wait,
)

RUN, TOKEN = "00000000-0000-4000-8000-000000000000", "ab" * 32


def offer(**other: object) -> Offer:
    return Offer(**{"url": "http://192.0.2.1:8080", "run": RUN, "token": TOKEN, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("render", [render_ipxe, render_grub])
@given(name=st.text())
def test_a_name_adds_no_line_and_no_word_of_the_language(render: object, name: str) -> None:
    script: str = render(offer(name=name))  # type: ignore[operator]
    plain: str = render(offer(name="x"))  # type: ignore[operator]

    said = [line for line in script.splitlines() if "Validation of" in line]
    others = [line for line in script.splitlines() if "Validation of" not in line]
    assert others == [line for line in plain.splitlines() if "Validation of" not in line]
    assert all(re.fullmatch(r"echo '?Validation of [A-Za-z0-9. -]+'?", line) for line in said)
    assert script.isascii()


def test_both_scripts_carry_the_same_arguments_for_the_kernel() -> None:
    words = f"bm.server=http://192.0.2.1:8080 bm.run={RUN} bm.token={TOKEN} console=tty0 console=ttyS0 quiet panic=10"

    assert f"initrd=initrd {words} || goto disk" in render_ipxe(offer())
    assert f"linux /boot/vmlinuz {words}\n" in render_grub(offer(), "/boot")


@pytest.mark.parametrize("bad", ["a b", "a;b", "a'b", 'a"b', "a$b", "${x}", "a\nb", "a&&b", "a|b", "", "ä"])
def test_a_setting_that_a_script_would_read_as_its_own_is_refused(bad: str) -> None:
    for field in ("run", "token", "kernel", "initrd"):
        with pytest.raises(ScriptError):
            offer(**{field: bad})
    with pytest.raises(ScriptError):
        offer(arguments=[bad])
    with pytest.raises(ScriptError):
        offer(url=f"http://192.0.2.1/{bad or ' '}")


def test_who_waits_asks_again_with_what_ipxe_knows() -> None:
    assert "mac=${net0/mac:hexhyp}&serial=${serial:uristring}" in render_ipxe_wait("http://192.0.2.1:8080")


def test_grub_looks_for_this_file() -> None:
    assert grub_file_name("A0:36:9F:7C:05:00") == "grub.cfg-01-a0-36-9f-7c-05-00"
