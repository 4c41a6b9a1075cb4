# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nodes of a BCM head node as an inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bcm
short_description: Nodes of a BCM head node as hosts
version_added: 0.2.0
author:
  - The baremetal.bcm contributors (!UNKNOWN)
description:
  - Reads all nodes in four calls, whatever their number, and makes each a host of the group C(bcm_nodes). Head nodes,
    switches and other devices that are no nodes never become hosts. Nothing is written.
  - Hosts have the variables of the roles of this collection, as far as BCM has stored something, so that a run of
    C(provision.yml) has nothing to change. Beside them C(bcm_node) has what is only to be read - C(uuid), C(state),
    C(software_image), which is the one in effect, C(management_ip), C(rack) and C(partition).
  - Credentials of BMCs, scripts and C(extra_values) are never listed.
  - The name of the file ends in C(bcm.yml) or C(bcm.yaml).
  - What can't be read ends Ansible with an error. It is never an empty inventory, nor what other sources have alone.
extends_documentation_fragment:
  - baremetal.bcm.connection_of_plugin
  - constructed
  - inventory_cache
options:
  plugin:
    description: Says that the file is one for this plugin.
    type: str
    required: true
    choices:
      - baremetal.bcm.bcm
  group_by:
    description:
      - What groups are made of, such as C(bcm_category_default), C(bcm_image_default_image), C(bcm_state_up) and
        C(bcm_label_gpu). Characters that names of groups can't have become underscores.
      - V(rack) and V(partition) cost a call each, whatever the number of nodes. Racks need BCM 11.
    type: list
    elements: str
    choices:
      - category
      - image
      - state
      - rack
      - partition
      - label
    default:
      - category
      - image
      - state
      - label
  filters:
    description:
      - Which nodes become hosts, those that have one of the words of each filter. Filters are those of O(group_by),
        and C(name), whose words may hold an asterisk for anything.
      - A category, image, rack or partition that the head node does not have is an error.
    type: dict
    default: {}
  omit_variables:
    description:
      - Variables that hosts don't get. Those of a host win over those of its groups, so name what groups shall decide.
    type: list
    elements: str
    default: []
notes:
  - The cache keeps answers apart by head node, user, certificate and TLS options. It holds no credentials.
"""

EXAMPLES = r"""
# bcm.yml; the first line alone is enough, where the connection comes from the environment.
# Here: nodes of two categories that are UP, the category and image decided by group variables.
plugin: baremetal.bcm.bcm
head_node: [bcm-1.example.com, bcm-2.example.com]
client_cert: ~/.cm/admin.pem
client_key: ~/.cm/admin.key
ca_path: /etc/ssl/bcm-ca.pem
filters:
  category: [dgx-worker, control-plane]
  state: up
omit_variables: [bcm_category, bcm_software_image, bcm_software_image_revision]
strict: true
compose:
  ansible_host: bcm_node.management_ip
keyed_groups:
  - key: bcm_node.software_image
    prefix: runs
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/bcm-inventory
cache_timeout: 300
"""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.inventory.group import to_safe_group_name
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import CONNECTION
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import open_head_node
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError, BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.stored_hosts import (
    StoredNodes,
    read_stored_nodes,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.stored_host import (
    StoredHost,
    check_filters,
    is_wanted,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import shorten

try:
    from ansible.template import trust_as_template
except ImportError:
    # Before ansible-core 2.19 every text was trusted.
    def trust_as_template(value):  # type: ignore[misc, no-untyped-def]
        return value


if TYPE_CHECKING:
    from ansible.inventory.data import InventoryData
    from ansible.parsing.dataloader import DataLoader

NODES = "bcm_nodes"
# What was read depends on these beside who asks; the time-outs and the password don't count.
_SAME_ANSWER = {"password", "connect_timeout", "read_timeout", "debug_calls"}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Makes hosts of the nodes that a head node has stored."""

    NAME = "baremetal.bcm.bcm"
    # Given by `parse`.
    inventory: Any
    loader: Any

    def verify_file(self, path: str) -> bool:
        """Return whether the name of the file is that of one for this plugin."""
        return bool(super().verify_file(path)) and path.endswith(("bcm.yml", "bcm.yaml"))

    def parse(self, inventory: InventoryData, loader: DataLoader, path: str, cache: bool = True) -> None:
        """Read the nodes and make them hosts. What goes wrong ends Ansible."""
        super().parse(inventory, loader, path, cache)
        try:
            self._check_options(path)
            self._read_config_data(path)
            self._fill(self._nodes(path, may_use_cache=cache))
        except (BcmError, AnsibleError) as error:
            if not self._is_for_us(path):
                raise
            # Ansible takes an exception of a plugin for a warning, and goes on with the hosts that are left: none.
            self.display.error(f"could not read the inventory {path}: {error}")
            raise SystemExit(4) from error

    def _content(self, path: str) -> Mapping[str, Any]:
        content = self.loader.load_from_file(path, cache="none")
        return content if isinstance(content, Mapping) else {}

    def _is_for_us(self, path: str) -> bool:
        """Return whether the file names this plugin, so that no other one can read it."""
        try:
            return bool(self._content(path).get("plugin") == self.NAME)
        except AnsibleError:
            return False

    def _check_options(self, path: str) -> None:
        """Refuse options that there are not, which Ansible leaves unread, and a password that it would quote."""
        content = self._content(path)
        unknown = sorted(str(option) for option in set(content) - set(self.option_definitions))
        if unknown:
            raise BcmConfigError(f"no such option: {shorten(unknown)}")
        if isinstance(content.get("password"), (Mapping, list)):
            raise BcmConfigError("password takes a text")

    def _nodes(self, path: str, *, may_use_cache: bool) -> StoredNodes:
        keeps = bool(self.get_option("cache"))
        key = f"{self.get_cache_key(path)}_{self._who_asks()}"
        if keeps and may_use_cache:
            kept = StoredNodes.from_words(self._cache.get(key))
            if kept is not None:
                return kept
        nodes = self._read()
        if keeps:
            self._cache[key] = nodes.to_words()
        return nodes

    def _who_asks(self) -> str:
        """Return one word for the head node, how it is recognised, the account, and the calls that are made."""
        asked = {name: self.get_option(name) for name in CONNECTION if name not in _SAME_ANSWER}
        asked["reads"] = sorted(self._reads())
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def _reads(self) -> set[str]:
        """Return what cost calls of their own and are asked for."""
        return {"rack", "partition"} & {*self.get_option("group_by"), *self.get_option("filters")}

    def _read(self) -> StoredNodes:
        params = {name: self.get_option(name) for name in CONNECTION}

        def say(line: object) -> None:
            # Standard output is that of ansible-inventory --list.
            if params["debug_calls"]:
                self.display.display(str(line), stderr=True)
            else:
                self.display.vvv(str(line))

        reads = self._reads()
        with open_head_node(params, check_mode=True, on_call=say) as head_node:
            return read_stored_nodes(head_node, racks="rack" in reads, partitions="partition" in reads)

    def _fill(self, nodes: StoredNodes) -> None:
        filters = check_filters(self.get_option("filters"), nodes.known)
        self.inventory.add_group(NODES)
        named: dict[str, str] = {}
        for host in nodes.hosts:
            if is_wanted(host, filters):
                self._add(host, named)

    def _add(self, host: StoredHost, named: dict[str, str]) -> None:
        """Make one host; `named` are the words behind the groups so far."""
        omitted = {*self.get_option("omit_variables")}
        name, strict = host.name, self.get_option("strict")
        self.inventory.add_host(name, group=NODES)
        for variable, value in host.variables.items():
            if variable not in omitted:
                self.inventory.set_variable(name, variable, _inert(value))
        for by in self.get_option("group_by"):
            for word in host.words[by]:
                group = to_safe_group_name(f"bcm_{by}_{word}", force=True, silent=True)
                if named.setdefault(group, word) != word:
                    raise BcmConfigError(
                        f"{by} '{word}' and '{named[group]}' would both be the group {group}; "
                        f"leave {by} out of group_by and use keyed_groups"
                    )
                self.inventory.add_group(group)
                self.inventory.add_child(group, name)
        variables = self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        variables = self.inventory.get_host(name).get_vars()
        self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)


def _inert(value: Any) -> Any:
    """Return what a head node has stored such that no release of Ansible takes it for a template.

    A text without a brace is none; newer releases list it as it is only where they are told that it may be trusted.
    """
    if isinstance(value, str):
        return wrap_var(value) if "{" in value else trust_as_template(value)
    if isinstance(value, list):
        return [_inert(item) for item in value]
    return {key: _inert(item) for key, item in value.items()} if isinstance(value, dict) else value
