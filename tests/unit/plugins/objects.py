# SPDX-License-Identifier: GPL-3.0-or-later
"""Entities as a head node stores them: small, but with keys this collection has no option for."""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Context
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import (
    ZERO_UUID,
    Names,
    References,
)

Raw = dict[str, Any]

_NAMESPACE = uuid.UUID("5f1f0e6e-53f5-4d8a-9d6a-2b6f9b1c7e11")
DISKS = "<diskSetup><device>/dev/sda</device></diskSetup>"


def uid(text: str) -> str:
    """The same uuid for the same text."""
    return str(uuid.uuid5(_NAMESPACE, text))


def make_object(base_type: str, child_type: str, identity: str, **values: Any) -> Raw:
    return {
        "baseType": base_type,
        "childType": child_type,
        "uuid": uid(identity),
        "revision": "",
        "modified": False,
        "to_be_removed": False,
        "extra_values": None,
        **values,
    }


def make_interface(node: str, name: str, child_type: str = "NetworkPhysicalInterface", **values: Any) -> Raw:
    defaults = {
        "name": name,
        "mac": "00:00:00:00:00:00",
        "ip": "0.0.0.0",
        "dhcp": False,
        "network": uid("network/internalnet"),
        "bootable": False,
        "startIf": "ALWAYS",
        "switchPorts": [],
        "keyOfALaterRelease": {"deep": [1, 2.5, None]},
    }
    if child_type == "NetworkBmcInterface":
        defaults = {**defaults, "gateway": "0.0.0.0", "vlanid": 0, "lanchannel": 1}
    return make_object("NetworkInterface", child_type, f"interface/{node}/{name}", **{**defaults, **values})


def make_proxy(owner: str, image: str, revision: int = -1) -> Raw:
    return make_object(
        "SoftwareImageProxy",
        "",
        f"proxy/{owner}",
        parentSoftwareImage=uid(f"image/{image}"),
        revisionID=revision,
    )


def make_bmc_settings(owner: str, **values: Any) -> Raw:
    defaults = {
        "userName": "bright",
        "userID": 4,
        "password": "bmc-secret",
        "privilege": "ADMINISTRATOR",
        "powerResetDelay": 0,
        "extraArguments": "",
        "firmwareManageMode": "AUTO",
    }
    return make_object("BMCSettings", "", f"bmc settings/{owner}", **{**defaults, **values})


def make_device(hostname: str = "node001", number: int = 1, **values: Any) -> Raw:
    """A node with an interface that boots and one for its BMC."""
    boot = make_interface(hostname, "BOOTIF", ip=f"10.141.0.{number}", bootable=True)
    bmc = make_interface(
        hostname, "ipmi0", "NetworkBmcInterface", ip=f"10.148.0.{number}", network=uid("network/ipminet")
    )
    identity = f"device/{hostname}"
    defaults = {
        "hostname": hostname,
        "mac": f"02:00:00:00:00:{number:02X}",
        "partition": uid("partition/base"),
        "category": uid("category/default"),
        "managementNetwork": ZERO_UUID,
        "provisioningInterface": boot["uuid"],
        "powerControl": "ipmi0",
        "installMode": "",
        "nextBootInstallMode": "",
        "bootLoader": "CATEGORY",
        "bootLoaderProtocol": "CATEGORY",
        "softwareImageProxy": None,
        "bmcSettings": None,
        "dataNode": False,
        "disksetup": "",
        "interfaces": [boot, bmc],
        "roles": [],
        "userDefinedResources": [],
        "kernelVersion": "",
        "kernelParameters": "",
        "serialNumber": "",
        "partNumber": "",
        "notes": "",
        "parent_uuid": uid(identity),
        "creationTime": 1763006515,
        "keyOfALaterRelease": {"deep": [1, 2.5, None], "text": "Grüße"},
    }
    return make_object("Device", "PhysicalNode", identity, **{**defaults, **values})


def make_category(name: str = "default", **values: Any) -> Raw:
    identity = f"category/{name}"
    mount = make_object(
        "FSMount",
        "",
        f"mount/{name}/home",
        mountpoint="/home",
        device="$localnfsserver:/home",
        filesystem="nfs",
        mountoptions="defaults",
        dump=False,
        fsck="NONE",
        rdma=False,
    )
    defaults = {
        "name": name,
        "softwareImageProxy": make_proxy(name, "default-image"),
        "installMode": "AUTO",
        "newNodeInstallMode": "FULL",
        "managementNetwork": uid("network/internalnet"),
        "bmcSettings": make_bmc_settings(name),
        "disksetup": DISKS,
        "initialize": "",
        "finalize": "#!/bin/bash\ntouch /localdisk/ready\n",
        "kernelVersion": "",
        "kernelParameters": "",
        "kernelOutputConsole": "",
        "bootLoader": "SYSLINUX",
        "bootLoaderProtocol": "HTTP",
        "fsmounts": [mount],
        "modules": [],
        "roles": [],
        "services": [],
        "gpuSettings": [],
        "dataNode": False,
        "notes": "",
        "excludeListFull": "- lost+found/\n- /proc/*\n",
        "parent_uuid": uid(identity),
        "keyOfALaterRelease": [{"a": None}],
    }
    return make_object("Category", "", identity, **{**defaults, **values})


def make_image(name: str, **values: Any) -> Raw:
    defaults = {
        "name": name,
        "path": f"/cm/images/{name}",
        "kernelVersion": "5.15.0",
        "kernelParameters": "",
        "kernelOutputConsole": "tty0",
        "modules": [make_object("KernelModule", "", f"module/{name}/nvme", name="nvme", parameters="")],
        "revisionID": 0,
        "revisionHistory": [],
        "fileOperationInProgress": False,
        "notes": "",
    }
    return make_object("SoftwareImage", "", f"image/{name}", **{**defaults, **values})


def make_network(name: str, base: str, **values: Any) -> Raw:
    defaults = {
        "name": name,
        "type": "INTERNAL",
        "baseAddress": base,
        "netmaskBits": 16,
        "gateway": "0.0.0.0",
        "domainName": "cluster.local",
        "management": True,
        "bootable": True,
        "mtu": 1500,
        "dynamicRangeStart": f"{base[:-4]}.255.224",
        "dynamicRangeEnd": f"{base[:-4]}.255.254",
    }
    return make_object("Network", "", f"network/{name}", **{**defaults, **values})


def make_partition(name: str = "base") -> Raw:
    return make_object("Partition", "", f"partition/{name}", name=name)


def make_head_node() -> Raw:
    return make_object("Device", "HeadNode", "device/head", hostname="head", mac="02:FF:00:00:00:01", interfaces=[])


def make_references() -> References:
    return References(
        categories=Names.from_api("category", [make_category(), make_category("gpu")]),
        images=Names.from_api("software image", [make_image("default-image"), make_image("other-image")]),
        networks=Names.from_api(
            "network", [make_network("internalnet", "10.141.0.0"), make_network("ipminet", "10.148.0.0")]
        ),
        partitions=Names.from_api("partition", [make_partition()]),
    )


def make_context() -> Context:
    """References of a small cluster, and uuids that are counted."""
    numbers = itertools.count(1)
    return Context(make_references(), lambda: str(uuid.UUID(int=next(numbers))))
