# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module is run with to show what all modules promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NEW_NODE = {
    "hostname": "cpu-06",
    "mac": "B8:CE:F6:D9:47:D0",
    "category": "default",
    "interfaces": [
        {"name": "BOOTIF", "type": "physical", "ip": "10.184.162.105", "network": "dgxnet", "bootable": True},
        {"name": "ipmi0", "type": "bmc", "ip": "10.229.10.17", "network": "oob-mgmt"},
    ],
    "bmc_settings": {"username": "bmcadmin", "password": "demo-bmc-password"},
}


@dataclass(frozen=True)
class Case:
    """Options of one run of a module, and what it must do.

    `touches` are the keys that may differ afterwards, by entity; an entity that is not in it may not differ at all,
    and one whose keys are None may appear or disappear. `repeats` marks what acts every time by its nature.
    """

    name: str
    options: Mapping[str, Any]
    changed: bool = True
    touches: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    repeats: bool = False


# What provisioning notes on a device.
_NOTES = ("extra_values",)

# They may still be booting after the case before.
_CUT = {"allow_up": True, "allow_claimed": True}

# The rack: dgx-05, dgx-06, cpu-03 and cpu-05 are registered; dgx-06 and cpu-05 are UP, the others off.
CASES: Mapping[str, tuple[Case, ...]] = {
    "bcm_bmc_info": (
        Case(
            "a BMC that does not answer",
            {
                "names": ["dgx-05"],
                "bmcs": [{"name": "dgx-05", "address": "127.0.0.1", "port": 9, "password": "another-bmc-password"}],
                "ipmi_connect_timeout": 0.2,
                "ipmi_tries": 1,
                "ipmi_deadline": 1,
            },
            changed=False,
        ),
    ),
    "bcm_category": (
        Case("one is created", {"name": "fresh", "clone_from": "default", "notes": "new"}, touches={"fresh": None}),
        Case(
            "named fields change",
            {
                "name": "fresh",
                "kernel_parameters": "iommu=pt",
                "boot_loader": "grub2",
                "install_mode": "FULL",
                "bmc_settings": {"username": "bmcadmin", "password": "demo-bmc-password"},
                "fsmounts": [{"mountpoint": "/scratch", "device": "nfs:/scratch", "filesystem": "nfs"}],
                "modules": [{"name": "nvidia"}],
                "services": [{"name": "ntpd", "monitored": True}],
                "roles": [{"name": "storage"}],
                "gpu_settings": [{"name": "0-3", "power_limit": 300}],
                "finalize": "#!/bin/sh\ntrue\n",
            },
            touches={
                "fresh": (
                    "kernelParameters",
                    "bootLoader",
                    "installMode",
                    "bmcSettings",
                    "fsmounts",
                    "modules",
                    "services",
                    "roles",
                    "gpuSettings",
                    "finalize",
                )
            },
        ),
        Case("one is removed", {"name": "fresh", "state": "absent"}, touches={"fresh": None}),
    ),
    "bcm_categories": (
        Case(
            "two are created, one a copy of the other, and one is changed",
            {
                "categories": [
                    {"name": "fresh", "clone_from": "default", "notes": "new"},
                    {"name": "copy", "clone_from": "fresh", "kernel_parameters": "quiet"},
                    {"name": "default", "bmc_settings": {"username": "bmcadmin", "password": "demo-bmc-password"}},
                ]
            },
            touches={"fresh": None, "copy": None, "default": ("bmcSettings",)},
        ),
        Case(
            "one changes what its nodes are installed with",
            {
                "categories": [{"name": "default", "software_image": "ubuntu-22.04-nvidia-550"}],
                "members": ["dgx-05", "dgx-06", "cpu-03", "cpu-05"],
            },
            touches={"default": ("softwareImageProxy",)},
        ),
        Case(
            "one that fails leaves the other alone",
            {
                "categories": [
                    {"name": "copy", "software_image": "no-such-image"},
                    {"name": "fresh", "notes": "newer"},
                ],
                "fail_on_error": False,
            },
            touches={"fresh": ("notes",)},
        ),
        Case(
            "two are removed",
            {"categories": [{"name": name, "state": "absent"} for name in ("fresh", "copy")]},
            touches={"fresh": None, "copy": None},
        ),
    ),
    "bcm_category_info": (
        Case("all are listed", {}, changed=False),
        Case("one", {"names": ["default"]}, changed=False),
    ),
    "bcm_claim": (
        Case(
            "a node that is to be changed is claimed, another is not",
            {"devices": [{"hostname": "dgx-05", "notes": "claimed"}, {"hostname": "cpu-03"}]},
            changed=False,
            touches={"dgx-05": _NOTES},
        ),
        Case("all claims are given back", {"state": "absent"}, changed=False, touches={"dgx-05": _NOTES}),
    ),
    "bcm_device": (
        Case("one is created", NEW_NODE, touches={"cpu-06": None}),
        Case(
            "named fields change",
            {
                "hostname": "dgx-05",
                "notes": "rack 7",
                "labels": ["gpu"],
                "kernel_parameters": "iommu=pt",
                "interfaces": [
                    {
                        "name": "ib0",
                        "type": "physical",
                        "mac": "94:6D:AE:5C:05:02",
                        "network": "internalnet",
                        "ip": "10.141.3.3",
                    }
                ],
                "roles": [{"name": "monitoring"}],
                "software_image": "ubuntu-22.04-nvidia-550",
            },
            touches={
                "dgx-05": (
                    "notes",
                    "userDefinedResources",
                    "kernelParameters",
                    "interfaces",
                    "roles",
                    "softwareImageProxy",
                )
            },
        ),
        Case(
            "a password changes",
            {"hostname": "dgx-05", "bmc_settings": {"password": "another-bmc-password"}},
            touches={"dgx-05": ("bmcSettings",)},
        ),
        Case("one is removed", {"hostname": "cpu-06", "state": "absent"}, touches={"cpu-06": None}),
    ),
    "bcm_device_info": (
        Case("all are listed", {}, changed=False),
        Case("two", {"names": ["dgx-05", "nobody"]}, changed=False),
    ),
    "bcm_devices": (
        Case(
            "one is created and one changed",
            {"devices": [NEW_NODE, {"hostname": "cpu-03", "notes": "first"}]},
            touches={"cpu-06": None, "cpu-03": ("notes",)},
        ),
        Case(
            "two change in bulk",
            {"bulk_calls": True, "devices": [{"hostname": name, "notes": "bulk"} for name in ("cpu-03", "dgx-05")]},
            touches={"cpu-03": ("notes",), "dgx-05": ("notes",)},
        ),
    ),
    "bcm_image_info": (Case("all are listed", {}, changed=False),),
    "bcm_network_info": (Case("all are listed", {}, changed=False),),
    "bcm_plan": (
        Case(
            "a plan is written, and holds",
            {
                "path": "plan.json",
                "devices": [{"hostname": "dgx-05", "notes": "planned", "bmc_settings": NEW_NODE["bmc_settings"]}],
                "enable_power_action": True,
            },
            changed=False,
        ),
    ),
    "bcm_power": (
        Case("on", {"names": ["dgx-05", "cpu-05"], "action": "on"}),
        Case("off", {"names": ["dgx-05", "cpu-03"], "action": "power_off", **_CUT}),
        Case("cycle", {"names": ["dgx-06"], "action": "cycle", **_CUT}, repeats=True),
        Case("reset", {"names": ["dgx-06"], "action": "reset", **_CUT}, repeats=True),
        Case("status", {"names": ["dgx-05", "dgx-06"], "action": "status"}, changed=False),
    ),
    "bcm_prepare": (
        Case(
            "a host is brought to what its variables say",
            {"hosts": ["cpu-06"], "categories": [{"name": "control-plane", "clone_from": "default"}]},
            touches={"cpu-06": None, "control-plane": None},
        ),
    ),
    "bcm_preflight": (Case("a new node is checked", {"devices": [NEW_NODE]}, changed=False),),
    "bcm_provision": (
        Case("nothing is allowed", {"names": ["dgx-05"]}, changed=False),
        Case(
            "a node is installed",
            {"names": ["dgx-05", "dgx-06"], "enable_power_action": True, "poll_interval": 0.1},
            touches={"dgx-05": _NOTES},
        ),
        Case("one is adopted", {"names": ["dgx-06"], "adopt": True}, touches={"dgx-06": _NOTES}),
        Case(
            "one is installed anew",
            {
                "names": ["dgx-06"],
                "enable_power_action": True,
                "power_action": "power_cycle",
                "reprovision_token": "patched",
                "poll_interval": 0.1,
            },
            touches={"dgx-06": _NOTES},
        ),
        Case(
            "a decision alone", {"names": ["cpu-03"], "enable_power_action": True, "decide_only": True}, changed=False
        ),
    ),
    "bcm_report": (
        Case(
            "a table, a file and a page",
            {"names": ["dgx-05", "dgx-06", "nobody"], "path": "report.json", "html": "report.html"},
            changed=False,
        ),
    ),
    "bcm_status_info": (
        Case("all are listed", {}, changed=False),
        Case("with power", {"names": ["dgx-05", "dgx-06", "nobody"], "include_power": True}, changed=False),
    ),
}
