# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from an inventory host's variables to a server and its BMC, as netbox_validation takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

_VARIABLES: Mapping[str, str] = {
    "address": "validation_bmc_address",
    "port": "validation_bmc_port",
    "username": "validation_bmc_username",
    "password": "validation_bmc_password",
}


def validation_server(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the name and the options of the BMC of one host; variables that are not set give no option.

    Raises AnsibleFilterError for variables that are not those of a host.
    """
    if "inventory_hostname" not in variables:
        raise AnsibleFilterError("validation_server needs the variables of a host: hostvars[name]")
    name = variables.get("validation_name") or variables["inventory_hostname"]
    values = {option: variables.get(variable) for option, variable in _VARIABLES.items()}
    return {"name": str(name), **{option: value for option, value in values.items() if value is not None}}


class FilterModule:
    """The plugin with the filter validation_server."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"validation_server": validation_server}
