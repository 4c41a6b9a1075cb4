# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles whose fields are known."""

from __future__ import annotations

from virtual_rack.entities.fields import EVERY_ENTITY, Shape, fields


def _role(child: str, **own: object) -> Shape:
    return Shape("Role", child, EVERY_ENTITY | fields(name="", addServices=True, **own), key="name")


ROLE_SHAPES = (
    _role("HeadNodeRole", disableAutomaticExports=False, failoverId=0),
    _role(
        "StorageRole",
        disableNFS1=False,
        disableNFS2=False,
        disableNFS3=False,
        disableNFS4=False,
        lockdTcpPort=0,
        lockdUdpPort=0,
        mountdPort=0,
        nfs4grace=0,
        nfsThreads=0,
        rdmaPort=0,
        rquotadPort=0,
        statdOutgoingPort=0,
        statdPort=0,
    ),
    _role("BackupRole", backupRing=0, directory="/var/spool/cmd/backup", disabled=False, maximumNumberOfBackups=0),
    _role(
        "MonitoringRole",
        backupOnPowerOff=False,
        backupOnPowerReset=False,
        backupOnReboot=False,
        backupOnShutdown=False,
        backupOnTerminate=False,
        backupRing=0,
        delayAfterDown=600,
        delayAfterUp=60,
        maximumNumberOfNodes=16384,
        nodeFilters=[],
        numberOfBackups=2,
    ),
    _role(
        "ProvisioningRole",
        allImages="LOCALDISK",
        categories=[],
        includeRevisionsOfLocalImages=True,
        loadWeight=0.0,
        localImages=[],
        localProvisioning=True,
        maxProvisioningNodes=10,
        nodegroups=[],
        racks=[],
        sharedImages=[],
    ),
    _role(
        "BootRole",
        allowRamdiskCreation=False,
        categories=[],
        disableAutomaticExports=False,
        fsparts=[],
        imagesFromProvisioningRole=False,
        nodegroups=[],
        racks=[],
        softwareImages=[],
        syncFSParts="AUTO",
    ),
)
