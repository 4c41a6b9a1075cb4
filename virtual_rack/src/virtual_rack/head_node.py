# SPDX-License-Identifier: GPL-3.0-or-later
"""A head node and its machine room, put together. No HTTP, no real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from virtual_rack.clock import Clock
from virtual_rack.entities.commit import Commits
from virtual_rack.entities.database import KINDS, Change, Database
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.entities.initial import fill_database
from virtual_rack.entities.normalise import Rules
from virtual_rack.entities.part_shapes import BOND_MEMBERS
from virtual_rack.faults import Faults
from virtual_rack.nodes.boot import Boots
from virtual_rack.nodes.image_update import ImageUpdates
from virtual_rack.nodes.machine import Machine, Machines
from virtual_rack.nodes.other_transfers import OtherTransfers
from virtual_rack.nodes.provisioning import Provisioning
from virtual_rack.nodes.registry import Registry
from virtual_rack.nodes.status import DeviceStatus, StatusBoard
from virtual_rack.nodes.transfers import Transfers
from virtual_rack.pair import Pair
from virtual_rack.power.direct import DirectPower
from virtual_rack.power.driver import PowerDriver
from virtual_rack.power.operations import PowerRunner
from virtual_rack.rack_file import RackSpec
from virtual_rack.sessions import Sessions


class HeadNode:
    """Everything that a rack file describes, in motion."""

    def __init__(
        self,
        rack: RackSpec,
        *,
        clock: Clock,
        driver: PowerDriver | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = rack.head_node
        self.pair = Pair(self.spec.hostname, self.spec.passive)
        self.clock = clock
        self.faults = Faults(monotonic_s=monotonic_s)
        self.sessions = Sessions(monotonic_s=monotonic_s)
        self.database = Database()
        self.board = StatusBoard(date_s=clock.date_s)
        self.machines = Machines(rack.machines)
        self.registry = Registry(database=self.database, board=self.board, machines=self.machines)
        self.provisioning = Provisioning(clock=clock, database=self.database, board=self.board)
        self.other_transfers = OtherTransfers(
            database=self.database, provisioning=self.provisioning, faults=self.faults
        )
        self.transfers = Transfers(clock=clock, provisioning=self.provisioning, board=self.board, faults=self.faults)
        self.boots = Boots(
            clock=clock,
            registry=self.registry,
            board=self.board,
            provisioning=self.provisioning,
            transfers=self.transfers,
            faults=self.faults,
        )
        self.direct_power = DirectPower(
            machines=self.machines, boots=self.boots, registry=self.registry, faults=self.faults
        )
        self.image_updates = ImageUpdates(
            registry=self.registry, provisioning=self.provisioning, transfers=self.transfers
        )
        self.power = PowerRunner(
            clock=clock,
            database=self.database,
            board=self.board,
            registry=self.registry,
            faults=self.faults,
            driver=driver or self.direct_power,
        )
        unknown = frozenset() if self.spec.bond_members == "interfaces" else frozenset({BOND_MEMBERS})
        rules = Rules(self.spec.version, lenient=self.spec.update_mode == "lenient", unknown=unknown)
        self.commits = Commits(self.database, rules=rules, faults=self.faults, date_s=clock.date_s)
        self._rack = rack

    def fill(self) -> None:
        """Begin as the rack file says."""
        fill_database(self.database, self._rack, date_s=self.clock.date_s())
        for machine in self.machines.all:
            if machine.spec.power:
                self._begin_with_power(machine)
        self._begin_to_tell()

    def load_state(self, state: dict[str, Any]) -> None:
        """Begin where an earlier program stopped."""
        for kind in KINDS:
            for entity in state["entities"].get(kind, []):
                # An image that was being copied is taken for copied: nothing of its content is simulated.
                done = {"fileOperationInProgress": False, "originalImage": ZERO_UUID} if kind == "SoftwareImage" else {}
                self.database.put(kind, entity | done)
        self.registry.load_state(state["records"])
        self.power.load_state(state["power_history"])
        for uuid, flags in state["flags"].items():
            self.board.change(uuid, **flags)
        for machine in self.machines.all:
            if machine.spec.name in state["machines"]:
                machine.load_state(state["machines"][machine.spec.name])
            self._go_on(machine)
        self._begin_to_tell()

    def to_state(self) -> dict[str, Any]:
        """Give what outlives the program."""
        return {
            "entities": {kind: self.database.all(kind) for kind in KINDS},
            "records": self.registry.to_state(),
            "power_history": self.power.to_state(),
            "flags": {status.device: _lasting(status) for status in self.board.all()},
            "machines": {machine.spec.name: machine.to_state() for machine in self.machines.all},
        }

    def press_power(self, machine: Machine, *, power: bool) -> None:
        """Let somebody press the button on the machine."""
        if power:
            self.boots.power_on(machine)
        else:
            self.boots.power_off(machine)

    def stop_daemon(self) -> None:
        """Let CMDaemon end: it knows no session any more, does no power operation and hands out no slot."""
        self.sessions.forget_all()
        self.power.forget_pending()
        self.provisioning.pause()

    def take_over(self) -> None:
        """Let the passive head node's CMDaemon do what the active one's did: with its database, not its memory."""
        self.stop_daemon()
        self.pair.take_over()
        self.start_daemon()

    def start_daemon(self) -> None:
        """Let CMDaemon start again, with its database as it was."""
        self.provisioning.resume()

    def _begin_with_power(self, machine: Machine) -> None:
        device = self.registry.node_of(machine)
        machine.power = True
        if device is None:
            self.boots.start_running(machine)
            return
        machine.disk = self.registry.disk_of(device)
        machine.kernel_parameters = machine.disk.kernel_parameters
        self.registry.note_running(device)
        self.boots.resume_up(machine, device)

    def _go_on(self, machine: Machine) -> None:
        device = self.registry.node_of(machine)
        if machine.power and machine.running is not None and device is not None:
            self.boots.resume_up(machine, device)
        elif machine.power:
            # What was half way begins its boot anew: a program that ended looks like a power failure.
            self.boots.start_running(machine)

    def _begin_to_tell(self) -> None:
        self.database.listen(self._tell_change)
        self.board.listen(self._tell_status)
        self.power.on_result = self._tell_power
        self.provisioning.on_change = lambda: self.sessions.publish("ProvisioningEvent")

    def _tell_change(self, change: Change) -> None:
        updated = [change.uuid] if change.after is not None else []
        removed = [] if updated else [change.uuid]
        self.sessions.publish(
            "EntitiesChangedEvent", entityTypeName=change.kind, updateUuids=updated, removeUuids=removed
        )

    def _tell_status(self, status: DeviceStatus) -> None:
        self.sessions.publish("DeviceStatusChangedEvent", status=[status.to_api()])

    def _tell_power(self, status: Entity) -> None:
        self.sessions.publish("PowerStatusChangedEvent", status=[status])


def _lasting(status: DeviceStatus) -> dict[str, Any]:
    kept = replace(status, restart_reasons=())
    names = ("closed", "muted", "user_message", "tool_message")
    return {name: getattr(kept, name) for name in names}
