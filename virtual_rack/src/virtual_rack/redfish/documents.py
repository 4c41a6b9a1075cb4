# SPDX-License-Identifier: GPL-3.0-or-later
"""The resources of the standard, as a BMC is delivered with them. What they do is in other files."""

from __future__ import annotations

import uuid
from typing import Any

from virtual_rack.nodes.machine import Machine
from virtual_rack.redfish.messages import registry
from virtual_rack.redfish.modes import Mode, attribute_registry, registry_name
from virtual_rack.redfish.rules import FLAG, Each, Fields, Number, Rule, Rules, Text, words
from virtual_rack.redfish.tree import ROOT, Tree, link

EVENTS = f"{ROOT}/EventService"
SUBSCRIPTIONS = f"{EVENTS}/Subscriptions"
_ONE = "1"
_TLS_VERSIONS = ["1.0", "1.1", "1.2", "1.3"]
_CIPHERS = ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"]


class Paths:
    """Where a mode's system, manager and chassis are."""

    def __init__(self, mode: Mode) -> None:
        self.system = f"{ROOT}/Systems/{mode.system}"
        self.manager = f"{ROOT}/Managers/{mode.manager}"
        self.chassis = f"{ROOT}/Chassis/{mode.chassis}"
        self.network = f"{self.manager}/NetworkProtocol"
        self.certificates = f"{self.network}/HTTPS/Certificates"


def add_standard(tree: Tree, mode: Mode, machine: Machine) -> Paths:
    """Put in what every service has and a mode does not leave out; gives where things are."""
    paths = Paths(mode)
    _add_root(tree, mode, machine)
    _add_registries(tree, mode)
    _add_system(tree, mode, machine, paths)
    _add_manager(tree, mode, machine, paths)
    _add_events(tree)
    return paths


def uuid_of(machine: Machine) -> str:
    """Give a machine's UUID: always the same, unlike any other's."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"virtual-rack/{machine.spec.mac}"))


def _add_root(tree: Tree, mode: Mode, machine: Machine) -> None:
    services = (
        *("Systems", "Chassis", "Managers", "SessionService", "AccountService", "CertificateService"),
        *("UpdateService", "EventService", "Registries", "JsonSchemas"),
    )
    expand: dict[str, Any] = {"ExpandAll": mode.expands, "Levels": mode.expands, "Links": mode.expands}
    expand |= {"NoLinks": mode.expands} | ({"MaxLevels": 4} if mode.expands else {})
    root = tree.add(
        ROOT,
        "ServiceRoot.v1_17_0.ServiceRoot",
        "Root Service",
        RedfishVersion="1.20.0",
        UUID=str(uuid.uuid5(uuid.NAMESPACE_OID, f"virtual-rack/bmc/{machine.spec.mac}")),
        Vendor=mode.vendor,
        Product=mode.product,
        ProtocolFeaturesSupported={
            "ExpandQuery": expand,
            "SelectQuery": True,
            "FilterQuery": False,
            "OnlyMemberQuery": True,
            "TopSkipQuery": True,
            "ExcerptQuery": False,
        },
        Tasks=link(f"{ROOT}/TaskService"),
        Links={"Sessions": link(f"{ROOT}/SessionService/Sessions")},
        **{service: link(f"{ROOT}/{service}") for service in services},
    )
    root.document |= {"@odata.id": f"{ROOT}/", "Id": "RootService"}


def _add_registries(tree: Tree, mode: Mode) -> None:
    contents = [registry(), *([attribute_registry(mode)] if mode.bios else [])]
    path = f"{ROOT}/Registries"
    tree.collection(path, "MessageRegistryFile", *(content["Id"] for content in contents))
    for content in contents:
        name = content["Id"]
        where = f"{path}/{name}/{name}.json"
        tree.add(
            f"{path}/{name}",
            "MessageRegistryFile.v1_1_4.MessageRegistryFile",
            f"{name} Registry File",
            Languages=["en"],
            Registry=name if name.startswith("Base") else registry_name(mode),
            Location=[{"Language": "en", "Uri": where}],
        )
        tree.add(where, content["@odata.type"][1:], content["Name"]).document |= content
    tree.collection(f"{ROOT}/JsonSchemas", "JsonSchemaFile")


def _add_system(tree: Tree, mode: Mode, machine: Machine, paths: Paths) -> None:
    tree.collection(f"{ROOT}/Systems", "ComputerSystem", mode.system)
    tree.collection(f"{ROOT}/Chassis", "Chassis", mode.chassis)
    identity: dict[str, Any] = {"Manufacturer": mode.vendor, "Model": mode.model, "SerialNumber": machine.spec.serial}
    identity |= {"PartNumber": machine.spec.part_number, "Status": {"State": "Enabled", "Health": "OK"}}
    tree.add(
        paths.system,
        "ComputerSystem.v1_23_0.ComputerSystem",
        "System",
        SystemType="Physical",
        UUID=uuid_of(machine),
        AssetTag="",
        HostName="",
        SKU=machine.spec.serial,
        EthernetInterfaces=link(f"{paths.system}/EthernetInterfaces"),
        Links={"Chassis": [link(paths.chassis)], "ManagedBy": [link(paths.manager)]},
        **identity,
    )
    nics = f"{paths.system}/EthernetInterfaces"
    tree.collection(nics, "EthernetInterface", _ONE)
    nic = tree.add(f"{nics}/{_ONE}", "EthernetInterface.v1_12_3.EthernetInterface", "System NIC")
    nic.document |= {"MACAddress": machine.spec.mac, "PermanentMACAddress": machine.spec.mac}
    links = {"ComputerSystems": [link(paths.system)], "ManagedBy": [link(paths.manager)]}
    chassis = tree.add(paths.chassis, "Chassis.v1_25_0.Chassis", "Chassis", ChassisType="RackMount", AssetTag="")
    chassis.document |= identity | {"Links": links}
    chassis.rules = {"AssetTag": Text()}
    chassis.privilege = "ConfigureComponents"


def _add_manager(tree: Tree, mode: Mode, machine: Machine, paths: Paths) -> None:
    tree.collection(f"{ROOT}/Managers", "Manager", mode.manager)
    nics = f"{paths.manager}/EthernetInterfaces"
    manager = tree.add(
        paths.manager,
        "Manager.v1_19_2.Manager",
        "Manager",
        ManagerType="BMC",
        Manufacturer=mode.vendor,
        Model=mode.product,
        UUID=str(uuid.uuid5(uuid.NAMESPACE_OID, f"virtual-rack/manager/{machine.spec.mac}")),
        Status={"State": "Enabled", "Health": "OK"},
        DateTimeLocalOffset="+00:00",
        NetworkProtocol=link(paths.network),
        EthernetInterfaces=link(nics),
        Links={"ManagerForServers": [link(paths.system)], "ManagerForChassis": [link(paths.chassis)]},
    )
    manager.rules = {"DateTimeLocalOffset": Text(6)}
    if mode.has_time_zone:
        manager.document["TimeZoneName"] = "UTC"
        manager.rules = {**manager.rules, "TimeZoneName": Text(64)}
    tree.collection(nics, "EthernetInterface", _ONE)
    nic = tree.add(
        f"{nics}/{_ONE}",
        "EthernetInterface.v1_12_3.EthernetInterface",
        "Manager NIC",
        HostName=f"bmc-{machine.spec.name}",
        IPv4Addresses=[{"Address": machine.spec.bmc.address, "SubnetMask": "255.255.0.0", "AddressOrigin": "Static"}],
        StaticNameServers=[],
        VLAN={"VLANEnable": False, "VLANId": 1},
        DHCPv4={"DHCPEnabled": False, "UseNTPServers": False, "UseDNSServers": False},
    )
    nic.rules = {
        "HostName": Text(64),
        "StaticNameServers": Each(Text(64), 4),
        "VLAN": {"VLANEnable": FLAG, "VLANId": Number(1, 4094)},
        "DHCPv4": {"UseNTPServers": FLAG, "UseDNSServers": FLAG},
    }
    _add_network(tree, mode, paths)
    if mode.has_host_interface:
        where = f"{paths.manager}/HostInterfaces"
        manager.document["HostInterfaces"] = link(where)
        tree.collection(where, "HostInterface", _ONE)
        host = tree.add(f"{where}/{_ONE}", "HostInterface.v1_3_3.HostInterface", "Host Interface")
        host.document |= {"InterfaceEnabled": True, "HostInterfaceType": "NetworkHostInterface"}
        host.rules = {"InterfaceEnabled": FLAG}
    if mode.has_security_policy:
        _add_security_policy(tree, paths)


def _add_network(tree: Tree, mode: Mode, paths: Paths) -> None:
    protocols: dict[str, Any] = {}
    rules: dict[str, Rule | Rules] = {"HostName": Text(64)}
    for name in mode.protocols:
        port = mode.port_of(name)
        protocols[name] = {"ProtocolEnabled": name not in ("NTP", "Telnet")} | ({"Port": port} if port else {})
        own: dict[str, Rule | Rules] = {"ProtocolEnabled": FLAG}
        if port:
            own["Port"] = Number(1, 65_535)
        if name == "HTTPS":
            protocols[name]["Certificates"] = link(paths.certificates)
            own = {}  # what one speaks by cannot be switched off
        elif name == "NTP":
            protocols[name]["NTPServers"] = []
            own["NTPServers"] = Each(Text(255), 4)
        elif name == "SNMP":
            protocols[name] |= _SNMP
            own |= _SNMP_RULES
        elif name == "SSH" and mode.has_assumed:
            protocols[name]["PasswordAuthenticationEnabled"] = True
            own["PasswordAuthenticationEnabled"] = FLAG
        rules[name] = own
    network = tree.add(
        paths.network, "ManagerNetworkProtocol.v1_11_0.ManagerNetworkProtocol", "Manager Network Protocol"
    )
    network.document |= {"HostName": "bmc", "FQDN": "bmc", **protocols}
    network.rules = rules


_SNMP: dict[str, Any] = {
    "Port": 161,
    "EnableSNMPv1": True,
    "EnableSNMPv2c": True,
    "EnableSNMPv3": False,
    "AuthenticationProtocol": "HMAC_MD5",
    "EncryptionProtocol": "CBC_DES",
    "CommunityStrings": [{"Name": "public", "CommunityString": "public", "AccessMode": "Full"}],
    "HideCommunityStrings": False,
}
_SNMP_RULES: dict[str, Rule | Rules] = {
    "Port": Number(1, 65_535),
    **{f"EnableSNMPv{version}": FLAG for version in ("1", "2c", "3")},
    "AuthenticationProtocol": words(
        "Account", "CommunityString", "HMAC_MD5", "HMAC_SHA96", "HMAC128_SHA224", "HMAC192_SHA256", "HMAC384_SHA512"
    ),
    "EncryptionProtocol": words("None", "Account", "CBC_DES", "CFB128_AES128", "CFB128_AES192", "CFB128_AES256"),
    "CommunityStrings": Each(
        Fields({"Name": Text(), "CommunityString": Text(), "AccessMode": words("Full", "Limited")}), 8
    ),
    "HideCommunityStrings": FLAG,
}


def _add_security_policy(tree: Tree, paths: Paths) -> None:
    where = f"{paths.manager}/SecurityPolicy"
    tree.document(paths.manager)["SecurityPolicy"] = link(where)
    allowed = {"Versions": _TLS_VERSIONS, "CipherSuites": _CIPHERS}
    policy = tree.add(
        where,
        "SecurityPolicy.v1_0_3.SecurityPolicy",
        "Security Policy",
        TLS={"Server": {"Allowed": allowed, "VerifyCertificate": False}},
    )
    rules: Rules = {"Versions": Each(words(*_TLS_VERSIONS)), "CipherSuites": Each(Text(64), 32)}
    policy.rules = {"TLS": {"Server": {"Allowed": rules, "VerifyCertificate": FLAG}}}


def _add_events(tree: Tree) -> None:
    tree.add(
        EVENTS,
        "EventService.v1_10_3.EventService",
        "Event Service",
        ServiceEnabled=True,
        DeliveryRetryAttempts=3,
        DeliveryRetryIntervalSeconds=60,
        Subscriptions=link(SUBSCRIPTIONS),
    ).rules = {"DeliveryRetryAttempts": Number(0, 10)}
