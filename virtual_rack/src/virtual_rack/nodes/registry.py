# SPDX-License-Identifier: GPL-3.0-or-later
"""What the head node remembers about nodes beside their entities, and who is who."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from virtual_rack.entities.database import Change, Database
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.nodes.assignment import (
    Assignment,
    ImageChoice,
    Script,
    assignment_of,
    boot_address,
    disk_setup_of,
    effective_image,
    fingerprint,
    is_data_node,
    kernel_parameters_of,
    restart_reasons,
    scripts_of,
)
from virtual_rack.nodes.disk_setup import read_disk_setup
from virtual_rack.nodes.install_plan import InstallFacts
from virtual_rack.nodes.machine import Disk, InstalledImage, Machine, Machines
from virtual_rack.nodes.status import DeviceStatus, StatusBoard


@dataclass
class NodeRecord:
    """What is remembered of one device: whether it was ever installed, and what it booted with."""

    is_new: bool = True
    booted: Assignment | None = None


class Registry:
    """Brings devices (entities) and machines (metal) together."""

    def __init__(self, *, database: Database, board: StatusBoard, machines: Machines) -> None:
        self._database = database
        self._board = board
        self._machines = machines
        self._records: dict[str, NodeRecord] = {}
        database.listen(self._on_change)

    def device_of(self, machine: Machine) -> Entity | None:
        """Find what is registered with a machine's MAC address."""
        return self._database.device_with_mac(machine.spec.mac)

    def node_of(self, machine: Machine) -> Entity | None:
        """Identify a machine that asks for an installation; BCM installs nothing on a LiteNode."""
        device = self.device_of(machine)
        return device if device and device["childType"] == "PhysicalNode" else None

    def machine_of(self, device: Entity) -> Machine | None:
        """Find the metal of a device."""
        return self._machines.with_mac(device["mac"])

    def power_target_of(self, device: Entity) -> Machine | None:
        """Find the metal that a device's power operations reach: by its BMC's address, else by MAC."""
        control = device["powerControl"]
        addresses = [interface["ip"] for interface in device["interfaces"] if interface["name"] == control]
        behind = (self._machines.behind_bmc(address) for address in addresses)
        return next((machine for machine in behind if machine), None) or self.machine_of(device)

    def names_of(self, machine: Machine) -> tuple[str, ...]:
        """Give the names under which faults may mean a machine: its own and its device's."""
        device = self.device_of(machine)
        return (machine.spec.name, device["hostname"]) if device else (machine.spec.name,)

    def machines_up(self) -> list[Machine]:
        """Give the machines whose nodes the head node sees UP."""
        seen = ((machine, self._board.get(machine.device or "")) for machine in self._machines.all)
        return [machine for machine, status in seen if machine.running and status and status.status == "UP"]

    def image_of(self, device: Entity) -> InstalledImage:
        """Give the image that a device is meant to run."""
        choice = effective_image(device, self._category(device))
        image = self._database.get("SoftwareImage", choice.uuid)
        return InstalledImage(image["name"] if image else "", choice.uuid, choice.revision)

    def disk_of(self, device: Entity) -> Disk:
        """Give the disk that a device is meant to have."""
        setup = disk_setup_of(device, self._category(device))
        parameters = self.kernel_parameters_of(device)
        return Disk(fingerprint(setup), self.image_of(device), read_disk_setup(setup) or (), parameters)

    def kernel_parameters_of(self, device: Entity) -> str:
        """Give what the kernel of a device is to be started with."""
        category = self._category(device)
        image = self._database.get("SoftwareImage", effective_image(device, category).uuid)
        return kernel_parameters_of(device, category, image)

    def scripts_of(self, device: Entity) -> tuple[Script, ...]:
        """Give the scripts that the installer runs for a device, in their order."""
        return scripts_of(device, self._category(device))

    def install_facts(self, machine: Machine, device: Entity) -> InstallFacts:
        """Collect what the installer looks at."""
        category = self._category(device) or {}
        setup = disk_setup_of(device, category)
        cleared = bool(device.get("blockDevicesClearedOnNextBoot"))
        return InstallFacts(
            is_new=self._record(device["uuid"]).is_new,
            category_new_mode=category.get("newNodeInstallMode", ""),
            next_boot_mode=device.get("nextBootInstallMode", ""),
            node_mode=device.get("installMode", ""),
            category_mode=category.get("installMode", ""),
            is_data_node=is_data_node(device, category),
            disk_has_layout=machine.disk.layout == fingerprint(setup) and not cleared,
            disk_has_system=machine.disk.image is not None,
            disk_setup_is_readable=read_disk_setup(setup) is not None,
        )

    def note_boot(self, device: Entity) -> None:
        """Remember what a device boots with."""
        self._record(device["uuid"]).booted = assignment_of(device, self._category(device))
        self._board.change(device["uuid"], restart_reasons=())
        if device.get("blockDevicesClearedOnNextBoot"):
            self._database.change("Device", device["uuid"], blockDevicesClearedOnNextBoot=[])

    def note_installed(self, uuid: str) -> None:
        """Remember that the installer's tasks are done: the node is not new, the one-shot mode is used up."""
        self._record(uuid).is_new = False
        self._database.change("Device", uuid, nextBootInstallMode="")

    def note_up(self, uuid: str) -> None:
        """Let a node's daemon report: the head node learns its address, and what changed during the boot shows."""
        device = self._database.get("Device", uuid)
        if device is None:
            return
        if not device["cmdaemonUrl"] and (address := boot_address(device)):
            self._database.change("Device", uuid, cmdaemonUrl=f"https://{address}:8081")
        self._update_restart_required(device)

    def note_running(self, device: Entity) -> None:
        """Treat a device as installed and booted with what it is assigned now."""
        record = self._record(device["uuid"])
        record.is_new, record.booted = False, assignment_of(device, self._category(device))

    def to_state(self) -> dict[str, Any]:
        """Give what outlives the program."""
        return {uuid: asdict(record) for uuid, record in self._records.items()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what an earlier program saved."""
        self._records = {uuid: NodeRecord(r["is_new"], _assignment(r["booted"])) for uuid, r in state.items()}

    def _record(self, uuid: str) -> NodeRecord:
        return self._records.setdefault(uuid, NodeRecord())

    def _category(self, device: Entity) -> Entity | None:
        return self._database.get("Category", device.get("category", ZERO_UUID))

    def _on_change(self, change: Change) -> None:
        if change.kind == "Category" and change.after is not None:
            self._for_members(change.uuid, self._update_restart_required)
        if change.kind != "Device":
            return
        if change.after is None:
            self._board.forget(change.uuid)
            self._records.pop(change.uuid, None)
        elif change.before is None:
            status = "UP" if change.after["childType"] == "HeadNode" else "DOWN"
            self._board.add(DeviceStatus(change.uuid, status=status))
        else:
            self._update_restart_required(change.after)

    def _for_members(self, category: str, act: Callable[[Entity], None]) -> None:
        for device in self._database.all("Device"):
            if device.get("category") == category:
                act(device)

    def _update_restart_required(self, device: Entity) -> None:
        status = self._board.get(device["uuid"])
        booted = self._records.get(device["uuid"], NodeRecord()).booted
        if booted is None or status is None or status.status != "UP":
            return
        reasons = restart_reasons(booted, assignment_of(device, self._category(device)))
        known = status.restart_reasons
        self._board.change(device["uuid"], restart_reasons=known + tuple(r for r in reasons if r not in known))


def _assignment(state: dict[str, Any] | None) -> Assignment | None:
    if state is None:
        return None
    return Assignment(
        image=ImageChoice(**state["image"]),
        category=state["category"],
        disk_setup=state["disk_setup"],
        network=tuple((n[0], n[1], n[2], n[3]) for n in state["network"]),
    )
