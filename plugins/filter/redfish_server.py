# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from an inventory host's variables to an element of `servers` of the Redfish modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

# Options by the variables that are asked for them, in this order.
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "address": ("hardening_bmc_address", "bcm_bmc_ip"),
    "username": ("hardening_bmc_username",),
    "password": ("hardening_bmc_password",),
    "tls_fingerprint": ("hardening_tls_fingerprint",),
    "serial": ("hardening_serial",),
    "device_type": ("hardening_device_type",),
}


def redfish_server(variables: Mapping[str, Any], states: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options of one server for one host; variables that are not set give no option.

    `states` are the states of servers by name; one that is not in it gets none. Raises AnsibleFilterError for variables
    that are not those of a host, and for a host without an address.
    """
    if "inventory_hostname" not in variables:
        raise AnsibleFilterError("redfish_server needs the variables of a host: hostvars[name]")
    name = str(variables["inventory_hostname"])
    server: dict[str, Any] = {"name": name}
    for option, names in _VARIABLES.items():
        values = [variables[each] for each in names if variables.get(each) is not None]
        if values:
            server[option] = values[0]
    if "address" not in server:
        raise AnsibleFilterError(f"{name} has no BMC address: set hardening_bmc_address or bcm_bmc_ip")
    if states is not None and states.get(name):
        server["state"] = states[name]
    return server


class FilterModule:
    """The plugin with the filter redfish_server."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"redfish_server": redfish_server}
