# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of netbox_validation, which runs on the controller to print what goes on and to write the report there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible.module_utils.common.parameters import remove_values

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import IPMI, NAMES, Spec, limits_of
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of_process
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import guard_parent, open_netbox
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi import Ipmi
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.ipmi_power import IpmiPower
from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.session import PYGHMI_IMPORT_ERROR, Bmc
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import DEVICES, NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.register import DeviceRegister
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.bmcs import bmc_addresses, refuse_shared
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.run import (
    OUTCOMES,
    PASSED,
    PENDING,
    RunOptions,
    ServerRow,
    ValidationRun,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import shorten
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.validation import (
    draw_validation_page,
    draw_validation_summary,
    draw_validation_table,
)
from ansible_collections.baremetal.bcm.plugins.plugin_utils.netbox_action import NetBoxAction


class ActionModule(NetBoxAction):
    """An action that lets servers validate themselves and reports on them."""

    SPEC: ClassVar[Spec] = {
        **NAMES,
        "state_field": {"type": "str", "default": "status"},
        "watch_only": {"type": "bool", "default": False},
        "enable_power_action": {"type": "bool", "default": False},
        "allow_on": {"type": "bool", "default": False},
        "boot_mode": {"type": "str", "choices": ["uefi", "legacy"], "default": "uefi"},
        "max_servers": {"type": "int"},
        "boot_timeout": {"type": "float", "default": 1200.0},
        "timeout_total": {"type": "float", "default": 14400.0},
        "poll_interval": {"type": "float", "default": 10.0},
        "path": {"type": "path"},
        "html": {"type": "path"},
        "fail_on_error": {"type": "bool", "default": True},
        **IPMI,
    }

    def work(self, params: Mapping[str, Any], netbox: NetBox, check_mode: bool) -> dict[str, Any]:
        """Validate and report; returns the result as netbox_validation documents it. Raises NetBoxError, BcmError."""
        names = list(dict.fromkeys(params["names"]))
        if not names:
            raise NetBoxConfigError("names is empty: there is nothing to validate")
        if min(params["boot_timeout"], params["timeout_total"], params["poll_interval"]) <= 0:
            raise NetBoxConfigError("boot_timeout, timeout_total and poll_interval take seconds above 0")
        options = RunOptions(
            state_field=StateField(params["state_field"]),
            watch_only=params["watch_only"],
            enable_power_action=params["enable_power_action"],
            allow_on=params["allow_on"],
            max_servers=params["max_servers"],
            boot_timeout_s=params["boot_timeout"],
            timeout_s=params["timeout_total"],
            poll_interval_s=params["poll_interval"],
        )
        # Claims go over a connection of their own, which writes until the end: what was claimed is given back.
        with open_netbox(dict(params), check_mode=check_mode, on_call=self.log_calls(params)) as claims:
            rows = ValidationRun(
                netbox,
                options,
                lambda of: self._power(params, netbox, of),
                SystemClock(),
                self.say,
                DeviceRegister(claims, SystemClock(), owner_of_process()),
                dry_run=check_mode,
                guard=guard_parent(),
            ).perform(names)
        for line in ("", *draw_validation_table(rows), "", *draw_validation_summary(rows), ""):
            self.say(line)
        result = _result_of(rows, fail=params["fail_on_error"])
        if not check_mode:
            _write(rows, params)
        passwords = [bmc["password"] for bmc in params["bmcs"] if bmc.get("password")]
        scrubbed: dict[str, Any] = remove_values(result, passwords)
        return scrubbed

    def _power(self, params: Mapping[str, Any], netbox: NetBox, names: Sequence[str]) -> IpmiPower:
        if PYGHMI_IMPORT_ERROR is not None:
            raise NetBoxConfigError("the Python package pyghmi is missing where this task runs: pip install pyghmi")
        given = {bmc["name"]: bmc for bmc in params["bmcs"]}
        unknown = [name for name in names if not given.get(name, {}).get("username")]
        if unknown:
            raise NetBoxConfigError(f"bmcs has no user name and password for {shorten(unknown)}")
        nameless = [name for name in names if not given[name].get("address")]
        found = netbox.find(DEVICES, name=nameless, fields="id,name", exclude="config_context")
        recorded = bmc_addresses(netbox, {raw["id"]: raw["name"] for raw in found})
        lost = [name for name in nameless if name not in recorded]
        if lost:
            raise NetBoxConfigError(
                f"NetBox has no single address of the BMC of {shorten(lost)}; give it as address in bmcs"
            )
        bmcs = {
            name: Bmc(
                given[name].get("address") or recorded[name],
                given[name]["username"],
                given[name].get("password") or "",
                given[name].get("port") or params["ipmi_port"],
            )
            for name in names
        }
        refuse_shared({name: (bmc.address, bmc.port) for name, bmc in bmcs.items()})
        engine = Ipmi(limits_of(dict(params)))
        return IpmiPower(bmcs, engine, boot_device="pxe", boot_mode=params["boot_mode"], say=self.say)


def _result_of(rows: Sequence[ServerRow], *, fail: bool) -> dict[str, Any]:
    failures = {row.name: row.message for row in rows if row.outcome not in (PASSED, PENDING)}
    result: dict[str, Any] = {
        "changed": any(row.powered for row in rows),
        "servers": {row.name: row.to_ansible() for row in rows},
        "counts": {outcome: sum(row.outcome == outcome for row in rows) for outcome in OUTCOMES},
        "failures": failures,
        "table": draw_validation_table(rows),
    }
    if failures and fail:
        return {**result, "failed": True, "msg": "; ".join(sentences(failures, "server"))}
    return result


def _write(rows: Sequence[ServerRow], params: Mapping[str, Any]) -> None:
    if params["path"]:
        servers = {row.name: row.to_ansible() for row in rows}
        write_whole(params["path"], json.dumps({"servers": servers}, indent=2, sort_keys=True) + "\n")
    if params["html"]:
        now = datetime.now(tz=timezone.utc).strftime("%Y-%m-%d %H:%MZ")
        write_whole(params["html"], draw_validation_page(rows, now))
