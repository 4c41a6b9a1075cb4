# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from an inventory host's bcm_ variables to the options of bcm_device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes import host_variables


def desired_device(variables: Mapping[str, Any], image_of: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options of bcm_device for one host, as `host_variables.desired_device` does.

    Raises AnsibleFilterError for variables that are not those of a host.
    """
    try:
        return host_variables.desired_device(variables, image_of)
    except BcmConfigError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The plugin with the filter desired_device."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"desired_device": desired_device}
