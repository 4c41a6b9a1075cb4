# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from an inventory host's variables to its head node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes import host_variables


def head_node_of(variables: Mapping[str, Any]) -> str:
    """Return address:port of a host's head node, as `host_variables.head_node_of` does.

    Raises AnsibleFilterError where bcm_connection is no dictionary; without its value, which may be a password.
    """
    try:
        return host_variables.head_node_of(variables)
    except BcmConfigError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The plugin with the filter head_node_of."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"head_node_of": head_node_of}
