# SPDX-License-Identifier: GPL-3.0-or-later
"""Power operations as the head node runs them: accepted at once, done later, reported by event and history."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from virtual_rack.clock import Clock
from virtual_rack.entities.database import Database
from virtual_rack.entities.fields import ZERO_UUID, Entity
from virtual_rack.faults import Faults
from virtual_rack.json_text import Frozen
from virtual_rack.nodes.registry import Registry
from virtual_rack.nodes.status import StatusBoard
from virtual_rack.power.driver import BmcAccess, BmcAction, BmcAnswer, PowerDriver

# How long the head node and a BMC need for one operation, in simulated seconds.
OPERATION_S = 2.0
AUX_CYCLE_S = 10.0
OPERATIONS = ("ON", "OFF", "RESET", "STATUS", "AUXCYCLE")
_MAX_HISTORY = 100


@dataclass(frozen=True)
class PowerOperation:
    """What a client asked for."""

    operation: str
    devices: tuple[str, ...]
    force: bool = False
    delay_ms: float = 0
    retries: int = 0
    retry_delay_ms: float = 0


@dataclass(frozen=True)
class _Job:
    """One device's part of an operation."""

    index: int
    operation: str
    device: Entity
    names: tuple[str, ...]
    life: int
    retries_left: int
    retry_delay_s: float
    tries: int = 0


class PowerRunner:
    """Accepts power operations, runs them and reports their results.

    `on_result` is called with each `PowerStatus`, `on_forget` when what is under way is forgotten.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        board: StatusBoard,
        registry: Registry,
        faults: Faults,
        driver: PowerDriver,
    ) -> None:
        self.on_result: Callable[[Entity], None] = lambda _: None
        self.on_forget: Callable[[], None] = lambda: None
        self.driver = driver
        self._clock = clock
        self._database = database
        self._board = board
        self._registry = registry
        self._faults = faults
        self._indexes = itertools.count(1)
        self._life = 0
        self._history: dict[str, list[Entity]] = defaultdict(list)

    def start(self, asked: PowerOperation) -> Entity:
        """Accept an operation; return for how many devices it was started, as `count`, and its `index`."""
        index = next(self._indexes)
        count = 0
        for uuid in asked.devices:
            device = self._database.get("Device", uuid)
            # ASSUMED: unknown devices and those without power control are not counted and nothing else happens.
            # powerOperation on both kinds with a live head node settles it.
            if device is None or device["powerControl"] == "none":
                continue
            self._start_one(asked, index, device, after_s=count * asked.delay_ms / 1000)
            count += 1
        return {"count": count, "index": index}

    def history(self, devices: list[str], *, last_only: bool) -> list[Entity]:
        """Return what was done to devices (none named: all), oldest first."""
        chosen = devices or list(self._history)
        return [entry for uuid in chosen for entry in self._history.get(uuid, [])[-1 if last_only else 0 :]]

    def note(self, device: str, operation: str, *, success: bool = True, message: str = "") -> None:
        """Write an operation into a device's history, which keeps the last 100."""
        entries = self._history[device]
        entries.append(
            Frozen(
                {
                    "baseType": "PowerOperationHistory",
                    "childType": "",
                    "ref_device_uuid": device,
                    "executionTime": int(self._clock.date_s() * 1000),
                    "operation": operation,
                    "success": success,
                    "message": message,
                }
            )
        )
        del entries[:-_MAX_HISTORY]

    def forget_pending(self) -> None:
        """Do nothing more for operations that were accepted so far.

        ASSUMED: they are in CMDaemon's memory only, so that a restart loses those whose `delay` is not over, without an
        entry in the history. Restarting CMDaemon during a long batch settles it.
        """
        self._life += 1
        self.on_forget()

    def to_state(self) -> dict[str, Any]:
        """Return what is kept when the program ends."""
        return dict(self._history)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over what an earlier program saved."""
        self._history.update(state)

    def _start_one(self, asked: PowerOperation, index: int, device: Entity, *, after_s: float) -> None:
        machine = self._registry.power_target_of(device)
        names = (device["hostname"], *([machine.spec.name] if machine else []))
        if machine is not None and asked.operation != "STATUS":
            machine.power_operations += 1
        job = _Job(index, asked.operation, device, names, self._life, asked.retries, asked.retry_delay_ms / 1000)
        status = self._board.get(device["uuid"])
        if status is not None and status.closed and not asked.force:
            # ASSUMED: the result for a closed device is SKIPPED; the state exists, its use was not seen.
            self._clock.call_later(0, lambda: self._report(job, "SKIPPED", "device is closed"))
            return
        slow = self._faults.strike("power_slow", node=names)
        extra_s = float(slow.options["seconds"]) if slow else 0.0
        self._clock.call_later(after_s + OPERATION_S + extra_s, lambda: self._try(job))

    def _try(self, job: _Job) -> None:
        if job.life != self._life:
            return
        if fault := self._faults.strike("power_fails", node=job.names):
            self._finish(job, BmcAnswer(error=str(fault.options.get("message", "BMC did not answer"))))
        elif job.operation != "STATUS" and self._faults.strike("power_ignored", node=job.names):
            self._finish(job, BmcAnswer(is_on=job.operation != "OFF"))
        else:
            self._perform(job)

    def _perform(self, job: _Job) -> None:
        access = find_bmc(self._database, job.device)
        if isinstance(access, str):
            self._finish(job, BmcAnswer(error=access))
            return
        pause_s = self._off_and_on_pause_s(job)
        if pause_s:
            self.driver.perform(access, BmcAction.OFF, answer=lambda first: self._on_again(job, access, first, pause_s))
        else:
            self.driver.perform(access, BmcAction[job.operation], answer=lambda answer: self._finish(job, answer))

    def _off_and_on_pause_s(self, job: _Job) -> float:
        if job.operation == "AUXCYCLE":
            # ASSUMED: to the machine it is power lost and back.
            return AUX_CYCLE_S
        settings = find_bmc_settings(self._database, job.device)
        return float(settings["powerResetDelay"]) if settings and job.operation == "RESET" else 0.0

    def _on_again(self, job: _Job, access: BmcAccess, first: BmcAnswer, pause_s: float) -> None:
        if first.error:
            self._finish(job, first)
            return
        self._clock.call_later(pause_s, lambda: self._switch_on(job, access))

    def _switch_on(self, job: _Job, access: BmcAccess) -> None:
        if job.life == self._life:
            self.driver.perform(access, BmcAction.ON, answer=lambda answer: self._finish(job, answer))

    def _finish(self, job: _Job, answer: BmcAnswer) -> None:
        if job.life != self._life:
            return
        if answer.error and job.retries_left > 0:
            again = replace(job, retries_left=job.retries_left - 1, tries=job.tries + 1)
            self._clock.call_later(job.retry_delay_s, lambda: self._try(again))
            return
        # ASSUMED: a STATUS leaves no history; it is a question.
        if job.operation != "STATUS":
            self.note(job.device["uuid"], job.operation, success=not answer.error, message=answer.error)
        self._report(job, _state(job.operation, answer), answer.error)

    def _report(self, job: _Job, state: str, message: str) -> None:
        self.on_result(
            {
                "baseType": "PowerStatus",
                "childType": "",
                "device": job.device["uuid"],
                "host": job.device["hostname"],
                "name": job.device["powerControl"],
                "state": state,
                "msg": message,
                "extendedMsg": "",
                "indexes": [job.index],
                "tracker": 0,
                "retries": job.tries,
                "port": 0,
                "powerDistributionUnit": ZERO_UUID,
                "gpu": 0,
            }
        )


def _state(operation: str, answer: BmcAnswer) -> str:
    if answer.error:
        return "FAILED"
    if operation == "STATUS":
        return "ON" if answer.is_on else "OFF"
    return operation


def find_bmc(database: Database, device: Entity) -> BmcAccess | str:
    """Find a device's BMC and account; a text says why there is none."""
    control = device["powerControl"]
    interface = next((i for i in device["interfaces"] if i["name"] == control), None)
    if interface is None or interface["childType"] != "NetworkBmcInterface":
        return f"No BMC interface {control}"
    settings = find_bmc_settings(database, device)
    if settings is None:
        return "No BMC user name is set"
    return BmcAccess(interface["ip"], settings["userName"], settings["password"])


def find_bmc_settings(database: Database, device: Entity) -> Entity | None:
    """Find the settings with an account: the node's, then its category's, then its partition's."""
    owners = (
        device,
        database.get("Category", device.get("category", ZERO_UUID)),
        database.get("Partition", device["partition"]),
    )
    for owner in owners:
        settings: Entity | None = owner.get("bmcSettings") if owner else None
        if settings and settings["userName"]:
            return settings
    return None
