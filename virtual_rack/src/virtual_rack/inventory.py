# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the Ansible inventory that goes with a rack."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Any

import yaml

from virtual_rack.rack_file import MachineSpec, NetworkSpec, RackSpec


def inventory_text(rack: RackSpec) -> str:
    """Write an inventory with one group; what most machines share is the group's."""
    networks = rack.head_node.networks
    described = {machine.name: _describe(machine, networks) for machine in rack.machines}
    shared = _shared(list(described.values()))
    hosts = {
        machine.name: {
            "bcm_mac": machine.mac,
            "bcm_management_ip": machine.management_ip,
            "bcm_bmc_ip": machine.bmc.address,
            "bcm_serial_number": machine.serial,
            **{key: value for key, value in described[machine.name].items() if shared.get(key) != value},
        }
        for machine in rack.machines
    }
    filled = {name: {key: value for key, value in values.items() if value != ""} for name, values in hosts.items()}
    common: dict[str, Any] = {key: value for key, value in shared.items() if value != ""}
    if any(machine.bmc.engine == "ipmi" for machine in rack.machines):
        common["bcm_ipmi_port"] = rack.ipmi_port
    group: dict[str, Any] = {"hosts": filled, "vars": common}
    return "---\n" + yaml.safe_dump({"bcm_nodes": group}, sort_keys=False)


def _describe(machine: MachineSpec, networks: tuple[NetworkSpec, ...]) -> dict[str, str]:
    return {
        "bcm_category": machine.category,
        "bcm_management_network": _network_of(machine.management_ip, networks),
        "bcm_bmc_network": _network_of(machine.bmc.address, networks),
        "bcm_bmc_username": machine.bmc.username,
        "bcm_bmc_password": machine.bmc.password,
    }


def _shared(described: list[dict[str, str]]) -> dict[str, str]:
    keys = described[0] if described else {}
    return {key: Counter(values[key] for values in described).most_common(1)[0][0] for key in keys}


def _network_of(address: str, networks: tuple[NetworkSpec, ...]) -> str:
    for network in networks:
        block = ipaddress.IPv4Network(f"{network.base_address}/{network.netmask_bits}", strict=False)
        if address and ipaddress.IPv4Address(address) in block:
            return network.name
    return ""
