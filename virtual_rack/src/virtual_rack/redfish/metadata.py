# SPDX-License-Identifier: GPL-3.0-or-later
"""What OData clients ask for: the service document and $metadata."""

from __future__ import annotations

from virtual_rack.redfish.messages import Json
from virtual_rack.redfish.tree import ROOT

ODATA_PATH = f"{ROOT}/odata"
METADATA_PATH = f"{ROOT}/$metadata"
_SERVICES = (
    *("Systems", "Chassis", "Managers", "SessionService", "AccountService", "EventService", "UpdateService"),
    *("CertificateService", "TaskService", "Registries", "JsonSchemas"),
)
_SCHEMAS = (
    *("ServiceRoot", "ComputerSystemCollection", "ComputerSystem", "ChassisCollection", "Chassis"),
    *("ManagerCollection", "Manager", "ManagerNetworkProtocol", "AccountService", "ManagerAccount", "Role"),
    *("SessionService", "Session", "EventService", "EventDestination", "TaskService", "Task", "Bios"),
    *("SecureBoot", "UpdateService", "SoftwareInventory", "CertificateService", "Certificate"),
)


def odata() -> Json:
    """Give the OData service document."""
    services = [{"name": name, "kind": "Singleton", "url": f"{ROOT}/{name}"} for name in ("Service", *_SERVICES)]
    services[0]["url"] = f"{ROOT}/"
    return {"@odata.context": METADATA_PATH, "value": services}


def metadata() -> str:
    """Give the OData metadata document: a reference to the schema file of each kind."""
    references = "".join(
        f'  <edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/{name}_v1.xml">\n'
        f'    <edmx:Include Namespace="{name}"/>\n'
        "  </edmx:Reference>\n"
        for name in _SCHEMAS
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">\n'
        f"{references}"
        "  <edmx:DataServices>\n"
        '    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">\n'
        '      <EntityContainer Name="Service" Extends="ServiceRoot.v1_17_0.ServiceContainer"/>\n'
        "    </Schema>\n"
        "  </edmx:DataServices>\n"
        "</edmx:Edmx>\n"
    )
