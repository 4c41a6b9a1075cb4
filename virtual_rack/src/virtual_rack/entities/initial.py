# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in the head node's database before anybody wrote to it."""

from __future__ import annotations

import ipaddress
import uuid as uuids
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from virtual_rack.entities.database import Database
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.entities.shapes import find_shape
from virtual_rack.rack_file import CategorySpec, HeadNodeSpec, ImageSpec, MachineSpec, NetworkSpec, RackSpec

_NAMESPACE = uuids.UUID("7b1c2f5e-58d4-4a08-9f55-6f2a5b9a8a11")

DEFAULT_DISK_SETUP = """<?xml version="1.0" encoding="UTF-8"?>

<diskSetup>
  <device>
    <blockdev>/dev/sda</blockdev>
    <blockdev>/dev/nvme0n1</blockdev>
    <partition id="a0" partitiontype="esp">
      <size>100M</size>
      <type>linux</type>
      <filesystem>fat</filesystem>
      <mountPoint>/boot/efi</mountPoint>
      <mountOptions>defaults,noatime,nodiratime</mountOptions>
    </partition>
    <partition id="a1">
      <size>max</size>
      <type>linux</type>
      <filesystem>xfs</filesystem>
      <mountPoint>/</mountPoint>
      <mountOptions>defaults,noatime,nodiratime</mountOptions>
    </partition>
  </device>
</diskSetup>
"""
_EXCLUDE_LIST = "# Files that match these patterns are left alone.\n- lost+found/\n- /proc/*\n- /sys/*\n- /boot/efi"
_MOUNTS = (
    ("none", "/dev/pts", "devpts", "gid=5,mode=620"),
    ("none", "/proc", "proc", "defaults,nosuid"),
    ("none", "/sys", "sysfs", "defaults"),
    ("none", "/dev/shm", "tmpfs", "defaults"),  # noqa: S108 -- a mount point on the nodes
    ("$localnfsserver:/cm/shared", "/cm/shared", "nfs", "rsize=32768,wsize=32768,hard,async"),
    ("$localnfsserver:/home", "/home", "nfs", "rsize=32768,wsize=32768,hard,async"),
)
_HEAD_NODE_ROLES = {
    "HeadNodeRole": "headnode",
    "StorageRole": "storage",
    "BackupRole": "backup",
    "MonitoringRole": "monitoring",
    "ProvisioningRole": "provisioning",
    "BootRole": "boot",
}
_HEAD_NODE_MAC_PREFIX = "02:00:5E:00:53:"


def stable_uuid(*words: str) -> str:
    """Make a uuid that is the same in every run of the same rack."""
    return str(uuids.uuid5(_NAMESPACE, "/".join(words)))


@dataclass(frozen=True)
class _Maker:
    version: str
    date: int

    def make(self, base: str, child: str, key: str, **values: Any) -> Entity:
        shape = find_shape(base, child)
        if shape is None:
            raise LookupError(f"no type {base}/{child}")
        entity = shape.defaults(self.version) | {"uuid": stable_uuid(base, child, key)}
        if "parent_uuid" in entity:
            entity["parent_uuid"] = entity["uuid"]
        if "creationTime" in entity:
            entity["creationTime"] = self.date
        return entity | {name: value for name, value in values.items() if name in entity}


def fill_database(database: Database, rack: RackSpec, *, date_s: float) -> None:
    """Put in what a fresh head node has: partition, networks, images, categories, itself, known devices."""
    spec = rack.head_node
    maker = _Maker(spec.version, int(date_s))
    database.put("Partition", maker.make("Partition", "", "base", name="base"))
    for network in spec.networks:
        database.put("Network", _network(maker, network))
    for image in spec.images:
        database.put("SoftwareImage", _image(maker, image))
    for category in spec.categories:
        database.put("Category", _category(maker, category, spec))
    database.put("Device", _head_node(maker, spec, spec.hostname, number=1))
    if spec.passive:
        database.put("Device", _head_node(maker, spec, spec.passive, number=2))
    known = set(spec.devices)
    for machine in rack.machines:
        if machine.name in known:
            database.put("Device", _device(maker, machine, spec))


def _network(maker: _Maker, spec: NetworkSpec) -> Entity:
    block = _block_of(spec)
    last = int(block.broadcast_address)
    return maker.make(
        "Network",
        "",
        spec.name,
        name=spec.name,
        baseAddress=spec.base_address,
        netmaskBits=spec.netmask_bits,
        management=spec.management,
        bootable=spec.bootable,
        domainName=spec.domain_name or f"{spec.name}.cluster",
        gateway=spec.gateway,
        dynamicRangeStart=str(ipaddress.IPv4Address(max(int(block.network_address), last - 33))),
        dynamicRangeEnd=str(ipaddress.IPv4Address(max(int(block.network_address), last - 2))),
    )


def _image(maker: _Maker, spec: ImageSpec) -> Entity:
    modules = [maker.make("KernelModule", "", f"{spec.name}/{name}", name=name) for name in ("ahci", "nvme", "bonding")]
    return maker.make(
        "SoftwareImage",
        "",
        spec.name,
        name=spec.name,
        path=f"/cm/images/{spec.name}",
        kernelVersion=spec.kernel_version,
        kernelParameters="rd.driver.blacklist=nouveau",
        modules=modules,
        fspart=stable_uuid("FSPart", spec.name),
        bootfspart=stable_uuid("FSPart", spec.name, "boot"),
    )


def _category(maker: _Maker, spec: CategorySpec, head_node: HeadNodeSpec) -> Entity:
    bmc_settings = maker.make(
        "BMCSettings", "", f"category/{spec.name}", userName=spec.bmc_username, password=spec.bmc_password, userID=4
    )
    proxy = maker.make(
        "SoftwareImageProxy",
        "",
        f"category/{spec.name}",
        parentSoftwareImage=stable_uuid("SoftwareImage", "", spec.image),
    )
    lists = ("excludeListFull", "excludeListSync", "excludeListUpdate", "excludeListGrab", "excludeListGrabnew")
    return maker.make(
        "Category",
        "",
        spec.name,
        name=spec.name,
        bmcSettings=bmc_settings,
        softwareImageProxy=proxy,
        managementNetwork=_management_network(spec.network, head_node.networks),
        disksetup=DEFAULT_DISK_SETUP,
        fsmounts=[_mount(maker, spec.name, *mount) for mount in _MOUNTS],
        **dict.fromkeys(lists, _EXCLUDE_LIST),
    )


def _mount(maker: _Maker, category: str, device: str, point: str, filesystem: str, options: str) -> Entity:
    values = {"device": device, "mountpoint": point, "filesystem": filesystem, "mountoptions": options}
    return maker.make("FSMount", "", f"{category}{point}", **values)


def _management_network(name: str, networks: Iterable[NetworkSpec]) -> str:
    chosen = name or next((network.name for network in networks if network.management), "")
    return stable_uuid("Network", "", chosen) if chosen else ZERO_UUID


def _head_node(maker: _Maker, spec: HeadNodeSpec, key: str, *, number: int) -> Entity:
    """Make the first head node, which serves the images, or the second, which does not."""
    mac = f"{_HEAD_NODE_MAC_PREFIX}{number:02X}"
    network = next((network for network in spec.networks if network.management), None)
    address = str(_block_of(network).broadcast_address - number) if network else "127.0.0.1"
    interface = maker.make(
        "NetworkInterface",
        "NetworkPhysicalInterface",
        key,
        name="ens33",
        ip=address,
        mac=mac,
        connectedMode=True,
        network=stable_uuid("Network", "", network.name) if network else ZERO_UUID,
    )
    roles = [
        maker.make("Role", child, key, name=name, maxProvisioningNodes=spec.slots)
        for child, name in _HEAD_NODE_ROLES.items()
        if number == 1 or child != "ProvisioningRole"
    ]
    return maker.make(
        "Device",
        "HeadNode",
        key,
        hostname=key,
        mac=mac,
        cmdaemonUrl=f"https://{address}:8081",
        partition=stable_uuid("Partition", "", "base"),
        interfaces=[interface],
        roles=roles,
    )


def _device(maker: _Maker, machine: MachineSpec, spec: HeadNodeSpec) -> Entity:
    key = machine.name
    boot = maker.make(
        "NetworkInterface",
        "NetworkPhysicalInterface",
        key,
        name="BOOTIF",
        ip=machine.management_ip or "0.0.0.0",
        network=_network_of(machine.management_ip, spec.networks),
    )
    bmc = maker.make(
        "NetworkInterface",
        "NetworkBmcInterface",
        key,
        name="ipmi0",
        ip=machine.bmc.address,
        network=_network_of(machine.bmc.address, spec.networks),
    )
    account = {"userName": machine.bmc.username, "password": machine.bmc.password}
    return maker.make(
        "Device",
        "PhysicalNode",
        key,
        hostname=key,
        mac=machine.mac,
        category=stable_uuid("Category", "", machine.category),
        partition=stable_uuid("Partition", "", "base"),
        interfaces=[boot, bmc],
        provisioningInterface=boot["uuid"],
        powerControl="ipmi0",
        bmcSettings=maker.make("BMCSettings", "", key, **account),
        serialNumber=machine.serial,
        partNumber=machine.part_number,
    )


def _block_of(network: NetworkSpec) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network(f"{network.base_address}/{network.netmask_bits}", strict=False)


def _network_of(address: str, networks: Iterable[NetworkSpec]) -> str:
    for network in networks:
        if address and ipaddress.IPv4Address(address) in _block_of(network):
            return stable_uuid("Network", "", network.name)
    return ZERO_UUID
