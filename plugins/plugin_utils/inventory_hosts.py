# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the inventory says of hosts, read once for a whole run: templates of Ansible's own cost a second for 1,000 hosts each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.host_variables import (
    HOST_VARIABLES,
    desired_device,
    head_node_of,
)

# What makes a plain value of a subclass of it.
_COPIES: tuple[tuple[Any, Any], ...] = ((str, str.__str__), (int, int.__int__), (float, float.__float__))
_READ = HOST_VARIABLES | {"inventory_hostname", "bcm_connection"}


@dataclass(frozen=True)
class InventoryHosts:
    """Hosts by inventory name, with the options of bcm_device for each; `head_nodes` are all that they name."""

    devices: Mapping[str, dict[str, Any]]
    head_nodes: tuple[str, ...]

    @property
    def node_names(self) -> dict[str, str]:
        """Return the name that each host has in BCM, by inventory name."""
        return {host: str(device["hostname"]) for host, device in self.devices.items()}


def read_hosts(hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]) -> InventoryHosts:
    """Read these hosts. Raises BcmConfigError, which names the host, for variables that can't be made out."""
    devices: dict[str, dict[str, Any]] = {}
    head_nodes: dict[str, None] = {}
    for host in hosts:
        try:
            known = hostvars[host]
            variables = {name: plain(known[name]) for name in known if name in _READ}
        except AnsibleError as error:
            raise BcmConfigError(f"could not read the variables of {host}: {error}") from error
        devices[host] = desired_device(variables)
        head_nodes[head_node_of(variables)] = None
    return InventoryHosts(devices, tuple(head_nodes))


def plain(value: Any) -> Any:
    """Return a value of the inventory without what Ansible adds to it: tags, laziness, encryption."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    for kind, copy in _COPIES:
        if isinstance(value, kind):
            return copy(value)
    return str(value)
