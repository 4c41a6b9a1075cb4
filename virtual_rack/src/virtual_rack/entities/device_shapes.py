# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices: nodes and head nodes."""

from __future__ import annotations

from virtual_rack.entities.fields import (
    EVERY_ENTITY,
    UNKNOWN_MANY,
    UNKNOWN_ONE,
    ZERO_IP,
    ZERO_MAC,
    ZERO_UUID,
    Shape,
    fields,
    free,
    many,
    one,
    only_in,
)

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
    rackPosition=one("RackPosition"),
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

# A category has these as well: what a node leaves open is its category's.
BOOT_AND_INSTALL = fields(
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
    | BOOT_AND_INSTALL
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

PHYSICAL_NODE = Shape("Device", "PhysicalNode", _PHYSICAL_NODE, key="hostname")
HEAD_NODE = Shape("Device", "HeadNode", _NODE, key="hostname")
# ASSUMED: a LiteNode has what all devices have; only what clients send for one is known.
LITE_NODE = Shape("Device", "LiteNode", _ANY_DEVICE, key="hostname")
