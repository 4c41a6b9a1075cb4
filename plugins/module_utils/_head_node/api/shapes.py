# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The shapes of a head node's answers: the keys that this collection reads (bcm-api.md 3, 4), checked as they come.

A field that may be missing in some release, or is null in some entity, is not required.
"""

from __future__ import annotations

from ..._values.shape import (
    Shape,
    anything,
    by_kind,
    entries,
    list_of,
    number,
    object_of,
    optional,
    text,
    whole,
    word,
)

_NAMED = object_of({"name": word})
_ROLE = object_of({"name": word}, {"childType": text, "localImages": list_of(text), "sharedImages": list_of(text)})
_IMAGE_PROXY = object_of({"parentSoftwareImage": text, "revisionID": whole})
_BMC_SETTINGS = object_of({}, {"userName": text, "password": text})
_OPTIONAL_INTERFACE = {"childType": text, "mac": text, "network": text, "revision": text}
_INTERFACE = object_of({"uuid": word, "name": word}, {**_OPTIONAL_INTERFACE, "ip": text})
_NODE_INTERFACE = object_of({"uuid": word, "name": word, "ip": text}, _OPTIONAL_INTERFACE)

_OF_DEVICES: dict[str, Shape] = {
    "mac": text,
    "category": text,
    "partition": text,
    "managementNetwork": text,
    "provisioningInterface": text,
    "powerControl": text,
    "softwareImageProxy": _IMAGE_PROXY,
    "bmcSettings": _BMC_SETTINGS,
    "roles": list_of(_ROLE),
    "userDefinedResources": list_of(text),
    "kernelParameters": text,
    "kernelVersion": text,
    "installMode": text,
    "bootLoader": text,
    "bootLoaderProtocol": text,
    "serialNumber": text,
    "partNumber": text,
    "notes": text,
    "rackPosition": object_of({}, {"rack": text}),
    "disksetup": text,
    "extra_values": entries,
}
_DEVICE: dict[str, Shape] = {"uuid": word, "hostname": word, "childType": text}
_NODE = {**_DEVICE, "mac": optional(text), "provisioningInterface": optional(text)}
DEVICE = by_kind(
    "childType",
    {"PhysicalNode": object_of(_NODE, {**_OF_DEVICES, "interfaces": list_of(_NODE_INTERFACE)})},
    object_of(_DEVICE, {**_OF_DEVICES, "interfaces": list_of(_INTERFACE)}),
)
_ENTITY = {"uuid": word, "name": word}
CATEGORY = object_of(
    _ENTITY,
    {
        "softwareImageProxy": _IMAGE_PROXY,
        "managementNetwork": text,
        "bmcSettings": _BMC_SETTINGS,
        "disksetup": text,
        "initialize": text,
        "finalize": text,
        "kernelParameters": text,
        "fsmounts": list_of(object_of({"mountpoint": word})),
        "modules": list_of(_NAMED),
        "roles": list_of(_ROLE),
        "services": list_of(_NAMED),
        "gpuSettings": list_of(_NAMED),
        "extra_values": entries,
    },
)
SOFTWARE_IMAGE = object_of(
    _ENTITY,
    {
        "kernelParameters": text,
        "modules": list_of(_NAMED),
        "revisionHistory": list_of(object_of({"revisionID": whole})),
    },
)
PARTITION = object_of(_ENTITY, {"bmcSettings": _BMC_SETTINGS})
RACK = object_of(_ENTITY)
NETWORK = object_of(
    _ENTITY,
    {"baseAddress": text, "netmaskBits": whole, "domainName": text, "dynamicRangeStart": text, "dynamicRangeEnd": text},
)

# Entries may be null (bcm-api.md 2.2).
STATUSES = list_of(
    optional(
        object_of(
            {"ref_device_uuid": word, "status": word}, {"infoMessage": text, "restartRequiredReasons": list_of(text)}
        )
    )
)
PROVISIONING_STATUS = object_of(
    {},
    {
        "provisioningNodeStatusList": list_of(
            object_of(
                {"ref_node_uuid": word},
                {
                    "slotsCapacity": whole,
                    "slotsUsed": whole,
                    "ref_image_uuids": list_of(text),
                    "upToDate": list_of(anything),
                },
            )
        ),
        "provisioningRequestStatusList": list_of(object_of({}, {"sourceNode": text, "destinationNode": text})),
    },
)
VERSION = object_of({}, {"cmVersion": word})
LICENCE = entries

POWER_RESULT = object_of({"count": whole, "index": whole})
POWER_HISTORY = list_of(object_of({"ref_device_uuid": word}, {"executionTime": number, "operation": text}))

SESSION = word
_POWER_STATUS = object_of({}, {"device": text, "state": text, "indexes": list_of(whole)})
EVENTS = list_of(
    by_kind(
        "childType",
        {"PowerStatusChangedEvent": object_of({}, {"status": list_of(_POWER_STATUS)})},
        object_of({}, {"childType": text}),
    )
)
