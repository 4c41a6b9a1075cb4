# SPDX-License-Identifier: GPL-3.0-or-later
"""What entities are made of: interfaces, mounts, services and the like."""

from __future__ import annotations

from virtual_rack.entities.fields import (
    EVERY_ENTITY,
    UNKNOWN_MANY,
    ZERO_IP,
    ZERO_IPV6,
    ZERO_MAC,
    ZERO_UUID,
    Shape,
    fields,
    only_in,
)

_INTERFACE = (
    EVERY_ENTITY
    | fields(
        name="",
        ip=ZERO_IP,
        ipv6Ip=ZERO_IPV6,
        dhcp=False,
        ipv6Dhcp=False,
        network=ZERO_UUID,
        bringupduringinstall="NO",
        startIf="ALWAYS",
        connectedMode=False,
        onNetworkPriority=60,
        alternativeHostname="",
        additionalHostnames=[],
        switchPorts=UNKNOWN_MANY,
    )
    | only_in("11", bootable=False, excludeFromDhcpd=False)
)

_BMC_SETTINGS = EVERY_ENTITY | fields(
    userName="",
    userID=-1,
    password="",
    privilege="ADMINISTRATOR",
    powerResetDelay=0,
    extraArguments="",
    firmwareManageMode="AUTO",
    leakPolicy="NONE",
    leakReactionDelay=0.0,
)

_FS_EXPORT = EVERY_ENTITY | fields(
    name="",
    path="",
    network=ZERO_UUID,
    hosts="",
    allSquash=False,
    allowWrite=False,
    anonGid=65534,
    anonUid=65534,
    checkTree=False,
    automatic=False,
    disabled=False,
    extraOptions="",
    fsid=0,
    rdma=False,
    rootSquash=False,
    **{"async": True},
)

_FS_MOUNT = EVERY_ENTITY | fields(
    device="", mountpoint="", filesystem="", mountoptions="", dump=False, fsck="NONE", rdma=False
)

_OS_SERVICE = (
    EVERY_ENTITY
    | fields(
        name="",
        autostart=False,
        monitored=False,
        runIf="ALWAYS",
        scriptTimeout=-1,
        sicknessCheckInterval=60,
        sicknessCheckScript="",
        sicknessCheckScriptTimeout=10,
        ref_role_uuid=ZERO_UUID,
        ref_extra_uuid=ZERO_UUID,
    )
    | only_in("10", addFromRole=False, belongsToRole=False, fromGenericRole=False, internal=False, serviceType=0)
)

_NVIDIA_GPU = EVERY_ENTITY | fields(
    name="",
    powerLimit=0,
    eccMode="",
    computeMode="",
    clockSyncBoostMode="",
    multiProcessorClockSpeed=0,
    memoryClockSpeed=0,
    migProfiles=[],
    workloadPowerProfile="UNDEFINED",
    secondaryWorkloadPowerProfile="UNDEFINED",
)

# ASSUMED: under which key a bond lists the names of its members; no source shows it. `bond_members: none` in a rack
# file makes it a key that the head node drops. getDevice of a node with a bond settles it.
BOND_MEMBERS = ("NetworkBondInterface", "interfaces")


def _interface(child: str, **own: object) -> Shape:
    return Shape("NetworkInterface", child, _INTERFACE | fields(**own), key="name")


PART_SHAPES = (
    _interface("NetworkPhysicalInterface", mac=ZERO_MAC, speed="", cardtype="Ethernet"),
    Shape(
        "NetworkInterface",
        "NetworkBmcInterface",
        _INTERFACE
        | fields(onNetworkPriority=10, gateway=ZERO_IP, vlanid=0, lanchannel=1)
        | only_in("11", mac=ZERO_MAC),
        key="name",
    ),
    _interface("NetworkBondInterface", mac=ZERO_MAC, mode=1, options="", **{BOND_MEMBERS[1]: []}),
    Shape("BMCSettings", "", _BMC_SETTINGS),
    Shape("SoftwareImageProxy", "", EVERY_ENTITY | fields(parentSoftwareImage=ZERO_UUID, revisionID=-1)),
    Shape("RackPosition", "", EVERY_ENTITY | fields(rack=ZERO_UUID, position=1, height=1, trayId="", trayName="")),
    Shape("KernelModule", "", EVERY_ENTITY | fields(name="", parameters=""), key="name"),
    Shape("FSMount", "", _FS_MOUNT, key="mountpoint"),
    Shape("FSExport", "", _FS_EXPORT, key="path"),
    Shape("OSServiceConfig", "", _OS_SERVICE, key="name"),
    Shape("GPUSettings", "NvidiaGPUSettings", _NVIDIA_GPU, key="name"),
)
