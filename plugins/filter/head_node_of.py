# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from an inventory host's variables to its head node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def head_node_of(variables: Mapping[str, Any]) -> str:
    """Return address:port from the host's bcm_connection, else from the environment as the modules take them.

    Raises AnsibleFilterError where bcm_connection is no dictionary; without its value, which may be a password.
    """
    connection = variables.get("bcm_connection") or {}
    if not isinstance(connection, Mapping):
        raise AnsibleFilterError("bcm_connection must be a dictionary with the options of the connection")
    address = connection.get("head_node") or os.environ.get("BCM_HEAD_NODE") or "none given"
    port = connection.get("port") or os.environ.get("BCM_PORT") or 8081
    return f"{address}:{port}"


class FilterModule:
    """The plugin with the filter head_node_of."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"head_node_of": head_node_of}
