# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.calls import WriteRefused
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.remembering import RememberingHeadNode
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.transport import Transport

from ....fake_head_node import FakeHeadNode, answer, refusal

READS: dict[str, Callable[[RememberingHeadNode], Any]] = {
    "getDevices": RememberingHeadNode.get_devices,
    "getCategories": RememberingHeadNode.get_categories,
    "getSoftwareImages": RememberingHeadNode.get_software_images,
    "getPartitions": RememberingHeadNode.get_partitions,
    "getNetworks": RememberingHeadNode.get_networks,
    "getProvisioningStatus": RememberingHeadNode.get_provisioning_status,
    "getVersion": RememberingHeadNode.get_version,
    "getLicenseInfo": RememberingHeadNode.get_licence,
    "getStatusForDevices": lambda client: client.get_status_for_devices(["a"]),
}


@pytest.fixture
def client(head: FakeHeadNode) -> RememberingHeadNode:
    return RememberingHeadNode(Transport(head.connection, http_transport=head.transport, sleep=head.clock.sleep))


def asked(head: FakeHeadNode) -> list[str]:
    """The calls that read, since this was asked last."""
    names = [call.name for call in head.calls if call.name in READS or call.name == "getDevicesByUuids"]
    head.calls.clear()
    return names


def read_all(client: RememberingHeadNode) -> None:
    for read in READS.values():
        read(client)


def test_each_list_is_read_once(client: RememberingHeadNode, head: FakeHeadNode) -> None:
    read_all(client)
    read_all(client)

    assert sorted(asked(head)) == sorted(READS)


def test_a_status_of_other_nodes_is_asked_for(client: RememberingHeadNode, head: FakeHeadNode) -> None:
    client.get_status_for_devices(["a"])
    client.get_status_for_devices(["b"])

    assert asked(head) == ["getStatusForDevices"] * 2


@pytest.mark.parametrize(
    ("kind", "forgotten"),
    [("Device", {"getDevices", "getStatusForDevices"}), ("Category", {"getCategories", "getStatusForDevices"})],
)
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "refused"])
def test_what_is_written_is_read_again_and_nothing_else(
    client: RememberingHeadNode, head: FakeHeadNode, kind: str, forgotten: set[str], kept: bool
) -> None:
    read_all(client)
    asked(head)
    entity = copy.deepcopy(head.device("node001") if kind == "Device" else head.category("default"))
    if kept:
        client.update("cmdevice", kind, entity)
    else:
        head.instead[f"update{kind}"] = lambda _call: answer(refusal("FORMAT", "name", "no"))
        with pytest.raises(BcmError):
            client.update("cmdevice", kind, entity)

    read_all(client)

    assert set(asked(head)) == forgotten


def test_nodes_that_are_looked_at_singly_are_never_remembered(client: RememberingHeadNode, head: FakeHeadNode) -> None:
    uuid = head.device("node001")["uuid"]
    for _time in range(2):
        client.get_devices_by_uuids([uuid])

    assert asked(head) == ["getDevicesByUuids"] * 2


def test_a_call_that_nobody_thought_of_makes_it_forget_everything(
    client: RememberingHeadNode, head: FakeHeadNode
) -> None:
    read_all(client)
    asked(head)
    with pytest.raises(BcmError):
        client.update("cmpart", "SoftwareImage", {"uuid": "x", "name": "y"})

    read_all(client)

    assert sorted(asked(head)) == sorted(READS)


def test_its_reader_shares_the_memory_and_writes_nothing(client: RememberingHeadNode, head: FakeHeadNode) -> None:
    read_all(client)
    asked(head)
    reader = client.reader()
    read_all(reader)

    assert asked(head) == []
    with pytest.raises(WriteRefused):
        reader.update("cmdevice", "Device", head.device("node001"))
