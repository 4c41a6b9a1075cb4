# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the inventory says of hosts, read once: a template over 1,000 hosts costs a second or two, each time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.host_variables import (
    HOST_VARIABLES,
    desired_device,
    head_node_of,
    node_name_of,
)

HostVars = Mapping[str, Mapping[str, Any]]

# What makes a plain value of a subclass of it.
_COPIES: tuple[tuple[Any, Any], ...] = ((str, str.__str__), (int, int.__int__), (float, float.__float__))


NO_NODES = (
    "No nodes: the pattern of hosts matched none of the inventory. An empty set never means all nodes. Put nodes in "
    "the group bcm_nodes, or name hosts or groups with -e bcm_target=…."
)


def read_devices_of(hostvars: HostVars, hosts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the options of bcm_device for each of these hosts, by inventory name. Raises as `read_names_of` does."""
    return {host: desired_device(variables) for host, variables in _read(hostvars, hosts, HOST_VARIABLES).items()}


def read_names_of(hostvars: HostVars, hosts: Iterable[str]) -> dict[str, str]:
    """Return the name that each of these hosts has in BCM, by inventory name.

    Raises BcmConfigError for no hosts, for hosts of several head nodes, and for variables that can't be made out.
    """
    return {host: node_name_of(variables) for host, variables in _read(hostvars, hosts, {"bcm_hostname"}).items()}


def _read(hostvars: HostVars, hosts: Iterable[str], names: Collection[str]) -> dict[str, dict[str, Any]]:
    wanted = {*names, "inventory_hostname", "bcm_connection"}
    found: dict[str, dict[str, Any]] = {}
    for host in hosts:
        if host not in hostvars:
            raise BcmConfigError(f"{host} is no host of the inventory")
        try:
            known = hostvars[host]
            found[host] = {name: plain(known[name]) for name in known if name in wanted}
        except AnsibleError as error:
            raise BcmConfigError(f"could not read the variables of {host}: {error}") from error
    if not found:
        raise BcmConfigError(NO_NODES)
    head_nodes = list(dict.fromkeys(map(head_node_of, found.values())))
    if len(head_nodes) > 1:
        raise BcmConfigError(
            f"The nodes of a run have one head node, but these have several: {', '.join(head_nodes)}. "
            "Start one run per cluster."
        )
    return found


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
