# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action of netbox_bmc_mac, which runs on the controller to print how far a long manifest is."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import Spec
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.ledger import Ledger
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.loader import MacLoader
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.owed import WORK
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.bmc_macs.report import (
    MAC_LOADER,
    MAC_LOADER_RULES,
    load_options_of,
    load_result,
    read_manifest,
    render_rows,
    summary_lines,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import SystemClock
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.files import write_whole
from ansible_collections.baremetal.bcm.plugins.plugin_utils.netbox_action import NetBoxAction


class ActionModule(NetBoxAction):
    """An action that loads a manifest of BMC MAC addresses into NetBox."""

    SPEC: ClassVar[Spec] = MAC_LOADER
    RULES: ClassVar[dict[str, Any]] = MAC_LOADER_RULES

    def work(self, params: Mapping[str, Any], netbox: NetBox, check_mode: bool) -> dict[str, Any]:
        """Load the manifest; returns the result as netbox_bmc_mac documents it. Raises NetBoxError.

        Loading again is safe: rows that are already loaded are unchanged.
        """
        options = load_options_of(params, check_mode=check_mode)
        manifest = read_manifest(params["path"], params["content"])
        addresses = count(len(manifest.rows), "BMC MAC address", "BMC MAC addresses")
        self.say(f"Loading {addresses} of {options.source} into {netbox.url}")
        with closing(Ledger(params["ledger_path"], netbox.url, WORK, read_only=check_mode)) as ledger:
            loader = MacLoader(netbox, options, ledger=ledger, now_s=SystemClock().now_s, say=self.say)
            results = loader.load(manifest)
        for line in summary_lines(manifest, results, check_mode=check_mode):
            self.say(line)
        result = load_result(manifest, results, loader.settled, fail_on_error=params["fail_on_error"])
        result["changed"] = result["changed"] or netbox.has_written
        if params["report_path"] and not check_mode:
            try:
                write_whole(params["report_path"], render_rows(params["report_path"], results))
            except BcmConfigError as error:
                # What was loaded is not to be lost with the file.
                return {**result, "failed": True, "msg": "; ".join(filter(None, (str(error), result.get("msg"))))}
        return result
