# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens with exactly the rights that docs/netbox-rights.md lists, and with one right less."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.test_bmc_macs import Manifests

PAGE = Path(__file__).parents[2] / "docs/netbox-rights.md"
Result = dict[str, Any]
Job = Callable[[Lab], Result]


def documented() -> dict[str, list[str]]:
    """The rights of each row of the page, by the row's first cell; rows that begin with … are of the module above."""
    rows, module = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 2 or cells[1] == "needs":
            continue
        module = module if cells[0].startswith("…") else cells[0]
        rows[cells[0] if cells[0] == module else f"{module} {cells[0]}"] = re.findall(r"`([a-z]+\.[a-z_]+)`", cells[1])
    return rows


def rights(module: str, *more: str) -> list[str]:
    """What a module needs of this NetBox, with these rows beside its own."""
    rows = {name: found for name, found in documented().items() if module in name.partition("…")[0]}
    assert rows, module
    wanted = []
    for name, found in rows.items():
        extra = name.partition("… ")[2]
        if not extra or extra in more:
            wanted += found
    return wanted


def since(lab: Lab) -> tuple[str, ...]:
    return ("from NetBox 4.2 on" if lab.has_macs else "before NetBox 4.2",)


# What a module needs for other work than that of its job here: it creates its custom field, and does not change one.
SPARE = {"dcim.add_device", "extras.change_customfield", "extras.change_customfieldchoiceset"}


@pytest.fixture(params=["netbox_lifecycle", "netbox_lifecycle with vrf", "netbox_bmc_mac", "tags", "custom field"])
def job(request: pytest.FixtureRequest, lab: Lab, modules: Modules, tmp_path: Path) -> tuple[list[str], Job]:
    """A module's work that needs all of its rights, and these."""
    if request.param.startswith("netbox_lifecycle"):
        vrf = lab.new_name("vrf") if "vrf" in request.param else None
        if vrf:
            lab.add("ipam/vrfs", name=vrf)
        server, moved, free, old = lab.server(), lab.server("discovered"), lab.new_ip(), lab.new_ip()
        lab.give(moved, old)
        events = [ack(server.mac, lab.new_ip()), ack(moved.mac, free)]
        options: Result = {"events": events, **({"vrf": vrf} if vrf else {})}
        wanted = rights("netbox_lifecycle", *(["with `vrf`"] if vrf else []))
        return wanted, lambda few: modules.run("netbox_lifecycle", few, **options)
    if request.param == "netbox_bmc_mac":
        serials = [Manifests(lab, tmp_path).new()[1] for _row in range(2)]
        macs = [lab.new_mac() for _row in range(2)]
        if lab.has_macs:
            lab.add("dcim/mac-addresses", mac_address=macs[1])
        rows = list(zip(serials, macs, strict=True))
        return rights("netbox_bmc_mac", *since(lab)), lambda few: Manifests(few, tmp_path).load(*rows)
    if request.param == "tags":
        tag = lab.new_name("tag")
        return rights("netbox_bootstrap", "with `tags`"), lambda few: modules.run("netbox_bootstrap", few, tags=[tag])
    name = f"rights_{lab.tag}"
    more = [
        "with `state_field: custom_field:NAME`, `validation` or `hardening`",
        *(["and from NetBox 3.6 on"] if lab.version >= (3, 6) else []),
    ]
    return rights("netbox_bootstrap", *more), lambda few: modules.run(
        "netbox_bootstrap", few, state_field=f"custom_field:{name}"
    )


def is_complete(result: Result) -> bool:
    return not result.get("failed") and not result.get("failures") and result["changed"]


def test_the_rights_that_are_documented_are_enough(lab: Lab, job: tuple[list[str], Job]) -> None:
    wanted, work = job

    result = work(lab.restricted(*wanted))

    assert is_complete(result), result


def test_a_right_that_is_missing_is_named_before_anything_is_written(lab: Lab, job: tuple[list[str], Job]) -> None:
    wanted, work = job
    spare = SPARE if "extras.add_customfield" in wanted else set()
    results = {
        right: work(lab.restricted(*(each for each in wanted if each != right))) for right in sorted({*wanted} - spare)
    }

    assert [right for right, result in results.items() if right not in str(result.get("msg"))] == []
    assert [right for right, result in results.items() if result.get("changed")] == []


def test_a_token_that_may_not_write_is_one_sentence(lab: Lab, modules: Modules) -> None:
    server = lab.server()
    few = lab.restricted("dcim.view_device", "dcim.view_interface", "ipam.view_ipaddress", "extras.view_journalentry")

    message = modules.bad("netbox_lifecycle", few, events=[ack(server.mac, lab.new_ip())])

    assert message.startswith(
        "the token lacks rights in NetBox: dcim.change_device, extras.add_journalentry, ipam.add_ipaddress; "
    )


def test_what_the_token_may_not_see_is_not_called_deleted(lab: Lab, modules: Modules) -> None:
    server, other = lab.server(), lab.server()
    seen = {"dcim.view_device": {"id": other.id}}
    few = lab.restricted(*rights("netbox_lifecycle"), constraints=seen)

    result = modules.event(few, ack(server.mac, lab.new_ip()))

    assert result["outcome"] == "not_found"
    assert result["message"].endswith("or the token's user is not allowed to view it")


def test_an_address_that_the_token_may_not_see_is_not_called_unassigned(lab: Lab, modules: Modules) -> None:
    if lab.version < (4, 0):
        pytest.skip("NetBox 3.2 does not enforce unique addresses unless it is told to")
    server, owner, ip, other = lab.server(), lab.server("active"), lab.new_ip(), lab.new_ip()
    lab.give(owner, ip)
    few = lab.restricted(*rights("netbox_lifecycle"), constraints={"ipam.view_ipaddress": {"address": f"{other}/24"}})

    message = modules.bad("netbox_lifecycle", few, events=[ack(server.mac, ip)])

    assert f"NetBox does not show the address {ip} that it has: the token's user must be allowed to view it" in message


def test_the_change_log_gets_a_message_with_every_change(lab: Lab, modules: Modules) -> None:
    server, said = lab.server(), "ticket 4711"
    events = [ack(server.mac, lab.new_ip())]
    if lab.version < (4, 4):
        assert modules.bad("netbox_lifecycle", lab, events=events, changelog_message=said) == (
            "changelog_message needs NetBox 4.4 or newer"
        )
        assert lab.state(server) == "offline"
        return

    assert modules.event(lab, events[0], changelog_message=said)["outcome"] == "changed"

    changes = lab.find("core/object-changes", changed_object_id=server.id, changed_object_type="dcim.device")
    assert said in [each["message"] for each in changes]
