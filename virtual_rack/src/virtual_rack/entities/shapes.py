# SPDX-License-Identifier: GPL-3.0-or-later
"""All types of entities by name: those at the top level here, the others in the files beside."""

from __future__ import annotations

from virtual_rack.entities.device_shapes import BOOT_AND_INSTALL, HEAD_NODE, LITE_NODE, PHYSICAL_NODE
from virtual_rack.entities.fields import (
    EVERY_ENTITY,
    UNKNOWN_MANY,
    UNKNOWN_ONE,
    ZERO_IP,
    ZERO_IPV6,
    ZERO_UUID,
    Shape,
    fields,
    free,
    many,
    one,
    only_in,
)
from virtual_rack.entities.part_shapes import PART_SHAPES
from virtual_rack.entities.role_shapes import ROLE_SHAPES

_CATEGORY = (
    EVERY_ENTITY
    | BOOT_AND_INSTALL
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

_RACK = EVERY_ENTITY | fields(
    parent_uuid=ZERO_UUID,
    name="",
    location="",
    building="",
    room="",
    row="",
    partNumber="",
    serialNumber="",
    model="",
    type="",
    xCoordinate=0,
    yCoordinate=0,
    height=42,
    width=19,
    depth=34,
    angle=0,
    inverted=False,
    notes="",
    twin=ZERO_UUID,
)

CATEGORY = Shape("Category", "", _CATEGORY, key="name")
SOFTWARE_IMAGE = Shape("SoftwareImage", "", _SOFTWARE_IMAGE, key="name")
NETWORK = Shape("Network", "", _NETWORK, key="name")
PARTITION = Shape("Partition", "", _PARTITION, key="name")
RACK = Shape("Rack", "", _RACK, key="name")

_SHAPES = (
    PHYSICAL_NODE,
    HEAD_NODE,
    LITE_NODE,
    CATEGORY,
    SOFTWARE_IMAGE,
    NETWORK,
    PARTITION,
    RACK,
    *PART_SHAPES,
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
