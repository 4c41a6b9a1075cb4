# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of entities, field by field, with their defaults."""

from __future__ import annotations

from virtual_rack.entities.fields import (
    EVERY_ENTITY,
    UNKNOWN_MANY,
    UNKNOWN_ONE,
    ZERO_IP,
    ZERO_IPV6,
    ZERO_MAC,
    ZERO_UUID,
    Field,
    Shape,
    fields,
    free,
    many,
    one,
    only_in,
)
from virtual_rack.entities.role_shapes import ROLE_SHAPES

_DEVICE = EVERY_ENTITY | fields(
    parent_uuid=ZERO_UUID,
    hostname="",
    mac=ZERO_MAC,
    partition=ZERO_UUID,
    creationTime=0,
    interfaces=many("NetworkInterface"),
    managementNetwork=ZERO_UUID,
    defaultGateway=ZERO_IP,
    powerControl="none",
    powerDistributionUnits=UNKNOWN_MANY,
    customPowerScript="",
    customPowerScriptArgument="",
    customPingScript="",
    customPingScriptArgument="",
    customRemoteConsoleScript="",
    customRemoteConsoleScriptArgument="",
    bmcSettings=one("BMCSettings"),
    biosSetup=free(),
    cmdaemonUrl="",
    forceFullEnvironment=False,
    gpuSettings=many("GPUSettings"),
    ioScheduler="",
    notes="",
    proxySettings=UNKNOWN_ONE,
    seLinuxSettings=UNKNOWN_ONE,
    services=many("OSServiceConfig"),
    staticRoutes=UNKNOWN_MANY,
    supportsGNSS=False,
    switchPorts=UNKNOWN_MANY,
    timeZoneSettings=UNKNOWN_ONE,
    useExclusivelyFor="",
    userDefinedResources=[],
    userdefined1="",
    userdefined2="",
    versionConfigFiles=False,
)
_DEVICE_11 = only_in(
    "11",
    accessSettings=UNKNOWN_ONE,
    authenticationService="CATEGORY",
    chassisPosition=UNKNOWN_ONE,
    defaultGatewayMetric=0,
    partNumber="",
    prometheusMetricForwarders=UNKNOWN_MANY,
    rackPosition=UNKNOWN_ONE,
    serialNumber="",
)
# ASSUMED: the defaults of what BCM 11 dropped; only the names are known. A getDevices of BCM 10 settles it.
_DEVICE_10 = only_in(
    "10", cpuspeedGovernor="", disableFabricNVME=False, indexInsideContainer=0, rack=UNKNOWN_ONE, tag=""
)
_ANY_DEVICE = _DEVICE | _DEVICE_11 | _DEVICE_10

_NODE = _ANY_DEVICE | fields(
    excludeListManipulateScript="",
    fsexports=many("FSExport"),
    fsmounts=many("FSMount"),
    provisioningInterface=ZERO_UUID,
    provisioningTransport="RSYNCDAEMON",
    pxelabel="",
    roles=many("Role"),
)

_BOOT_AND_INSTALL = fields(
    allowNetworkingRestart=False,
    bootLoaderFile="",
    dataNode=False,
    disksetup="",
    excludeListFull="",
    excludeListGrab="",
    excludeListGrabnew="",
    excludeListSync="",
    excludeListUpdate="",
    finalize="",
    initialize="",
    installBootRecord=False,
    kernelOutputConsole="",
    kernelParameters="",
    kernelVersion="",
    modules=many("KernelModule"),
    nodeInstallerDisk=False,
    raidconf="",
    softwareImageProxy=one("SoftwareImageProxy"),
)

_PHYSICAL_NODE = (
    _NODE
    | _BOOT_AND_INSTALL
    | fields(
        blockDevicesClearedOnNextBoot=[],
        bootLoader="CATEGORY",
        bootLoaderProtocol="CATEGORY",
        category=ZERO_UUID,
        fips="CATEGORY",
        fromTemplateNode=ZERO_UUID,
        installMode="",
        nextBootInstallMode="",
        templateNode=False,
    )
)

_CATEGORY = (
    EVERY_ENTITY
    | _BOOT_AND_INSTALL
    | fields(
        parent_uuid=ZERO_UUID,
        name="",
        accessSettings=UNKNOWN_ONE,
        authenticationService="AUTO",
        biosSetup=free(),
        bmcSettings=one("BMCSettings"),
        bootLoader="SYSLINUX",
        bootLoaderProtocol="HTTP",
        defaultGateway=ZERO_IP,
        defaultGatewayMetric=0,
        dpuSettings=UNKNOWN_ONE,
        excludeListManipulateScript="",
        fips="NO",
        fsexports=many("FSExport"),
        fsmounts=many("FSMount"),
        gpuSettings=many("GPUSettings"),
        installMode="AUTO",
        interactiveUser="ALWAYS",
        ioScheduler="",
        managementNetwork=ZERO_UUID,
        nameServers=[],
        newNodeInstallMode="FULL",
        notes="",
        proxySettings=UNKNOWN_ONE,
        roles=many("Role"),
        seLinuxSettings=UNKNOWN_ONE,
        searchDomains=[],
        services=many("OSServiceConfig"),
        staticRoutes=UNKNOWN_MANY,
        timeServers=[],
        timeZoneSettings=UNKNOWN_ONE,
        useExclusivelyFor="",
        versionConfigFiles=False,
        ztpSettings=UNKNOWN_ONE,
    )
)

_SOFTWARE_IMAGE = EVERY_ENTITY | fields(
    parent_uuid=ZERO_UUID,
    name="",
    path="",
    SOLFlowControl=True,
    SOLPort="ttyS1",
    SOLSpeed="115200",
    enableSOL=False,
    bootfspart=ZERO_UUID,
    creationTime=0,
    fileOperationInProgress=False,
    fspart=ZERO_UUID,
    kernelOutputConsole="tty0",
    kernelParameters="",
    kernelVersion="",
    modules=many("KernelModule"),
    notes="",
    originalImage=ZERO_UUID,
    parentSoftwareImage=ZERO_UUID,
    revisionHistory=UNKNOWN_MANY,
    revisionID=0,
)

_NETWORK = (
    EVERY_ENTITY
    | fields(
        name="",
        type="INTERNAL",
        baseAddress=ZERO_IP,
        netmaskBits=16,
        domainName="",
        gateway=ZERO_IP,
        mtu=1500,
        management=False,
        bootable=False,
        dynamicRangeStart=ZERO_IP,
        dynamicRangeEnd=ZERO_IP,
        EC2AvailabilityZone="",
        IPv6=False,
        allowAutosign="AUTOMATIC",
        cloudSubnetID="",
        disableAutomaticExports=False,
        excludeFromSearchDomain=False,
        generateDNSZone="BOTH",
        ipv6BaseAddress=ZERO_IPV6,
        ipv6Gateway=ZERO_IPV6,
        ipv6NetmaskBits=0,
        lockDownDhcpd=False,
        notes="",
        searchDomainIndex=0,
    )
    | only_in("11", gatewayMetric=0, layer3=False, layer3ecmp=False, layer3route="NONE", layer3splitStaticRoute=False)
    | only_in("10", EC2String="")
)

# ASSUMED: no source shows a whole Partition; these are the fields that other places refer to.
_PARTITION = EVERY_ENTITY | fields(
    parent_uuid=ZERO_UUID, name="", bmcSettings=one("BMCSettings"), managementNetwork=ZERO_UUID, notes=""
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


def _interface(child: str, **own: object) -> Shape:
    return Shape("NetworkInterface", child, _INTERFACE | fields(**own), key="name")


PHYSICAL_NODE = Shape("Device", "PhysicalNode", _PHYSICAL_NODE, key="hostname")
HEAD_NODE = Shape("Device", "HeadNode", _NODE, key="hostname")
# ASSUMED: a LiteNode has what all devices have; only what clients send for one is known.
LITE_NODE = Shape("Device", "LiteNode", _ANY_DEVICE, key="hostname")
CATEGORY = Shape("Category", "", _CATEGORY, key="name")
SOFTWARE_IMAGE = Shape("SoftwareImage", "", _SOFTWARE_IMAGE, key="name")
NETWORK = Shape("Network", "", _NETWORK, key="name")
PARTITION = Shape("Partition", "", _PARTITION, key="name")

_SHAPES = (
    PHYSICAL_NODE,
    HEAD_NODE,
    LITE_NODE,
    CATEGORY,
    SOFTWARE_IMAGE,
    NETWORK,
    PARTITION,
    _interface("NetworkPhysicalInterface", mac=ZERO_MAC, speed="", cardtype="Ethernet"),
    Shape(
        "NetworkInterface",
        "NetworkBmcInterface",
        _INTERFACE
        | fields(onNetworkPriority=10, gateway=ZERO_IP, vlanid=0, lanchannel=1)
        | only_in("11", mac=ZERO_MAC),
        key="name",
    ),
    # ASSUMED: how a bond names its members is unknown, so it has none here.
    _interface("NetworkBondInterface", mac=ZERO_MAC, mode=1, options=""),
    Shape("BMCSettings", "", _BMC_SETTINGS),
    Shape("SoftwareImageProxy", "", EVERY_ENTITY | fields(parentSoftwareImage=ZERO_UUID, revisionID=-1)),
    Shape("KernelModule", "", EVERY_ENTITY | fields(name="", parameters=""), key="name"),
    Shape("FSMount", "", _FS_MOUNT, key="mountpoint"),
    Shape("FSExport", "", _FS_EXPORT, key="path"),
    Shape("OSServiceConfig", "", _OS_SERVICE, key="name"),
    Shape("GPUSettings", "NvidiaGPUSettings", _NVIDIA_GPU, key="name"),
    *ROLE_SHAPES,
)
_BY_TYPE = {(shape.base, shape.child): shape for shape in _SHAPES}

# A published client writes the BMC interface's type this way; a head node takes it and answers with its own spelling.
_OTHER_SPELLINGS = {"NetworkBMCInterface": "NetworkBmcInterface"}


def find_shape(base: object, child: object) -> Shape | None:
    """Find a type by the names that travel, None when there is no such type."""
    if not isinstance(base, str) or not isinstance(child, str):
        return None
    return _BY_TYPE.get((base, _OTHER_SPELLINGS.get(child, child)))


def kernel_fields() -> tuple[str, ...]:
    """Name the fields that a clone takes over from its original."""
    return ("kernelVersion", "kernelParameters", "modules")


__all__ = ["CATEGORY", "HEAD_NODE", "NETWORK", "PARTITION", "PHYSICAL_NODE", "SOFTWARE_IMAGE", "Field", "find_shape"]
