# SPDX-License-Identifier: GPL-3.0-or-later
"""cmdevice: devices, categories, power."""

from __future__ import annotations

import uuid as uuids

from virtual_rack.entities.commit import CommitResult
from virtual_rack.entities.fields import Entity
from virtual_rack.entities.validation import Validation, bad_value
from virtual_rack.head_node import HeadNode
from virtual_rack.pair import uuid_of
from virtual_rack.power.operations import OPERATIONS, PowerOperation
from virtual_rack.services.calls import Args, Keys, Service
from virtual_rack.services.entities import added, entity_calls, shown


class DeviceService:
    """Devices and their power."""

    def __init__(self, head: HeadNode) -> None:
        self._head = head

    def calls(self) -> Service:
        """Give the calls by name."""
        head = self._head
        return {
            **entity_calls(head, "Device", "Devices", bulk=True),
            **entity_calls(head, "Category", "Categories", bulk=True),
            "getNodes": lambda _: [device for device in head.database.all("Device") if is_node(device)],
            "getComputeNodes": lambda _: [d for d in head.database.all("Device") if d["childType"] == "PhysicalNode"],
            "getHeadNodes": lambda _: [d for d in head.database.all("Device") if d["childType"] == "HeadNode"],
            "getNewNodes": lambda _: head.boots.new_nodes.to_api(),
            "getNode": self._get_node,
            "getDevice": self._get_device,
            "addLiteNode": lambda args: added(shown(head, head.commits.add("Device", _lite_node(args.entity())))),
            "updateLiteNode": self._update_lite_node,
            "powerOperation": self._power_operation,
            "powerOperationHistory": lambda args: head.power.history(args.uuids(), last_only=args.flag(1)),
            "preboot": lambda args: self._shut_down(args, restart=True),
            "pshutdown": lambda args: self._shut_down(args, restart=False),
            # A success without any effect, as was seen.
            "reboot": lambda _: {"operations": [], "success": True},
        }

    def _get_node(self, args: Args) -> Entity | None:
        name = args.text(0)
        if name == "master":
            return self._head.database.get("Device", uuid_of(self._head.pair.active))
        device = self._head.database.find("Device", name)
        return device if device and is_node(device) else None

    def _get_device(self, args: Args) -> Entity | None:
        name = args.text(0)
        return self._head.database.find("Device", name) or self._head.database.device_with_mac(name)

    def _update_lite_node(self, args: Args) -> Entity:
        sent = args.entity()
        stored = self._head.database.get("Device", str(sent.get("uuid")))
        if stored is not None and stored["childType"] != "LiteNode":
            return CommitResult((bad_value(stored["uuid"], "childType"),)).to_api()
        return self._head.commits.update("Device", _lite_node(sent)).to_api()

    def _power_operation(self, args: Args) -> Entity:
        asked = _read_power_operation(Keys(args.entity()))
        if asked.operation not in OPERATIONS:
            return _refuse_operation(asked.operation)
        return self._head.power.start(asked)

    def _shut_down(self, args: Args, *, restart: bool) -> Entity:
        results = [self._shut_down_one(uuid, restart=restart) for uuid in args.uuids(2)]
        # ASSUMED: what a BlockingOperation holds is unknown, so there are none; and with no scripts to run before the
        # halt the time given to them has no effect. preboot of a node with such a script settles both.
        return {"success": results, "operations": []}

    def _shut_down_one(self, uuid: str, *, restart: bool) -> bool:
        """Ask a node's own daemon, which is there only while the node is UP and really runs its system."""
        head = self._head
        device, status = head.database.get("Device", uuid), head.board.get(uuid)
        machine = head.registry.machine_of(device) if device else None
        # Right after a reset the status still says UP, but nobody is there to ask.
        if machine is None or machine.running is None or status is None or status.status != "UP":
            return False
        # ASSUMED: the history has it as soon as the daemon has taken it, whatever comes of it.
        head.power.note(uuid, "REBOOT" if restart else "SHUTDOWN")
        if not head.faults.strike("daemon_ignores", node=head.registry.names_of(machine)):
            head.boots.shut_down(machine, restart=restart)
        return True


def _lite_node(sent: Entity) -> Entity:
    """Take a LiteNode as NVIDIA's own daemon sends it: its interface has no uuid.

    ASSUMED: only the calls of LiteNodes take that; with addDevice it was seen to be refused. Both with addDevice and
    addLiteNode on a live head node settle it.
    """
    interfaces = sent.get("interfaces")
    if isinstance(interfaces, list):
        interfaces = [{"uuid": str(uuids.uuid4()), **i} if isinstance(i, dict) else i for i in interfaces]
        sent = {**sent, "interfaces": interfaces}
    return {**sent, "childType": "LiteNode"}


def is_node(device: Entity) -> bool:
    """Say whether a device is a node; a LiteNode is not."""
    return device["childType"] in ("PhysicalNode", "HeadNode")


def _read_power_operation(sent: Keys) -> PowerOperation:
    """Read it from the wire; unknown keys are ignored."""
    return PowerOperation(
        operation=sent.text("operation"),
        devices=sent.texts("devices"),
        force=sent.flag("force"),
        delay_ms=sent.amount("delay"),
        retries=sent.count("retryCount"),
        retry_delay_ms=sent.amount("retryDelay"),
    )


def _refuse_operation(operation: str) -> Entity:
    # ASSUMED: CYCLE and other unknown operations are refused like a wrong field; no answer was seen.
    finding = Validation("", "operation", "NOT_IN_SET", f"Illegal value for: operation ({operation})")
    return {"success": False, "validation": [finding.to_api()], "count": 0, "index": 0}
