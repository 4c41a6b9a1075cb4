# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets what can be set at a BMC by clients that others wrote, and reads it back; runs where they are installed.

Standard input is JSON: url, username, password, ca, directory (with site.pem and site.key,
a certificate authority that `ca` does not have).
Standard output is a JSON list of [client, setting, wanted, found].
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redfish
import sushy
from redfish_utilities import accounts, certificates, event_service, managers, systems, update

GIVEN = json.load(sys.stdin)
DIRECTORY = Path(GIVEN["directory"])
ROWS: list[list[Any]] = []
PASSWORD = "Another-1-password"
LIMIT_S = 60.0


def row(client: str, setting: str, wanted: Any, found: Any) -> None:
    """Note what came of one setting."""
    ROWS.append([client, setting, wanted, found])


def until(client: str, setting: str, wanted: Any, look: Callable[[], Any]) -> None:
    """Note what came of one that takes time."""
    ends_s = time.monotonic() + LIMIT_S
    while (found := look()) != wanted and time.monotonic() < ends_s:
        time.sleep(0.2)
    row(client, setting, wanted, found)


def by_dmtf() -> None:
    """Use DMTF's own library and tools."""
    context = redfish.redfish_client(
        base_url=GIVEN["url"], username=GIVEN["username"], password=GIVEN["password"], cafile=GIVEN["ca"]
    )
    context.login(auth="session")
    try:
        dmtf_network(context)
        dmtf_accounts(context)
        dmtf_system(context)
        dmtf_certificate(context)
        dmtf_firmware(context)
    finally:
        context.logout()


def dmtf_network(context: Any) -> None:
    """Set protocols, VLAN, time and where syslog goes."""
    wanted: dict[str, Any] = {
        name: {"ProtocolEnabled": False} for name in ("HTTP", "SSH", "SSDP", "KVMIP", "VirtualMedia")
    }
    wanted["NTP"] = {"ProtocolEnabled": True, "NTPServers": ["192.0.2.1", "192.0.2.2"]}
    wanted["SNMP"] = {"EnableSNMPv1": False, "EnableSNMPv2c": False, "EnableSNMPv3": True}
    wanted["SNMP"] |= {"AuthenticationProtocol": "HMAC384_SHA512", "EncryptionProtocol": "CFB128_AES256"}
    managers.set_manager_network_protocol(context, network_protocol=wanted)
    found = managers.get_manager_network_protocol(context).dict
    for protocol, properties in wanted.items():
        for name, value in properties.items():
            row("redfish_utilities", f"{protocol}.{name}", value, found[protocol][name])
    managers.set_manager_ethernet_interface(
        context, vlan={"VLANEnable": True, "VLANId": 42}, hostname="bmc-1", static_name_servers=["192.0.2.53"]
    )
    nic = managers.get_manager_ethernet_interface(context).dict
    row("redfish_utilities", "VLAN", {"VLANEnable": True, "VLANId": 42}, nic["VLAN"])
    row("redfish_utilities", "HostName", "bmc-1", nic["HostName"])
    row("redfish_utilities", "StaticNameServers", ["192.0.2.53"], nic["StaticNameServers"])
    managers.set_manager(context, date_time_offset="+01:00")
    offset = managers.get_manager(context).dict["DateTimeLocalOffset"]
    row("redfish_utilities", "DateTimeLocalOffset", "+01:00", offset)
    event_service.create_event_subscription(context, "https://192.0.2.9/events", client_context="site")
    subscriptions = event_service.get_event_subscriptions(context)
    row("redfish_utilities", "EventDestination", ["site"], [one["Context"] for one in subscriptions])


def dmtf_accounts(context: Any) -> None:
    """Make, change and delete an account."""

    def user(name: str) -> Any:
        return next((one for one in accounts.get_users(context) if one["UserName"] == name), None)

    accounts.add_user(context, "auditor", PASSWORD, "ReadOnly")
    row("redfish_utilities", "AddUser", "ReadOnly", user("auditor")["RoleId"])
    accounts.modify_user(context, "auditor", new_role="Operator", new_name="operator", new_password=PASSWORD * 2)
    row("redfish_utilities", "RoleId", "Operator", user("operator")["RoleId"])
    other = redfish.redfish_client(
        base_url=GIVEN["url"], username="operator", password=PASSWORD * 2, cafile=GIVEN["ca"]
    )
    other.login(auth="session")
    other.logout()
    accounts.modify_user(context, "operator", new_enabled=False)
    row("redfish_utilities", "Enabled", False, user("operator")["Enabled"])
    accounts.delete_user(context, "operator")
    row("redfish_utilities", "DeleteUser", None, user("operator"))


def dmtf_system(context: Any) -> None:
    """Set BIOS and boot, and restart."""
    settings = {"ProcVirtualization": "Enabled", "LogicalProc": "Disabled", "SysProfile": "Performance"}
    systems.set_system_bios(context, settings)
    current, future = systems.get_system_bios(context)
    row("redfish_utilities", "BIOS before the boot", False, any(current[name] == settings[name] for name in settings))
    row("redfish_utilities", "BIOS pending", settings, {name: future[name] for name in settings})
    systems.set_system_boot(context, ov_target="Pxe", ov_enabled="Continuous", ov_mode="UEFI")
    boot = systems.get_system_boot(context)
    row("redfish_utilities", "Boot", "Pxe", boot["BootSourceOverrideTarget"])
    row("redfish_utilities", "Boot lasts", "Continuous", boot["BootSourceOverrideEnabled"])
    systems.system_reset(context, reset_type="On")
    row("redfish_utilities", "PowerState", "On", systems.get_system(context).dict["PowerState"])

    def applied() -> Any:
        return {name: systems.get_system_bios(context)[0][name] for name in settings}

    until("redfish_utilities", "BIOS after the boot", settings, applied)


def dmtf_certificate(context: Any) -> None:
    """Have the site's authority sign a request, and install the certificate."""
    first = certificates.get_all_certificates(context)[0]
    where = first["URI"].rsplit("/", 1)[0]
    names = ("bmc-1.example", "Example", "IT", "Bern", "BE", "CH")
    request = certificates.generate_csr(context, where, *names).dict["CSRString"]
    (DIRECTORY / "bmc.csr").write_text(request, encoding="ascii")
    address = GIVEN["url"].split("//")[1].split(":")[0]
    (DIRECTORY / "extensions").write_text(f"subjectAltName=IP:{address}\n", encoding="ascii")
    signing = ["openssl", "x509", "-req", "-in", "bmc.csr", "-CA", "site.pem", "-CAkey", "site.key", "-days", "30"]
    signing += ["-CAcreateserial", "-out", "bmc.pem", "-extfile", "extensions"]
    subprocess.run(signing, cwd=DIRECTORY, check=True, capture_output=True, timeout=LIMIT_S)
    certificates.install_certificate(context, first["URI"], str(DIRECTORY / "bmc.pem"))
    now = context.get(first["URI"]).dict["Issuer"]["CommonName"]
    row("redfish_utilities", "certificate", "site", now)


def dmtf_firmware(context: Any) -> None:
    """Push an image for a part that needs no restart."""
    (DIRECTORY / "nic.bin").write_bytes(b"virtual-rack-firmware NIC 23.1.0\n" + bytes(1000))
    update.multipart_push_update(context, str(DIRECTORY / "nic.bin"))

    def version() -> Any:
        found = update.get_firmware_inventory(context)
        return next(one["Version"] for one in found if one["Id"] == "NIC")

    until("redfish_utilities", "firmware", "23.1.0", version)


def by_sushy() -> None:
    """Use OpenStack's library; it trusts the site's authority and no other."""
    root = sushy.Sushy(GIVEN["url"], GIVEN["username"], GIVEN["password"], verify=str(DIRECTORY / "site.pem"))
    system = root.get_system_collection().get_members()[0]
    system.set_system_boot_options(target=sushy.BootSource.HDD, enabled=sushy.BootSourceOverrideEnabled.ONCE)
    system.refresh()
    row("sushy", "boot target", "Hdd", system.boot.target.value)
    settings = {"SriovGlobalEnable": "Enabled", "SerialConsole": "Enabled"}
    system.bios.set_attributes(settings, apply_time=sushy.ApplyTime.ON_RESET)
    system.bios.refresh()
    row("sushy", "pending BIOS", "Enabled", system.bios.pending_attributes["SriovGlobalEnable"])
    system.secure_boot.set_enabled(True)
    system.secure_boot.refresh()
    row("sushy", "SecureBootEnable", True, system.secure_boot.enabled)
    system.reset_system(sushy.ResetType.FORCE_RESTART)

    def applied() -> Any:
        system.bios.refresh()
        return [system.bios.attributes[name] for name in ("SriovGlobalEnable", "SerialConsole")]

    until("sushy", "BIOS", ["Enabled", "Enabled"], applied)
    system.reset_system(sushy.ResetType.FORCE_OFF)
    system.refresh()
    row("sushy", "power", "Off", system.power_state.value)
    versions = [one.version for one in root.get_update_service().firmware_inventory.get_members()]
    row("sushy", "firmware", True, "23.1.0" in versions)


if __name__ == "__main__":
    by_dmtf()
    by_sushy()
    json.dump(ROWS, sys.stdout)
