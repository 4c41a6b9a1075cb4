# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients whose server gives damaged answers, and everything that reads them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import httpx

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.answer import Answer
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.client import HeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.connection import Connection
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.events import next_events
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.network_checks import (
    check_networks,
    check_taken_addresses,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.preflight import check_owners
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.prerequisites import (
    check_licence,
    check_provisioners,
    check_version,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.read import (
    pick,
    read_devices,
    read_references,
    read_statuses,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import (
    CATEGORY,
    category_to_ansible,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import ends_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import (
    DEVICE,
    device_to_ansible,
    is_node,
    mac_addresses,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Context
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.image import image_to_ansible
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.licence import Licence
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.network import network_to_ansible
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import Record, assignment_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names, References
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.slots import Slots
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.stored_host import stored_host
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.power.channel import (
    failure_of,
    message_of,
    state_of,
    targets_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._https.exchange import HttpRequest, Patience, Reply
from ansible_collections.baremetal.bcm.plugins.module_utils._https.retry import Retry
from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import (
    DEVICES,
    INTERFACES,
    IP_ADDRESSES,
    MAC_ADDRESSES,
    NetBox,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.interfaces import (
    find_by_mac,
    find_by_name,
    is_bmc,
    set_macs,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.journal import known_keys
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.bootstrap import (
    plan_custom_field,
    plan_tags,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.read import read_vrf
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import (
    Device,
    Interface,
    IpAddress,
    StateField,
)

from .damage import damaged
from .fake_head_node import PASSWORD
from .objects import (
    make_bmc_settings,
    make_category,
    make_device,
    make_head_node,
    make_image,
    make_interface,
    make_network,
    make_object,
    make_partition,
    make_proxy,
    make_references,
    uid,
)

Read = Callable[[Any], object]
# Far more than any message needs.
LONGEST_MESSAGE = 8_000

_NODE = make_device(
    softwareImageProxy=make_proxy("node001", "other-image"),
    bmcSettings=make_bmc_settings("node001"),
    roles=[make_object("Role", "BootRole", "role/boot", name="boot")],
    userDefinedResources=["gpu"],
    rackPosition={"rack": uid("rack"), "position": 3},
    extra_values={"baremetal_claim_run": "r", "baremetal_claim_until": 5, "baremetal_intent_power_ms": 7},
)
_RACKS = Names.from_api("rack", [{"uuid": uid("rack"), "name": "A1"}])
_HEAD = {**make_head_node(), "interfaces": [make_interface("head", "ens33", ip="10.141.255.254")]}
_CATEGORY = make_category(
    modules=[make_object("KernelModule", "", "m", name="nvme", parameters="")],
    services=[make_object("OSServiceConfig", "", "s", name="sshd")],
)
_UUIDS = [_NODE["uuid"]]
_WANTED_DEVICE = {
    "mac": "02:00:00:00:00:77",
    "notes": "n",
    "labels": ["a"],
    "software_image": "default-image",
    "interfaces": [{"name": "BOOTIF", "ip": "10.141.0.77"}],
    "roles": [{"name": "boot"}],
    "bmc_settings": {"password": "secret-word"},
}
_INVENTORY_WITH_MAC = [{"hostname": "node001", "mac": "02:00:00:00:00:99", "interfaces": [{"ip": "10.141.0.1"}]}]
_INVENTORY = [{"hostname": "node001", "category": "default", "interfaces": []}]
_WANTED_CATEGORY = {
    "software_image": "other-image",
    "disksetup": "<diskSetup/>",
    "modules": [{"name": "nvidia"}],
    "fsmounts": [{"mountpoint": "/scratch", "device": "d"}],
}


class _Head(Transport):
    """Gives the body that the test says, for every call."""

    def __init__(self) -> None:
        super().__init__(Connection("head.example", username="admin", password=PASSWORD))
        self.body = b""

    def call(self, body: Any, *, name: str, reads: bool, read_timeout_s: float | None = None) -> Answer:
        return self._answer(Reply(200, {}, {}, self.body), name)


def _devices(head: HeadNode) -> object:
    devices, references = read_devices(head), make_references()
    ends_of(devices.values())
    check_taken_addresses(_INVENTORY, devices)
    check_owners(_INVENTORY_WITH_MAC, devices, allow_mac_change=False)
    shown: list[object] = []
    for name, raw in devices.items():
        shown += [Record.from_api(raw.get("extra_values")), sorted(mac_addresses(raw)), assignment_of(raw, references)]
        targets_of({name: raw}, references)
        shown.append(stored_host(raw, references, _RACKS, None))
        shown.append(device_to_ansible(raw, references))
        if is_node(raw):
            wanted = wanted_of({"hostname": name, **_WANTED_DEVICE})
            shown.append(plan_present(DEVICE, raw, wanted, Context(references)).diff())
    return shown


def _categories(head: HeadNode) -> object:
    names = Names.from_api("category", head.get_categories())
    known = make_references()
    references = References(names, known.images, known.networks, known.partitions)
    shown: list[object] = [category_to_ansible(dict(raw), references) for raw in names.raw.values()]
    shown.append(assignment_of(make_device(category=next(iter(names.raw), "")), references))
    for name in list(names.by_name)[:1]:
        stored = dict(names.raw[names.by_name[name]])
        wanted = wanted_of({"name": name, **_WANTED_CATEGORY})
        shown.append(plan_present(CATEGORY, stored, wanted, Context(references)).diff())
        copied = wanted_of({"name": "copy", "clone_from": name, "notes": "n"})
        shown.append(plan_present(CATEGORY, None, copied, Context(references)).diff())
    return shown


def _provisioners(head: HeadNode) -> object:
    status = head.get_provisioning_status()
    found = check_provisioners(_INVENTORY, status, {"node001": _NODE}, make_references())
    return Slots.from_api(status).capacity, found


def _networks(head: HeadNode) -> object:
    raws = pick("network", head.get_networks(), None)
    known = make_references()
    references = References(known.categories, known.images, Names.from_api("network", raws), known.partitions)
    return [network_to_ansible(raw) for raw in raws], check_networks(_INVENTORY, {"node001": _NODE}, references)


def _events(head: HeadNode) -> object:
    shown: list[object] = []
    for event in next_events(head, "session", 1):
        if event.get("childType") == "PowerStatusChangedEvent":
            for status in event.get("status") or []:
                hash(status.get("device", ""))
                shown += [state_of(status), message_of(status), failure_of(status), 7 in (status.get("indexes") or [])]
    return shown


# Each call of a head node: what it answers, and what reads that.
BCM: dict[str, tuple[Any, Callable[[HeadNode], object]]] = {
    "getDevices": ([_HEAD, _NODE], _devices),
    "getDevicesByUuids": ([_NODE, None], lambda head: head.get_devices_by_uuids(_UUIDS)),
    "getCategories": ([_CATEGORY, make_category("gpu")], _categories),
    "getSoftwareImages": (
        [make_image("default-image", revisionHistory=[{"revisionID": 1}])],
        lambda head: [image_to_ansible(raw) for raw in pick("software image", head.get_software_images(), None)],
    ),
    "getNetworks": (
        [make_network("internalnet", "10.141.0.0")],
        _networks,
    ),
    "getPartitions": ([make_partition()], lambda head: Names.from_api("partition", head.get_partitions()).by_name),
    "getRacks": (
        [make_object("Rack", "", "rack", name="A1")],
        lambda head: Names.from_api("rack", head.get_racks()).by_name,
    ),
    "references": ([make_category()], lambda head: read_references(head).only_partition()),
    "getStatusForDevices": (
        [{"ref_device_uuid": _UUIDS[0], "status": "UP", "infoMessage": "", "restartRequiredReasons": ["x"]}, None],
        lambda head: [status.phase for status in read_statuses(head, {"node001": _NODE}).values()],
    ),
    "getProvisioningStatus": (
        {
            "provisioningRequestStatusList": [{"sourceNode": uid("a")}],
            "provisioningNodeStatusList": [
                {
                    "ref_node_uuid": _UUIDS[0],
                    "slotsCapacity": 10,
                    "slotsUsed": 1,
                    "ref_image_uuids": [uid("image/default-image")],
                    "upToDate": [False],
                }
            ],
        },
        _provisioners,
    ),
    "getVersion": ({"cmVersion": "11.0", "databaseVersion": 1}, lambda head: check_version(head.get_version())),
    "getLicenseInfo": (
        {"endTime": 1_900_000_000, "licensedNodes": 10},
        lambda head: check_licence(
            Licence.from_api(head.get_licence()), {"node001": _NODE}, ["node002"], 1_800_000_000
        ),
    ),
    "powerOperation": (
        {"count": 1, "index": 7},
        lambda head: int(head.power_operation("ON", _UUIDS, "session")["index"]),
    ),
    "powerOperationHistory": (
        [{"ref_device_uuid": _UUIDS[0], "operation": "ON", "executionTime": 1_700_000_000_000}],
        lambda head: [int(entry.get("executionTime") or 0) for entry in head.power_operation_history(_UUIDS)],
    ),
    "preboot": ({"success": [True], "operations": []}, lambda head: head.restart(_UUIDS, 5.0)),
    "registerSession": (uid("session"), HeadNode.register_session),
    "waitForEvents": (
        [
            {
                "childType": "PowerStatusChangedEvent",
                "status": [{"device": _UUIDS[0], "state": "ON", "indexes": [7], "msg": "", "extendedMsg": "x"}],
            },
            {"childType": "EndOfSessionEvent", "reason": "CMDaemon stopped"},
        ],
        _events,
    ),
    "updateDevice": (
        {"success": False, "validation": [{"field": "mac", "error_code": "BAD_VALUE", "message": "m"}]},
        lambda head: head.update("cmdevice", "Device", _NODE),
    ),
    "errormessage": ({"errormessage": "No such service"}, HeadNode.get_networks),
}


class DamagedHeadNode:
    """A head node each of whose answers is damaged."""

    def __init__(self) -> None:
        self._transport = _Head()
        self._client = HeadNode(self._transport)

    def read(self, call: str, body: bytes) -> str:
        """What became of an answer: "fits", or the class of the error. Raises whatever is no error of ours."""
        self._transport.body = body
        return _outcome(lambda: BCM[call][1](self._client), BcmError)


class _Says(HttpsClient):
    """Gives the body that the test says, for every request."""

    def __init__(self) -> None:
        super().__init__("https://netbox.example", Tls(), patience=Patience(), http_transport=_NOWHERE)
        self.reply = Reply(200, {}, {}, b"")

    def send(self, request: HttpRequest, retry: Retry, patience: Patience | None = None) -> Reply:
        return self.reply


_CONNECTION = NetBoxConnection("https://netbox.example", "0123456789")
_NOWHERE = httpx.MockTransport(lambda _request: httpx.Response(500))
_INTERFACE = {
    "id": 5,
    "name": "bmc",
    "device": {"id": 3, "name": "gpu-01"},
    "mac_address": "A0:36:9F:7C:05:00",
    "mac_addresses": [{"mac_address": "A0:36:9F:7C:05:00"}],
    "mgmt_only": True,
    "last_updated": "2026-01-01",
}
_DEVICE_RAW = {
    "id": 3,
    "name": "gpu-01",
    "display": "gpu-01",
    "serial": "S1",
    "status": {"value": "planned"},
    "custom_fields": {"state": "ready"},
    "primary_ip4": {"id": 9},
}
_ASSIGNED = {"assigned_object_type": "dcim.interface", "assigned_object_id": 5, "assigned_object": {"name": "bmc"}}


def _page(*objects: Any) -> Any:
    return {"count": len(objects), "next": None, "results": list(objects)}


NETBOX: dict[str, tuple[Any, Callable[[NetBox], object]]] = {
    "devices": (
        _page(_DEVICE_RAW),
        lambda box: [Device.from_api(raw, StateField("status")) for raw in box.find(DEVICES, id=[3])],
    ),
    "few fields": (
        _page({"id": 3, "name": None, "display": "d", "serial": "S1"}),
        lambda box: [raw["serial"].casefold() for raw in box.find(DEVICES, serial=["S1"], fields="id,name,serial")],
    ),
    "interfaces by mac": (
        _page(_INTERFACE),
        lambda box: [
            (Interface.from_api(raw), is_bmc(raw))
            for group in find_by_mac(box, ["A0:36:9F:7C:05:00"]).values()
            for raw in group
        ],
    ),
    "interfaces by name": (_page(_INTERFACE), lambda box: find_by_name(box, [3])),
    "mac addresses": (
        _page({"id": 8, "mac_address": "A0:36:9F:7C:05:00", **_ASSIGNED}),
        lambda box: box.find(MAC_ADDRESSES, mac_address=["A0:36:9F:7C:05:00"]),
    ),
    "addresses": (
        _page({"id": 9, "address": "10.0.0.1/24", **_ASSIGNED, "role": None}),
        lambda box: [IpAddress.from_api(raw).host for raw in box.find(IP_ADDRESSES, interface_id=[5])],
    ),
    "journal": (
        _page({"id": 1, "assigned_object_id": 3, "comments": "text\n\n`baremetal-bcm:0123`"}),
        lambda box: known_keys(box, [3]),
    ),
    "vrfs": (_page({"id": 1, "name": "oob"}), lambda box: read_vrf(box, "oob")),
    "tags": (_page({"id": 1, "name": "gpu"}), lambda box: plan_tags(box, ["gpu", "new"])),
    "custom field": (
        _page({"id": 1, "name": "state", "type": {"value": "text"}, "object_types": ["dcim.site"]}),
        lambda box: plan_custom_field(box, "state"),
    ),
    "selection": (
        _page({"id": 1, "name": "state", "type": {"value": "select"}, "object_types": [], "choice_set": {"id": 2}}),
        lambda box: plan_custom_field(box, "state"),
    ),
    "choices": (
        {"actions": {"POST": {"status": {"choices": [{"value": "planned", "display_name": "Planned"}]}}}},
        lambda box: box.choices(DEVICES, "status"),
    ),
    "version": ({}, lambda box: box.version),
    "created": ([_INTERFACE], lambda box: box.create_many(INTERFACES, [{"name": "bmc"}])),
    "updated": ([_INTERFACE], lambda box: set_macs(box, {5: "A0:36:9F:7C:05:00"})),
}
REFUSED = {"refused": ({"detail": "no", "name": ["taken", {"deep": ["x"]}]}, lambda box: box.create(INTERFACES, {}))}


class DamagedNetBox:
    """A NetBox each of whose answers is damaged."""

    def __init__(self) -> None:
        self._says = _Says()
        # One for all answers: the certificates that it trusts take long to load.
        self._transport = NetBoxTransport(_CONNECTION, http_transport=_NOWHERE)
        self._transport._client = self._says

    def read(self, what: str, body: bytes) -> str:
        """As of `DamagedHeadNode`."""
        version = "4.1" if what == "updated" else "4.6"
        self._says.reply = Reply(400 if what in REFUSED else 200, {"api-version": version}, {}, body)
        self._transport.api_version = None
        return _outcome(lambda: {**NETBOX, **REFUSED}[what][1](NetBox(self._transport)), NetBoxError)


def _outcome(read: Callable[[], object], ours: type[Exception]) -> str:
    try:
        shown = read()
    except ours as error:
        text = str(error)
        assert text
        assert len(text) <= LONGEST_MESSAGE, f"a message of {len(text)} characters"
        return type(error).__name__
    # What fits can be shown.
    json.dumps(shown, default=repr)
    return "fits"


def draw(chance: random.Random) -> tuple[str, str, bytes]:
    """Which server, which of its answers, and the body."""
    server = chance.choice(("head node", "NetBox"))
    answers: dict[str, Any] = {**BCM} if server == "head node" else {**NETBOX, **REFUSED}
    name = chance.choice(list(answers))
    return server, name, damaged(answers[name][0], chance)
