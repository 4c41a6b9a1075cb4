# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A filter from inventory hosts to the names of their nodes in BCM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.host_variables import node_name_of


def node_names(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the name that each host has in BCM, by inventory name; see `node_name_of`."""
    return {str(host): node_name_of(hostvars[host]) for host in hosts}


class FilterModule:
    """The plugin with the filter node_names."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"node_names": node_names}
