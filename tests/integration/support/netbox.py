# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBox in memory, the Ansible that works on it, and what its modules are run with."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ansible_collections.baremetal.bcm.tests.integration.support.cases import Case
from ansible_collections.baremetal.bcm.tests.integration.support.playbook import Ansible
from ansible_collections.baremetal.bcm.tests.integration.support.rack import Rack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import SNAPSHOT, TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab

# Serial number, name, status, MAC address and address of the BMC.
SERVERS = (
    ("MXP1111111", "dgx-05", "offline", "A0:36:9F:7C:05:00", ""),
    ("MXP1111112", "dgx-06", "offline", "A0:36:9F:7C:05:04", ""),
    ("MXP1111113", "dgx-07", "offline", "", ""),
    ("MXP1111114", "cpu-03", "active", "A0:36:9F:7C:05:10", "10.229.10.20"),
)
_NO_SUCH = "A0:36:9F:7C:05:FF"


@dataclass(frozen=True)
class _Environment:
    """What of a rack concerns Ansible."""

    environment: Mapping[str, str]


@dataclass(frozen=True)
class NetBoxSite:
    """Where a test works."""

    ansible: Ansible
    snapshots: Mapping[str, str]
    module_defaults: Mapping[str, Any]


@contextlib.contextmanager
def netbox_site(directory: Path, **options: Any) -> Iterator[NetBoxSite]:
    """Open a site for as long as the block lasts, with servers that examples and cases speak of."""
    with served(FakeNetBox(NEW, **options)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        for serial, name, state, mac, ip in SERVERS:
            server = lab.server(state, with_mac=False)
            lab.change("dcim/devices", server.id, name=name, serial=serial)
            if mac:
                made = lab.add("dcim/mac-addresses", mac_address=mac, **_assigned(server.interface_id))
                lab.change("dcim/interfaces", server.interface_id, primary_mac_address=made["id"])
            if ip:
                lab.give(server, ip)
        environment = {"NETBOX_URL": netbox.url, "NETBOX_TOKEN": TOKEN}
        yield NetBoxSite(
            ansible=Ansible(cast(Rack, _Environment(environment)), directory / "ansible"),
            snapshots={"INTEGRATION_SNAPSHOTS": f"{netbox.url}{SNAPSHOT}"},
            module_defaults={"baremetal.bcm.netbox_lifecycle": {"lock_path": str(directory / "locks")}},
        )


def _assigned(interface_id: int) -> dict[str, Any]:
    return {"assigned_object_type": "dcim.interface", "assigned_object_id": interface_id}


def _ack(mac: str, ip: str) -> dict[str, Any]:
    return {"event": "dhcp_ack", "mac": mac, "ip": ip, "prefix_length": 24, "hostname": "ilo", "key": mac}


NETBOX_CASES: Mapping[str, tuple[Case, ...]] = {
    "netbox_bmc_mac": (
        Case(
            "a MAC address is set, another is kept",
            {"content": "server_serial,server_bmc_mac\nMXP1111113,a0369f7c0508\nMXP1111114,a0369f7c05aa\n"},
            touches={"dgx-07": ("macs", "journal"), "cpu-03": ("journal",)},
        ),
        Case(
            "all is as the manifest says",
            {"content": "server_serial,server_bmc_mac,rack\nMXP1111113,A0-36-9F-7C-05-08,7\n"},
            changed=False,
        ),
    ),
    "netbox_bootstrap": (
        Case(
            "a custom field, its choices and a tag are created",
            {"state_field": "custom_field:lifecycle", "tags": ["intake"]},
            touches={"lifecycle": None, "lifecycle states": None, "intake": None},
        ),
        Case(
            "the fields for results of validations and for claims are created",
            {"validation": True},
            touches={"validation_result": None, "bmc_claim": None, "bmc_certificate": None},
        ),
        Case("statuses are read", {}, changed=False),
    ),
    "netbox_validation": (
        Case("nothing is allowed", {"names": ["dgx-05"], "fail_on_error": False}, changed=False),
        Case(
            "a server that is not discovered is refused",
            {"names": ["cpu-03", "nobody"], "fail_on_error": False, "watch_only": True},
            changed=False,
        ),
    ),
    "netbox_lifecycle": (
        Case(
            "leases",
            {"events": [_ack("a0:36:9f:7c:05:00", "10.229.10.11"), _ack("a0:36:9f:7c:05:04", "10.229.10.12")]},
            touches={"dgx-05": ("status", "addresses", "journal"), "dgx-06": ("status", "addresses", "journal")},
        ),
        Case(
            "the address of a discovered server is refreshed",
            {"events": [_ack("a0:36:9f:7c:05:04", "10.229.10.13")]},
            touches={"dgx-06": ("addresses", "journal"), "10.229.10.12/24": None},
        ),
        Case(
            "one story of one server",
            {
                "events": [
                    {"event": "validation_passed", "device": "dgx-05", "reason": "no errors"},
                    {"event": "hardening_passed", "device": "dgx-05"},
                    {"event": "provisioned", "device": "dgx-05"},
                    {"event": "quarantined", "device": "dgx-05", "reason": "two bad DIMMs"},
                ]
            },
            touches={"dgx-05": ("status", "journal")},
            # Sent again, most of it no longer fits the device's state, which is recorded in the journal once.
            repeats=True,
        ),
        Case(
            "what NetBox contradicts is recorded once",
            {"events": [_ack("a0:36:9f:7c:05:10", "10.229.10.99"), {"event": "provisioned", "device": "dgx-06"}]},
            touches={"cpu-03": ("journal",), "dgx-06": ("journal",)},
        ),
        Case("a machine that NetBox does not know", {"events": [_ack(_NO_SUCH, "10.229.10.98")]}, changed=False),
    ),
}


def prepare_hardening(lab: Lab) -> None:
    """Make the custom fields that netbox_bootstrap makes for hardening."""
    for name, kind in (("bmc_claim", "json"), ("bmc_certificate", "text")):
        lab.add("extras/custom-fields", name=name, type=kind, object_types=["dcim.device"])
