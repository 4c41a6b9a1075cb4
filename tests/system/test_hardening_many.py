# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many BMCs at once, some of them in trouble. HARDENING_SERVERS is how many; `make test-system` takes 24."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.vendors import (
    VendorRack,
    machine_of,
    vendor_rack,
)
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Result

COUNT = int(os.environ.get("HARDENING_SERVERS", "24"))
MODES = ("idrac", "ilo", "supermicro", "lenovo")
MACHINES = [machine_of(MODES[number % len(MODES)], number + 1) for number in range(COUNT)]
DEAD, WRONG, HANGING = (MACHINES[1]["name"], MACHINES[6]["name"]), MACHINES[11]["name"], MACHINES[16]["name"]
PROFILE = {
    "controls": {"ntp": ["10.0.0.1"], "syslog": ["10.0.0.3"], "factory_accounts_off": None, "telnet": None},
    # Of these it is not known whether they have it.
    "device_types": {name: {"controls": {"lockdown": None}} for name in ("ilo", "lenovo")},
}


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VendorRack]:
    with vendor_rack(tmp_path_factory.mktemp("many"), MACHINES) as found:
        for name in DEAD:
            found.rack.break_something("bmc_away", node=name)
        found.rack.break_something("never_boots", node=HANGING)
        yield found


def servers(rack: VendorRack, **more: Any) -> list[dict[str, Any]]:
    wrong = {"password": "not-the-password"}
    return [
        rack.server(name, device_type=name.rpartition("-")[0], **more, **(wrong if name == WRONG else {}))
        for name in rack.names
    ]


def timed(work: Callable[[], Result], what: str) -> Result:
    """Do something, and print what it cost this process, for those who look."""
    began_s, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF)
    done = work()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = spent.ru_utime + spent.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what} of {COUNT}: {time.monotonic() - began_s:.1f} s, {cpu_s:.1f} CPU s")  # noqa: T201
    return done


def ends(result: Result) -> dict[str, tuple[str, str]]:
    """Give class and phase of every failure."""
    return {
        name: (server["failure"], server["phase"]) for name, server in result["servers"].items() if server["failure"]
    }


def test_of_many_bmcs_those_in_trouble_are_named_and_all_others_are_done(rack: VendorRack) -> None:
    lost = {DEAD[0]: ("unreachable", "login"), DEAD[1]: ("unreachable", "login"), WRONG: ("credentials", "login")}

    # Time passes 60 times as fast for the deadlines, too.
    options = {"profile": PROFILE, "fail_on_error": False, "deadline": 7200}
    audited = timed(lambda: rack.audit(servers=servers(rack), **options), "audit")
    more = {"servers": servers(rack, state="staged"), "max_rebooting": 64, "reboot_timeout": 900}
    hardened = timed(lambda: rack.harden(**options, **more), "hardening")

    assert ends(audited) == lost
    assert ends(hardened) == {**lost, HANGING: ("timed_out", "reboot")}, hardened["failures"]
    assert set(hardened["failures"]) == {*lost, HANGING}
    assert "did not come within 900 s" in hardened["failures"][HANGING]
    assert len(hardened["compliant"]) == COUNT - 4
    refused = rack.counted("refused_logins")
    assert {name: count for name, count in refused.items() if count} == {WRONG: 2}
    assert {name: open_ for name, open_ in rack.sessions().items() if open_} == {}
