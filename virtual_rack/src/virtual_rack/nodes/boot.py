# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a machine: power, network boot, installer, operating system, and back.

Every step is a timer. A timer belongs to one life of the machine; losing power begins a new one.
"""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass, replace

from virtual_rack.clock import Clock
from virtual_rack.entities.fields import Entity
from virtual_rack.faults import Faults
from virtual_rack.nodes.assignment import Script, has_boot_interface
from virtual_rack.nodes.install_plan import (
    FINALIZE,
    INITIALIZE,
    PROVISIONING,
    SWITCHING,
    InstallPlan,
    Step,
    plan_install,
)
from virtual_rack.nodes.machine import Disk, InstalledImage, Machine
from virtual_rack.nodes.new_nodes import NewNodes
from virtual_rack.nodes.provisioning import Provisioning
from virtual_rack.nodes.registry import Registry
from virtual_rack.nodes.scripts import ScriptRunner
from virtual_rack.nodes.slots import Request
from virtual_rack.nodes.status import StatusBoard
from virtual_rack.nodes.transfers import Transfers

# ASSUMED: how long the head node takes to miss a node, and a machine to try the network boot again.
DOWN_AFTER_S = 30.0
PXE_RETRY_S = 60.0
GOING_DOWN_S = 10.0

_INSTALLER_FAULTS = {
    "install_fails": "INSTALLER_FAILED",
    "installer_unreachable": "INSTALLER_UNREACHABLE",
    "installer_rebooting": "INSTALLER_REBOOTING",
}


@dataclass(frozen=True)
class Installation:
    """One run of the installer on one machine."""

    machine: Machine
    device: str
    plan: InstallPlan
    image: InstalledImage
    disk: Disk
    scripts: tuple[Script, ...]
    request: str


class Boots:
    """Moves machines through their lives."""

    def __init__(
        self,
        *,
        clock: Clock,
        registry: Registry,
        board: StatusBoard,
        provisioning: Provisioning,
        transfers: Transfers,
        faults: Faults,
    ) -> None:
        self._listeners: list[Callable[[Machine], None]] = []
        self._clock = clock
        self.new_nodes = NewNodes(clock=clock, registry=registry)
        self._registry = registry
        self._board = board
        self._provisioning = provisioning
        self._transfers = transfers
        self._faults = faults
        self._installations: dict[str, Installation] = {}
        self._scripts = ScriptRunner(faults=faults, later=self._after)
        self._flapping: set[str] = set()
        faults.listen(self._flap_those_up)

    def listen(self, listener: Callable[[Machine], None]) -> None:
        """Call `listener` whenever a machine gets or loses power, begins to boot, or is told what to boot from."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Machine], None]) -> None:
        """Call it no more."""
        self._listeners.remove(listener)

    def power_on(self, machine: Machine) -> None:
        """Give power; a running machine runs on."""
        if not machine.power:
            machine.power = True
            self._start(machine)

    def power_off(self, machine: Machine) -> None:
        """Take power away at once."""
        if machine.power:
            machine.power = False
            self._lose(machine)
            self._tell(machine)

    def reset(self, machine: Machine) -> None:
        """Restart a machine that has power, without asking its operating system."""
        if machine.power:
            self._lose(machine)
            self._start(machine)

    def set_boot_device(self, machine: Machine, device: str) -> None:
        """Choose what the next boot uses, and only that one."""
        machine.boot_device = device
        self._tell(machine)

    def shut_down(self, machine: Machine, *, restart: bool) -> None:
        """Let the operating system go down, and come back or not."""
        slow = self._faults.strike("shutdown_slow", node=self._registry.names_of(machine))
        going_down_s = GOING_DOWN_S + (float(slow.options["seconds"]) if slow else 0.0)
        self._report(machine, "GOING_DOWN")
        self._after(machine, going_down_s, lambda: self.reset(machine) if restart else self.power_off(machine))

    def press_soft_off(self, machine: Machine) -> None:
        """Ask by ACPI for a shutdown, which the operating system may not hear."""
        if not self._faults.strike("soft_off_ignored", node=self._registry.names_of(machine)):
            self.shut_down(machine, restart=False)

    def press_soft_restart(self, machine: Machine) -> None:
        """Ask by ACPI for a restart, which the operating system may not hear."""
        if not self._faults.strike("soft_off_ignored", node=self._registry.names_of(machine)):
            self.shut_down(machine, restart=True)

    def resume_up(self, machine: Machine, device: Entity) -> None:
        """Take over a machine that has been running its operating system since before the program started."""
        machine.device = device["uuid"]
        self._come_up(machine)

    def start_running(self, machine: Machine) -> None:
        """Take over a machine that has power and is somewhere before its operating system."""
        self._start(machine)

    def _tell(self, machine: Machine) -> None:
        for listener in tuple(self._listeners):
            listener(machine)

    def _after(self, machine: Machine, seconds: float, step: Callable[[], None]) -> None:
        life = machine.life
        self._clock.call_later(seconds, lambda: step() if machine.life == life else None)

    def _report(self, machine: Machine, status: str, message: str = "", **flags: object) -> None:
        machine.reported_s = self._clock.now_s
        if machine.device is not None:
            self._board.set(machine.device, status, message, **flags)

    def _lose(self, machine: Machine) -> None:
        machine.life += 1
        machine.running = machine.kernel_parameters = None
        machine.power_lost_s = self._clock.now_s
        installation = self._installations.pop(machine.spec.name, None)
        if installation is not None:
            self._provisioning.finish(installation.request)
        self._clock.call_later(DOWN_AFTER_S, lambda: self._miss(machine))

    def _miss(self, machine: Machine) -> None:
        silent_s = self._clock.now_s - machine.power_lost_s
        if machine.reported_s <= machine.power_lost_s and silent_s >= DOWN_AFTER_S and machine.device is not None:
            self._board.set(machine.device, "DOWN")

    def _start(self, machine: Machine) -> None:
        machine.life += 1
        device, machine.boot_device = machine.boot_device, "none"
        self._tell(machine)
        if device in ("none", "pxe"):
            self._after(machine, machine.spec.times.post, lambda: self._network_boot(machine))
        elif device == "default" and machine.disk.image is not None:
            # Past the head node: it sees the node again when its daemon reports.
            times = machine.spec.times
            machine.kernel_parameters = machine.disk.kernel_parameters
            self._after(machine, times.post + times.boot + times.init, lambda: self._come_up(machine))

    def _network_boot(self, machine: Machine) -> None:
        device = self._registry.node_of(machine)
        if device is None:
            # A machine nobody registered keeps trying, so registering it later is enough.
            self.new_nodes.note(machine)
            self._after(machine, PXE_RETRY_S, lambda: self._network_boot(machine))
            return
        machine.device = device["uuid"]
        if self._faults.strike("never_boots", node=self._registry.names_of(machine)):
            return
        machine.boots += 1
        machine.kernel_parameters = self._registry.kernel_parameters_of(device)
        if has_boot_interface(device):
            self._report(machine, "BOOTING")
        self._after(machine, machine.spec.times.boot, lambda: self._start_installer(machine))

    def _start_installer(self, machine: Machine) -> None:
        device = self._registry.node_of(machine)
        if device is None:
            self._network_boot(machine)
            return
        machine.device = device["uuid"]
        machine.scripts, machine.has_copied = (), False
        installation = self._prepare(machine, device)
        self._installations[machine.spec.name] = installation
        self._registry.note_boot(device)
        self._step(installation, 0)

    def _prepare(self, machine: Machine, device: Entity) -> Installation:
        plan = plan_install(self._registry.install_facts(machine, device))
        return Installation(
            machine=machine,
            device=device["uuid"],
            plan=plan,
            image=self._registry.image_of(device),
            disk=self._registry.disk_of(device),
            scripts=self._registry.scripts_of(device),
            request=str(uuids.uuid4()),
        )

    def _step(self, installation: Installation, number: int) -> None:
        steps = installation.plan.steps
        if number == len(steps):
            self._switch_root(installation)
            return
        step = steps[number]
        if step.message:
            self._report(installation.machine, "INSTALLING", step.message)
        if not self._breaks(installation, step):
            self._begin(installation, step, lambda: self._step(installation, number + 1))

    def _begin(self, installation: Installation, step: Step, finished: Callable[[], None]) -> None:
        machine = installation.machine
        if step.kind == "queue":
            self._queue(installation, finished)
        elif step.kind == "transfer":
            self._transfer(installation, finished)
        elif step.kind == "fail":
            self._fail(machine, "INSTALLER_FAILED", step.message)
        elif step.kind in (INITIALIZE, FINALIZE):
            self._run_scripts(installation, step.kind, finished)
        elif step.kind == "partition":
            self._after(machine, step.seconds, self._parted(installation, finished))
        elif step.kind == "pass":
            self._after(machine, step.seconds, finished)

    def _run_scripts(self, installation: Installation, phase: str, finished: Callable[[], None]) -> None:
        machine = installation.machine
        self._scripts.run(
            machine,
            tuple(script for script in installation.scripts if script.phase == phase),
            names=self._registry.names_of(machine),
            finished=finished,
            # ASSUMED: a script that fails ends the installation. One that exits with 1 settles it.
            failed=lambda text: self._fail(machine, "INSTALLER_FAILED", text),
        )

    def _parted(self, installation: Installation, finished: Callable[[], None]) -> Callable[[], None]:
        def parted() -> None:
            # The old system is gone, and the layout counts as whole only with the new one.
            installation.machine.disk = Disk(partitions=installation.disk.partitions)
            finished()

        return parted

    def _queue(self, installation: Installation, finished: Callable[[], None]) -> None:
        machine = installation.machine
        request = Request(
            uuid=installation.request,
            image=installation.image.uuid,
            destination=installation.device,
            mode=installation.plan.transfer,
        )
        # Never within the call that asks: a slot is granted by the head node's own loop.
        self._provisioning.ask(request, start=lambda: self._after(machine, 0.0, finished))

    def _transfer(self, installation: Installation, finished: Callable[[], None]) -> None:
        machine = installation.machine
        full = installation.plan.transfer == "FULL"
        # From here on the old system is gone; a machine that loses power now has a half-written disk.
        machine.disk = replace(machine.disk, image=None)
        times = machine.spec.times
        self._transfers.begin(
            installation.request,
            names=self._registry.names_of(machine),
            seconds=times.install_full if full else times.install_sync,
            finished=self._copied(installation, finished),
            failed=lambda text: self._fail(machine, "INSTALLER_FAILED", f"{PROVISIONING}: {text}"),
        )

    def _copied(self, installation: Installation, finished: Callable[[], None]) -> Callable[[], None]:
        def copied() -> None:
            installation.machine.disk = installation.disk
            installation.machine.has_copied = True
            installation.machine.installs += 1
            self._provisioning.finish(installation.request)
            finished()

        return copied

    def _switch_root(self, installation: Installation) -> None:
        machine = installation.machine
        self._installations.pop(machine.spec.name, None)
        machine.last_install_mode = installation.plan.transfer or installation.plan.mode
        self._registry.note_installed(installation.device)
        self._report(machine, "INSTALLER_CALLING_INIT", SWITCHING)
        self._after(machine, machine.spec.times.init, lambda: self._come_up(machine))

    def _come_up(self, machine: Machine) -> None:
        machine.running = machine.disk.image
        self._report(machine, "UP", provisioning_failed=False)
        if machine.device is not None:
            self._registry.note_up(machine.device)
        self._flap(machine)

    def _flap_those_up(self) -> None:
        if self._faults.find("flap"):
            for machine in self._registry.machines_up():
                if machine.spec.name not in self._flapping:
                    self._flap(machine)

    def _flap(self, machine: Machine) -> None:
        # Before striking: the last strike of a fault is a change of faults, of which this object hears.
        self._flapping.add(machine.spec.name)
        if flap := self._faults.strike("flap", node=self._registry.names_of(machine)):
            seconds = float(flap.options["seconds"])
            self._after(machine, seconds, lambda: self._vanish(machine, seconds))
        else:
            self._flapping.discard(machine.spec.name)

    def _vanish(self, machine: Machine, seconds: float) -> None:
        """Let the head node lose sight of a machine that runs on."""
        self._report(machine, "DOWN")
        self._after(machine, seconds, lambda: self._come_up(machine))

    def _breaks(self, installation: Installation, step: Step) -> bool:
        machine = installation.machine
        for kind, status in _INSTALLER_FAULTS.items():
            fault = self._faults.strike(kind, node=self._registry.names_of(machine), phase=step.message)
            if fault is not None:
                self._fail(machine, status, str(fault.options.get("message", f"{step.message}: failed")))
                return True
        return False

    def _fail(self, machine: Machine, status: str, text: str) -> None:
        installation = self._installations.pop(machine.spec.name, None)
        machine.life += 1
        if status == "INSTALLER_REBOOTING":
            self._report(machine, status, "rebooting")
            self._after(machine, machine.spec.times.post, lambda: self._network_boot(machine))
        else:
            self._report(machine, status, text, provisioning_failed=status == "INSTALLER_FAILED")
        if installation is not None:
            self._provisioning.finish(installation.request)
