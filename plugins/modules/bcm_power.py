#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Power nodes through a BCM head node, and prove it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: bcm_power
short_description: Power nodes through a BCM head node, and confirm it
version_added: 0.1.0
description:
  - Switches nodes on or off, cycles or resets them, or asks for their power state, for any number of nodes at once.
  - The call of the head node returns before anything has happened. This module waits until the BMC of every node shows the state that was asked
    for; a node that does not get there fails, and the others are still done.
  - A node that is switched off is asked to shut down first, and its power is cut when it has not done so after O(graceful_timeout). Through the
    head node BCM's own shutdown is used, for nodes that are UP; the power of others, which have nothing that could shut down, is cut at
    once. With O(via=ipmi) and O(via=redfish) the BMC of every node is asked for a soft shutdown (ACPI, C(GracefulShutdown)).
    RV(nodes.HOSTNAME.off_by) says which it was.
  - Where the task runs on the controller, as with C(delegate_to=localhost), what goes on is printed while it does.
  - Nodes that are UP are only switched off, cycled or reset with O(allow_up). Head nodes are always refused.
  - Nodes that another run claims are not powered at all, and nodes that are being installed not switched off, cycled or reset, without
    O(allow_claimed).
  - Of all BMCs that share a set of credentials one is asked first. If it refuses them, one more is; if that refuses them too, no other
    BMC is asked, so that a typo can't lock them all.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
extends_documentation_fragment:
  - baremetal.bcm.connection
  - baremetal.bcm.attributes
  - baremetal.bcm.claims
  - baremetal.bcm.redfish_power
  - baremetal.bcm.ipmi
attributes:
  check_mode:
    support: full
    details: Asks for the power state, which changes nothing, and shows what would be sent.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: V(on) and V(off) are; V(cycle) and V(reset) act every time.
options:
  names:
    description: Host names of the nodes. An empty list is an error, never all nodes.
    type: list
    elements: str
    required: true
  action:
    description:
      - What to do. A cycle is off, confirmed off, and on; on a node that is off it only switches on.
      - A node that is off is not reset.
      - V(power_on), V(power_off), V(power_cycle) and V(power_reset) mean the same as the words without C(power_).
    type: str
    required: true
    choices: ["on", "off", cycle, reset, status, power_on, power_off, power_cycle, power_reset]
  allow_up:
    description: Whether nodes that are UP may be switched off, cycled or reset. Whatever runs on them is lost.
    type: bool
    default: false
  shutdown:
    description:
      - How to switch off. V(graceful) asks the node to shut down first, V(hard) cuts its power at once.
      - A cycle and a reset are always hard.
    type: str
    choices: [graceful, hard]
    default: graceful
  graceful_timeout:
    description: How long a node may take to shut down, in seconds. Then its power is cut.
    type: float
    default: 300
  timeout:
    description: How long to wait for a BMC to show the state, for each step, in seconds.
    type: float
    default: 60
  via:
    description:
      - The path. V(head_node) goes through the head node, because BMCs are usually on a network of their own.
      - V(ipmi) uses IPMI 2.0 straight from where the task runs. It needs the Python package pyghmi there. Addresses
        and credentials are those that BCM knows, unless O(bmcs) says otherwise.
      - V(redfish) uses Redfish straight from where the task runs, over TLS. It needs the Python package httpx there. Addresses and
        credentials are the same. It works where IPMI over the network is switched off, as hardening does.
      - The options of each way count only with it; timeouts, tries, deadline and how many at once count with both.
    type: str
    choices: [head_node, ipmi, redfish]
    default: head_node
  boot_device:
    description:
      - Device of the next boot only, set where the node is switched on or reset. Needs O(via=ipmi) or O(via=redfish).
    type: str
    choices: [pxe, disk, bios]
  boot_mode:
    description:
      - By which firmware the node boots from O(boot_device). Many servers that get V(legacy) leave their UEFI for one boot, and don't find
        what UEFI would. With O(via=redfish) it is sent where the BMC offers to choose, else the BMC decides.
    type: str
    choices: [uefi, legacy]
    default: uefi
  max_nodes:
    description: Ceiling on the nodes that power is sent to, which are not those that already have the power asked for. If there are more,
      nothing is sent.
    type: int
  redfish_lock_path:
    description:
      - Directory of the files by which M(baremetal.bcm.redfish_harden), M(baremetal.bcm.redfish_firmware) and this module keep out of each
        other's way on this computer, one BMC at a time, with O(via=redfish). A node whose server is in their hands fails, and nothing is
        sent to it.
    type: path
    default: ~/.ansible/baremetal.bcm/locks
  redfish_netbox:
    description:
      - The NetBox in which runs on all computers claim the BMCs that they change, as with the option C(netbox) of
        M(baremetal.bcm.redfish_harden), with O(via=redfish). Host names must be those of the devices there.
      - Where it is given, the nodes are claimed before anything is sent. One that another run has claimed fails, and nothing is sent to it.
        Without it, runs on other computers are not seen. Nothing is claimed for O(action=status), nor in check mode.
    type: dict
    suboptions:
      url:
        description:
          - Address of NetBox, such as C(https://netbox.example.com).
          - Without it the environment variable E(NETBOX_URL) is used.
        type: str
      token:
        description:
          - API token of a user who may view and change devices.
          - Without it the environment variable E(NETBOX_TOKEN) is used.
        type: str
      validate_certs:
        description:
          - Whether NetBox's certificate is checked.
          - Without it the environment variable E(NETBOX_VALIDATE_CERTS) is used.
        type: bool
        default: true
      ca_path:
        description:
          - Path of the certificate authority that signed NetBox's certificate, in PEM format.
          - Without it the environment variable E(NETBOX_CA_PATH) is used.
        type: path
      timeout:
        description: How long to wait for an answer of NetBox, in seconds.
        type: float
        default: 60
  fail_on_error:
    description: Whether the task fails when a node failed. Without it, look at RV(nodes).
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Switch two nodes on
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
      - dgx-06
    action: "on"

- name: Ask for the power state
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
    action: status
  register: power

- name: Switch a node on straight through its BMC and have it boot by PXE once
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
    action: "on"
    via: ipmi
    boot_device: pxe

- name: Switch a node on by Redfish, where IPMI is off
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
    action: "on"
    via: redfish

- name: The same, and keep away from servers that a run on another computer hardens
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
    action: "on"
    via: redfish
    redfish_netbox:
      url: https://netbox.example.com

- name: Shut down a node that is UP, and cut its power if that takes longer than two minutes
  baremetal.bcm.bcm_power:
    names:
      - dgx-05
    action: "off"
    allow_up: true
    graceful_timeout: 120

- name: Cut the power of a node that is UP
  baremetal.bcm.bcm_power:
    names:
      - dgx-06
    action: "off"
    allow_up: true
    shutdown: hard
"""

RETURN = r"""
nodes:
  description: What became of each node, by host name.
  returned: success or failure of single nodes
  type: dict
  contains:
    HOSTNAME:
      description: One node.
      type: dict
      contains:
        before: {description: "Power state before, ON, OFF or UNKNOWN.", type: str, sample: "OFF"}
        action: {description: "What was sent, or in check mode would be; none where nothing was to be done.", type: str, sample: "on"}
        after: {description: Power state after., type: str, sample: "ON"}
        off_by:
          description:
            - How it was switched off, V(shutdown) where the node did it itself when it was asked, V(cut) where its power was cut; null where it
              was not switched off, and in check mode.
          type: str
          sample: null
        seconds: {description: How long it took., type: float, sample: 2.5}
        tries: {description: "How often the BMC was tried, 0 where it was left alone.", type: int, sample: 1}
        failure:
          description:
            - Class of the failure, null where there was none. V(unreachable), V(credentials), V(refused), V(timed out),
              V(not confirmed), V(not known) where BCM does not know the node or the address of its BMC, V(not tried) where other BMCs had
              refused the same credentials, or V(certificate) where that of the BMC is not trusted, so that nothing was sent.
          type: str
          sample: null
        address: {description: Address of the BMC., type: str, sample: 10.229.10.15}
        changed: {description: Whether power was sent., type: bool, sample: true}
        error: {description: Why it failed; empty otherwise., type: str, sample: ""}
  sample: {dgx-05: {before: "OFF", action: "on", after: "ON", changed: true, error: ""}}
debug_calls:
  description: One line for each call to the head node; the last 500.
  returned: when debug_calls is set, or with -vvv
  type: list
  elements: str
  sample: ["cmdevice.getDevices: HTTP 200, 41 ms, 55 bytes sent, 10412 received"]
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import (
    NAMES,
    REGISTER,
    STRAIGHT,
    limits_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.owner import owner_of_task
from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.runner import open_register, run_module
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import CLAIMS
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.run_action import (
    ACTION_WORDS,
    PowerJob,
    redfish_way_of,
    run_power_action,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.module_utils._values.sentences import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
    from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.register import Register


SPEC = {
    **NAMES,
    "action": {"type": "str", "required": True, "choices": ACTION_WORDS},
    "allow_up": {"type": "bool", "default": False},
    "shutdown": {"type": "str", "choices": ["graceful", "hard"], "default": "graceful"},
    "graceful_timeout": {"type": "float", "default": 300.0},
    "timeout": {"type": "float", "default": 60.0},
    "via": {"type": "str", "choices": ["head_node", "ipmi", "redfish"], "default": "head_node"},
    "boot_device": {"type": "str", "choices": ["pxe", "disk", "bios"]},
    "boot_mode": {"type": "str", "choices": ["uefi", "legacy"], "default": "uefi"},
    "max_nodes": {"type": "int"},
    **CLAIMS,
    **STRAIGHT,
    "redfish_lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
    "redfish_netbox": REGISTER["netbox"],
    "fail_on_error": {"type": "bool", "default": True},
}


def switch_power(
    params: Mapping[str, Any], head_node: HeadNode, *, check_mode: bool, say: Callable[[str], None] = lambda _line: None
) -> dict[str, Any]:
    """Power the nodes of the options; returns the result, failed where a node failed and that counts.

    `say` prints what goes on. Raises BcmError.
    """
    if params["graceful_timeout"] < 0:
        raise BcmConfigError(f"graceful_timeout must not be negative, as {params['graceful_timeout']:g} is")
    with _claims(params, check_mode=check_mode) as register:
        job = PowerJob(
            names=params["names"],
            action=params["action"].replace("power_", ""),
            via=params["via"],
            allow_up=params["allow_up"],
            graceful_s=params["graceful_timeout"] if params["shutdown"] == "graceful" else 0.0,
            allow_claimed=params["allow_claimed"],
            owner=owner_of_task(params["claim_run"]),
            timeout_s=params["timeout"],
            boot_device=params["boot_device"] or "",
            boot_mode=params["boot_mode"],
            max_nodes=params["max_nodes"],
            limits=limits_of(dict(params)),
            ipmi_port=params["ipmi_port"],
            redfish=redfish_way_of(params, register),
            overrides={bmc["name"]: bmc for bmc in params["bmcs"]},
        )
        result = run_power_action(head_node, job, check_mode=check_mode, say=say)
    errors = {name: node["error"] for name, node in result["nodes"].items() if node["error"]}
    if errors and params["fail_on_error"]:
        failed = f"power failed for {len(errors):,} of {count(len(result['nodes']), 'node')}"
        return {**result, "failed": True, "msg": f"{failed}: {'; '.join(sentences(errors))}"}
    return result


@contextmanager
def _claims(params: Mapping[str, Any], *, check_mode: bool) -> Iterator[Register | None]:
    """Open the register in which BMCs are claimed, where one is given and something is to be sent. Raises BcmError."""
    if params["redfish_netbox"] is None or params["via"] != "redfish" or params["action"] == "status" or check_mode:
        yield None
        return
    try:
        with open_register(params["redfish_netbox"], check_mode=False) as register:
            yield register
    except NetBoxError as error:
        raise BcmConfigError(f"could not claim the BMCs in NetBox: {error}; nothing was sent") from error


def work(module: AnsibleModule, head_node: HeadNode) -> dict[str, Any]:
    result = switch_power(module.params, head_node, check_mode=module.check_mode)
    if result.get("failed"):
        module.fail_json(**result)
    return result


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
