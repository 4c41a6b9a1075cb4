# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The sub-entities of devices and categories: shapes and defaults of bcm-api.md 4.6 to 4.8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._values.mac import ZERO_MAC
from ..api.errors import BcmConfigError
from .fields import Address, Choice, Field, Mac, Raw, Reference, Refused, Secret, Value
from .merge import Element, SubObject, SubObjects
from .references import ZERO_UUID

# -- BMC settings -----------------------------------------------------------------------------------------------------

BMC_SETTINGS = SubObject(
    Element(
        "BMCSettings",
        "",
        {
            "userName": "",
            "userID": -1,
            "password": "",
            "privilege": "ADMINISTRATOR",
            "powerResetDelay": 0,
            "extraArguments": "",
            "firmwareManageMode": "AUTO",
            "leakPolicy": "NONE",
            "leakReactionDelay": 0.0,
        },
        (
            Field("username", "userName", Secret(no_log=False)),
            Field("password", "password", Secret()),
            Field("user_id", "userID", Value("int")),
            Field(
                "privilege",
                "privilege",
                Choice(("CALLBACK", "USER", "OPERATOR", "ADMINISTRATOR", "OEM_PROPRIETARY", "NO_ACCESS")),
            ),
            Field("power_reset_delay", "powerResetDelay", Value("int")),
            Field("extra_arguments", "extraArguments", Value()),
        ),
    )
)

# -- network interfaces -----------------------------------------------------------------------------------------------

_INTERFACE_DEFAULTS = {
    "ip": "0.0.0.0",
    "ipv6Ip": "::0",
    "dhcp": False,
    "ipv6Dhcp": False,
    "network": ZERO_UUID,
    "bringupduringinstall": "NO",
    "startIf": "ALWAYS",
    "bootable": False,
    "excludeFromDhcpd": False,
    "connectedMode": False,
    "alternativeHostname": "",
    "additionalHostnames": [],
    "switchPorts": [],
    "mac": ZERO_MAC,
}
_INTERFACE_FIELDS = (
    Field("name", "name", Value()),
    Field("mac", "mac", Mac()),
    Field("ip", "ip", Address()),
    Field("dhcp", "dhcp", Value("bool")),
    Field("network", "network", Reference("networks")),
    # On BCM 10 provisioningInterface alone says the same.
    Field("bootable", "bootable", Value("bool"), since_bcm=11, said_elsewhere=True),
)
# ASSUMED: the key that holds a bond's member names. bcm-api.md 4.6 has not seen it; one bonded node on a live head
# node would settle it. Should the head node drop it, the read-back after the write says so.
BOND_MEMBERS_KEY = "interfaces"

_INTERFACES = {
    "physical": Element(
        "NetworkInterface",
        "NetworkPhysicalInterface",
        {**_INTERFACE_DEFAULTS, "onNetworkPriority": 60, "speed": "", "cardtype": "Ethernet"},
        _INTERFACE_FIELDS,
    ),
    "bmc": Element(
        "NetworkInterface",
        "NetworkBmcInterface",
        {**_INTERFACE_DEFAULTS, "onNetworkPriority": 10, "gateway": "0.0.0.0", "vlanid": 0, "lanchannel": 1},
        (
            *(known for known in _INTERFACE_FIELDS if known.option != "mac"),
            Field("mac", "mac", Mac(), since_bcm=11),
            Field("gateway", "gateway", Address()),
            Field("vlan_id", "vlanid", Value("int")),
            Field("lan_channel", "lanchannel", Value("int")),
        ),
    ),
    "bond": Element(
        "NetworkInterface",
        "NetworkBondInterface",
        {**_INTERFACE_DEFAULTS, "onNetworkPriority": 70, "mode": 4, "options": "", BOND_MEMBERS_KEY: []},
        (
            *_INTERFACE_FIELDS,
            Field("mode", "mode", Value("int")),
            Field("bond_options", "options", Value()),
            Field("members", BOND_MEMBERS_KEY, Value("list")),
        ),
    ),
}
_INTERFACE_TYPES = {element.child_type: kind for kind, element in _INTERFACES.items()}


def interface_type(stored: Raw) -> str:
    """Return physical, bmc or bond; BCM's childType for kinds that have no options here."""
    child_type = str(stored.get("childType", ""))
    return _INTERFACE_TYPES.get(child_type.replace("NetworkBMC", "NetworkBmc"), child_type)


def _wanted_interface_type(wanted: Mapping[str, Any]) -> str:
    kind = wanted.get("type")
    if kind is None:
        raise BcmConfigError("type is needed for an interface that does not exist yet (physical, bond or bmc)")
    return str(kind)


INTERFACES = SubObjects(
    "name",
    "name",
    _INTERFACES,
    kind_of_wanted=_wanted_interface_type,
    kind_of_stored=interface_type,
    # People call the interface bmc; BCM wants a name that shows its kind.
    alias=lambda name: "ipmi0" if name == "bmc" else name,
    extra=lambda stored: {"type": interface_type(stored)},
    has_type=True,
)

# -- roles ------------------------------------------------------------------------------------------------------------

# Kinds with a known shape (headnode-bcm11.json), and the defaults seen there.
_ROLE_DEFAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "provisioning": (
        "ProvisioningRole",
        {
            "allImages": "LOCALDISK",
            "categories": [],
            "includeRevisionsOfLocalImages": True,
            "loadWeight": 0.0,
            "localImages": [],
            "localProvisioning": True,
            "maxProvisioningNodes": 10,
            "nodegroups": [],
            "racks": [],
            "sharedImages": [],
        },
    ),
    "boot": (
        "BootRole",
        {
            "allowRamdiskCreation": False,
            "categories": [],
            "disableAutomaticExports": False,
            "fsparts": [],
            "imagesFromProvisioningRole": False,
            "nodegroups": [],
            "racks": [],
            "softwareImages": [],
            "syncFSParts": "AUTO",
        },
    ),
    "storage": (
        "StorageRole",
        {
            "disableNFS1": False,
            "disableNFS2": False,
            "disableNFS3": False,
            "disableNFS4": False,
            "lockdTcpPort": 0,
            "lockdUdpPort": 0,
            "mountdPort": 0,
            "nfs4grace": 0,
            "nfsThreads": 0,
            "rdmaPort": 0,
            "rquotadPort": 0,
            "statdOutgoingPort": 0,
            "statdPort": 0,
        },
    ),
    "backup": (
        "BackupRole",
        {"backupRing": 0, "directory": "/var/spool/cmd/backup", "disabled": False, "maximumNumberOfBackups": 0},
    ),
    "monitoring": (
        "MonitoringRole",
        {
            "backupOnPowerOff": False,
            "backupOnPowerReset": False,
            "backupOnReboot": False,
            "backupOnShutdown": False,
            "backupOnTerminate": False,
            "backupRing": 0,
            "delayAfterDown": 600,
            "delayAfterUp": 60,
            "maximumNumberOfNodes": 16384,
            "nodeFilters": [],
            "numberOfBackups": 2,
        },
    ),
}
_ROLE_FIELDS: dict[str, tuple[Field, ...]] = {
    "provisioning": (Field("max_provisioning_nodes", "maxProvisioningNodes", Value("int")),)
}
_ROLES = {
    kind: Element(
        "Role",
        child_type,
        {"addServices": True, **defaults},
        (Field("name", "name", Value()), *_ROLE_FIELDS.get(kind, ())),
    )
    for kind, (child_type, defaults) in _ROLE_DEFAULTS.items()
}


def _wanted_role(wanted: Mapping[str, Any]) -> str:
    name = str(wanted["name"])
    if name not in _ROLES:
        raise BcmConfigError(f"no such BCM role; known are {', '.join(sorted(_ROLES))}; words of your own go in labels")
    return name


ROLES = SubObjects(
    "name",
    "name",
    _ROLES,
    kind_of_wanted=_wanted_role,
    kind_of_stored=lambda stored: str(stored.get("name", "")),
    takes_words=True,
)

# -- file systems, kernel modules, services, GPUs ---------------------------------------------------------------------
# ASSUMED: the defaults of a new GPU setting (UNDEFINED, 0 = leave alone); only an example of one is known.

FS_MOUNTS = SubObjects(
    "mountpoint",
    "mountpoint",
    {
        "": Element(
            "FSMount",
            "",
            {
                "device": "",
                "mountpoint": "",
                "filesystem": "",
                "mountoptions": "defaults",
                "dump": False,
                "fsck": "NONE",
                "rdma": False,
            },
            (
                Field("mountpoint", "mountpoint", Value()),
                Field("device", "device", Value()),
                Field("filesystem", "filesystem", Value()),
                Field("mount_options", "mountoptions", Value()),
            ),
        )
    },
)

MODULES = SubObjects(
    "name",
    "name",
    {
        "": Element(
            "KernelModule",
            "",
            {"name": "", "parameters": ""},
            (Field("name", "name", Value()), Field("parameters", "parameters", Value())),
        )
    },
    takes_words=True,
)

SERVICES = SubObjects(
    "name",
    "name",
    {
        "": Element(
            "OSServiceConfig",
            "",
            {
                "name": "",
                "autostart": False,
                "monitored": False,
                "runIf": "ALWAYS",
                "scriptTimeout": -1,
                "sicknessCheckInterval": 60,
                "sicknessCheckScript": "",
                "sicknessCheckScriptTimeout": 10,
                "ref_role_uuid": ZERO_UUID,
                "ref_extra_uuid": ZERO_UUID,
            },
            (
                Field("name", "name", Value()),
                Field("autostart", "autostart", Value("bool")),
                Field("monitored", "monitored", Value("bool")),
                Field("run_if", "runIf", Choice(("ALWAYS", "ACTIVE", "PASSIVE"))),
            ),
        )
    },
    takes_words=True,
)

_NO_PERSISTENCE_MODE = (
    "BCM has no such GPU setting; the driver keeps it: set it by a parameter of the kernel module (modules), or by a "
    "finalize script that enables nvidia-persistenced"
)

GPU_SETTINGS = SubObjects(
    "name",
    "name",
    {
        "": Element(
            "GPUSettings",
            "NvidiaGPUSettings",
            {
                "name": "",
                "powerLimit": 0,
                "eccMode": "UNDEFINED",
                "computeMode": "UNDEFINED",
                "clockSyncBoostMode": "NONE",
                "multiProcessorClockSpeed": 0,
                "memoryClockSpeed": 0,
                "migProfiles": [],
                "workloadPowerProfile": "UNDEFINED",
                "secondaryWorkloadPowerProfile": "UNDEFINED",
            },
            (
                Field("name", "name", Value()),
                Field("power_limit", "powerLimit", Value("int")),
                Field("ecc_mode", "eccMode", Value()),
                Field("compute_mode", "computeMode", Value()),
                Field("mig_profiles", "migProfiles", Value("list")),
                Field("enable_persistence_mode", "", Refused(_NO_PERSISTENCE_MODE)),
            ),
        )
    },
)
