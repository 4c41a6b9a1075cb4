# SPDX-License-Identifier: GPL-3.0-or-later
"""A head node in a dictionary, behind a transport that opens no socket. Nodes move on by one step a status call."""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.answer import Answer
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmTransportError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport
from ansible_collections.baremetal.bcm.plugins.module_utils._values.clock import Clock

from .fake_clock import FakeClock
from .objects import make_category, make_head_node, make_image, make_network, make_partition, uid

Raw = dict[str, Any]
Step = tuple[str, str]

PASSWORD = "head-secret"
BOOT: tuple[Step, ...] = (
    ("DOWN", ""),
    ("BOOTING", ""),
    ("INSTALLING", "node-installer started"),
    ("INSTALLING", "waiting for FULL provisioning to start"),
    ("INSTALLING", "provisioning started, waiting for completion"),
    ("INSTALLER_CALLING_INIT", "switching to local root"),
    ("UP", ""),
)
# Calls that leave the cluster as it is; everything else counts as a write, powerOperation unless it is a STATUS.
READS = frozenset(
    {
        "getDevices",
        "getDevicesByUuids",
        "getCategories",
        "getSoftwareImages",
        "getPartitions",
        "getNetworks",
        "getRacks",
        "getActivePassiveUuids",
        "getVersion",
        "getLicenseInfo",
        "getStatusForDevices",
        "getProvisioningStatus",
        "powerOperationHistory",
        "registerSession",
        "unregisterSession",
        "waitForEvents",
        "acknowledgeKeepAlive",
    }
)


_REFUSALS = {
    "refuses": {"msg": "command failed", "extendedMsg": "chassis is busy"},
    "locked": {"msg": "IPMI session refused", "extendedMsg": "RAKP 2 HMAC is invalid"},
}


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


@dataclass(frozen=True)
class Call:
    """One call as it came over the wire."""

    service: str
    name: str
    args: list[Any]
    body: Raw

    @property
    def writes(self) -> bool:
        if self.name == "powerOperation":
            return bool(self.args[0]["operation"] != "STATUS")
        return self.name not in READS


@dataclass
class Node:
    """What is beside a device's entity: power, what its status will be, and how its BMC behaves."""

    power: str = "OFF"
    steps: list[Step] = field(default_factory=lambda: [("DOWN", "")])
    boot: tuple[Step, ...] = BOOT
    # "": well; "refuses"; "locked": refuses the login; "silent": no answer; "idle": says yes and does nothing
    bmc: str = ""
    daemon: str = ""  # "": well; "gone": can't be reached; "idle": says yes and does nothing
    flags: Raw = field(default_factory=dict)
    shutdown_s: float = 20.0
    off_at_s: float = float("inf")
    boots: int = 0  # how often it began to boot

    def restart(self, *first: Step) -> None:
        self.steps = [*first, *self.boot]
        self.flags.pop("restartRequired", None)
        self.boots += 1


class FakeHeadNode:
    """Keeps entities, and the calls that were made (`calls`)."""

    def __init__(self, *devices: Raw) -> None:
        self.clock: Clock = FakeClock()
        self.calls: list[Call] = []
        self.devices = {raw["uuid"]: raw for raw in (make_head_node(), *devices)}
        self.nodes = {raw["uuid"]: Node() for raw in devices}
        self.categories = {raw["uuid"]: raw for raw in (make_category(), make_category("gpu"))}
        self.images = {raw["uuid"]: raw for raw in (make_image("default-image"), make_image("other-image"))}
        self.networks = {
            raw["uuid"]: raw
            for raw in (make_network("internalnet", "10.141.0.0"), make_network("ipminet", "10.148.0.0"))
        }
        self.partitions = {raw["uuid"]: raw for raw in (make_partition(),)}
        self.history: list[Raw] = []
        self.events: list[Raw] = []
        self.sessions: set[str] = set()
        self._heard: dict[str, int] = {}  # events that a session has had
        self.slots = 10
        self.version = "11.0"
        self.licence: Raw = {"endTime": self.clock.wall_s() + 365 * 86_400, "licensedNodes": 100}
        self.served_images: list[str] = []  # empty: what the role says
        self.outdated_images: set[str] = set()
        # Answers instead of ours, by the call's name; None falls through.
        self.instead: dict[str, Callable[[Call], httpx.Response | None]] = {}
        self.forgets: set[str] = set()  # keys that are dropped with success: true
        self._dead = False
        self._calls_left: int | None = None
        self._power_count = 0

    # -- for tests ------------------------------------------------------------------------------------------------

    def client(self, **options: Any) -> HeadNode:
        return HeadNode(Transport(self.connection, http_transport=self.transport, sleep=self.clock.sleep), **options)

    def direct_client(self, before_call: Callable[[], None] = lambda: None, **options: Any) -> HeadNode:
        """A client without HTTP, for tests of many runs; it tries nothing again."""
        return HeadNode(_Direct(self, before_call), **options)

    def copy(self) -> FakeHeadNode:
        """Another head node in the same state, without its calls."""
        twin = FakeHeadNode()
        for name in ("clock", "devices", "nodes", "categories", "images", "history", "slots", "instead"):
            setattr(twin, name, copy.deepcopy(getattr(self, name)))
        return twin

    @property
    def connection(self) -> Connection:
        return Connection("head.example", username="admin", password=PASSWORD)

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.handle)

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.writes]

    def names(self, name: str) -> list[Call]:
        return [call for call in self.calls if call.name == name]

    def device(self, hostname: str) -> Raw:
        return next(raw for raw in self.devices.values() if raw["hostname"] == hostname)

    def category(self, name: str) -> Raw:
        return next(raw for raw in self.categories.values() if raw["name"] == name)

    def node(self, hostname: str) -> Node:
        return self.nodes[self.device(hostname)["uuid"]]

    def bring_up(self, *hostnames: str) -> None:
        for hostname in hostnames:
            node = self.node(hostname)
            node.power, node.steps = "ON", [("UP", "")]

    def operations(self) -> list[str]:
        """The power operations that were sent, STATUS left out."""
        sent = [call.args[0]["operation"] for call in self.names("powerOperation")]
        return [operation for operation in sent if operation != "STATUS"]

    def die(self) -> None:
        """From now on every call kills who makes it, as if the process were gone."""
        self._dead = True
        raise Killed

    def die_after(self, calls: int) -> None:
        """Kill whoever makes the call after that many more."""
        self._calls_left = calls

    def revive(self) -> None:
        self._dead, self._calls_left = False, None
        self.instead.clear()

    # -- the wire -------------------------------------------------------------------------------------------------

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self._dead:
            raise Killed
        content = request.content
        if request.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
        body = json.loads(content)
        if body["service"] == "login":
            return httpx.Response(200, json=True, headers={"Set-Cookie": "cm-login-token=0123;path=/;Secure"})
        served = self.serve(body)
        return served if isinstance(served, httpx.Response) else httpx.Response(200, text=served)

    def serve(self, body: Raw) -> httpx.Response | str:
        """The answer to one call; a text is JSON of a call that went well."""
        if self._calls_left is not None:
            self._calls_left -= 1
            if self._calls_left < 0:
                self.die()
        if self._dead:
            raise Killed
        call = Call(body["service"], body["call"], body["args"], body)
        self.calls.append(call)
        instead = self.instead.get(call.name)
        answer = instead(call) if instead else None
        if answer is not None:
            return answer
        method = getattr(self, f"_{call.service}_{_in_snake_case(call.name)}", None)
        if method is None:
            return httpx.Response(400, text="Bad Request")
        return json.dumps(method(*call.args))

    # -- entities -------------------------------------------------------------------------------------------------

    def _cmdevice_get_devices(self) -> list[Raw]:
        return list(self.devices.values())

    def _cmdevice_get_devices_by_uuids(self, uuids: list[str]) -> list[Raw | None]:
        return [self.devices.get(uuid) for uuid in uuids]

    def _cmdevice_get_categories(self) -> list[Raw]:
        return list(self.categories.values())

    def _cmpart_get_software_images(self) -> list[Raw]:
        return list(self.images.values())

    def _cmpart_get_partitions(self) -> list[Raw]:
        return list(self.partitions.values())

    def _cmpart_get_racks(self) -> list[Raw]:
        return []

    def _cmnet_get_networks(self) -> list[Raw]:
        return list(self.networks.values())

    def _cmdevice_add_device(self, raw: Raw, _force: bool) -> Raw:
        taken = [other["hostname"] for other in self.devices.values() if other["hostname"] == raw["hostname"]]
        if taken:
            return refusal("DUPLICATE_FIELD", "hostname", f"A device with hostname {taken[0]} already exists")
        self._store(self.devices, raw)
        self.nodes[raw["uuid"]] = Node()
        return {"success": True, "validation": []}

    def _cmdevice_update_device(self, raw: Raw, _force: bool) -> Raw:
        return self._store(self.devices, raw)

    def _cmdevice_remove_device(self, uuid: str, _force: bool) -> Raw:
        del self.devices[uuid]
        return {"success": True}

    def _cmdevice_add_devices(self, raws: list[Raw], force: bool) -> Raw:
        return bulk_answer([self._cmdevice_add_device(raw, force) for raw in raws])

    def _cmdevice_update_devices(self, raws: list[Raw], force: bool) -> Raw:
        return bulk_answer([self._cmdevice_update_device(raw, force) for raw in raws])

    def _cmdevice_add_category(self, raw: Raw, _force: bool) -> Raw:
        return self._store(self.categories, raw)

    def _cmdevice_update_category(self, raw: Raw, _force: bool) -> Raw:
        return self._store(self.categories, raw)

    def _cmdevice_remove_category(self, uuid: str, _force: bool) -> Raw:
        del self.categories[uuid]
        return {"success": True}

    def _store(self, kept: dict[str, Raw], raw: Raw) -> Raw:
        before = kept.get(raw["uuid"], {})
        stored = {**copy.deepcopy(raw), "modified": False}
        for key in self.forgets & stored.keys():
            stored[key] = before.get(key)
        kept[raw["uuid"]] = stored
        return {"success": True, "task_uuid": uid("none"), "updated_entity": None, "validation": []}

    # -- status, provisioning -------------------------------------------------------------------------------------

    def _cmstatus_get_status_for_devices(self, uuids: list[str]) -> list[Raw | None]:
        return [self._status(uuid) for uuid in uuids]

    def _status(self, uuid: str) -> Raw | None:
        if uuid not in self.devices:
            return None
        if uuid not in self.nodes:
            return {"ref_device_uuid": uuid, "status": "UP"}
        node = self.nodes[uuid]
        status, message = node.steps[0]
        if len(node.steps) > 1:
            node.steps = node.steps[1:]
        return {"ref_device_uuid": uuid, "status": status, "infoMessage": message, **node.flags}

    def _cmprov_get_provisioning_status(self, _filter: list[str]) -> Raw:
        capacity = {"ref_node_uuid": uid("device/head"), "slotsCapacity": self.slots, "slotsUsed": 1, "drained": False}
        capacity["ref_image_uuids"] = self.served_images
        capacity["upToDate"] = [image not in self.outdated_images for image in self.served_images]
        return {"provisioningRequestStatusList": [], "provisioningNodeStatusList": [capacity]}

    def _cmmain_get_active_passive_uuids(self) -> list[str]:
        return [uid("device/head")]

    def _cmmain_get_version(self) -> Raw:
        return {"cmVersion": self.version, "cmdaemonVersion": "3.1", "ref_node_uuid": uid("device/head")}

    def _cmmain_get_license_info(self) -> Raw:
        return self.licence

    # -- power ----------------------------------------------------------------------------------------------------

    def _cmdevice_power_operation(self, request: Raw) -> Raw:
        self._power_count += 1
        operation, uuids = request["operation"], [uuid for uuid in request["devices"] if self._has_bmc(uuid)]
        results = [result for uuid in uuids for result in self._operate(uuid, operation)]
        if results:
            self.events.append({"childType": "PowerStatusChangedEvent", "status": results})
        return {"count": len(uuids), "index": self._power_count}

    def _has_bmc(self, uuid: str) -> bool:
        return uuid in self.devices and bool(self.devices[uuid]["powerControl"] != "none")

    def _operate(self, uuid: str, operation: str) -> list[Raw]:
        node = self.nodes[uuid]
        if self.clock.now_s() >= node.off_at_s:
            node.power, node.steps, node.off_at_s = "OFF", [("DOWN", "")], float("inf")
        if operation != "STATUS":
            self._remember(uuid, operation, not node.bmc)
        result = {"device": uuid, "indexes": [self._power_count], "msg": "", "extendedMsg": ""}
        if node.bmc == "silent":
            return []
        if node.bmc in _REFUSALS:
            return [{**result, "state": "FAILED", **_REFUSALS[node.bmc]}]
        if operation == "STATUS":
            return [{**result, "state": node.power}]
        if not node.bmc:
            self._switch(node, operation)
        return [{**result, "state": operation}]

    def _remember(self, uuid: str, operation: str, success: bool) -> None:
        time_ms = 1_700_000_000_000 + len(self.history) + 1
        entry = {"ref_device_uuid": uuid, "operation": operation, "executionTime": time_ms, "success": success}
        self.history.append({**entry, "message": ""})

    def _cmdevice_preboot(self, _scripts: bool, _timeout_ms: int, uuids: list[str]) -> Raw:
        agreed = [self.nodes[uuid].steps[0][0] == "UP" and self.nodes[uuid].daemon != "gone" for uuid in uuids]
        for uuid, agrees in zip(uuids, agreed, strict=True):
            node = self.nodes[uuid]
            if agrees:
                self._remember(uuid, "REBOOT", True)
            if agrees and not node.daemon:
                node.restart(node.steps[0], ("GOING_DOWN", ""))
        return {"success": agreed, "operations": []}

    def _cmdevice_pshutdown(self, _scripts: bool, _timeout_ms: int, uuids: list[str]) -> Raw:
        agreed = [self.nodes[uuid].steps[0][0] == "UP" and self.nodes[uuid].daemon != "gone" for uuid in uuids]
        for uuid, agrees in zip(uuids, agreed, strict=True):
            node = self.nodes[uuid]
            if agrees:
                self._remember(uuid, "SHUTDOWN", True)
            if agrees and not node.daemon:
                node.off_at_s = self.clock.now_s() + node.shutdown_s
        return {"success": agreed, "operations": []}

    def _switch(self, node: Node, operation: str) -> None:
        now = node.steps[0]
        if operation == "OFF":
            node.power = "OFF"
        elif operation == "RESET" or node.power == "OFF":
            # What was seen last is still seen once: the head node notices late.
            node.power = "ON"
            node.restart(now)

    def _cmdevice_power_operation_history(self, uuids: list[str], _last_only: bool) -> list[Raw]:
        last = {entry["ref_device_uuid"]: entry for entry in self.history}
        return [last[uuid] for uuid in uuids if uuid in last]

    # -- sessions -------------------------------------------------------------------------------------------------

    def _cmsession_register_session(self, _client_type: int) -> str:
        session = uid(f"session/{len(self.names('registerSession'))}")
        self.sessions.add(session)
        self._heard[session] = len(self.events)
        return session

    def _cmsession_unregister_session(self, session: str) -> bool:
        self.sessions.discard(session)
        return True

    def _cmsession_wait_for_events(self, session: str, timeout_s: int) -> list[Raw]:
        heard = self._heard.get(session, 0)
        if heard == len(self.events):
            self.clock.sleep(timeout_s)
        events, self._heard[session] = self.events[heard:], len(self.events)
        return events

    def _cmsession_acknowledge_keep_alive(self, _session: str, _number: int) -> bool:
        return True


class _Direct(Transport):
    """Hands calls over as JSON without sending them."""

    def __init__(self, head: FakeHeadNode, before_call: Callable[[], None]) -> None:
        self.connection = head.connection
        self._head = head
        self._before_call = before_call

    def call(self, body: Raw, *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        self._before_call()
        served = self._head.serve(json.loads(json.dumps(body)))
        if isinstance(served, str):
            return Answer(200, json.loads(served), True, served)
        if served.status_code >= 500:
            raise BcmTransportError(f"could not call {name}: HTTP {served.status_code}")
        return Answer(served.status_code, served.json(), True, served.text)


def _in_snake_case(name: str) -> str:
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


def refusal(code: str, name: str, message: str, severity: str = "ERROR", about: str = "") -> Raw:
    complaint = {"baseType": "Validation", "error_code": code, "field": name, "message": message, "severity": severity}
    complaint["ref_entity_uuid"] = about
    return {"success": False, "task_uuid": uid("none"), "updated_entity": None, "validation": [complaint]}


def bulk_answer(results: list[Raw]) -> Raw:
    """The answers of single calls, in the form of one call for all."""
    return {
        "success": [result["success"] for result in results],
        "task_uuids": [uid("none")] * len(results),
        "validation": [complaint for result in results for complaint in result["validation"]],
        "updated_entities": [],
    }


def answer(value: Any, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=value)
