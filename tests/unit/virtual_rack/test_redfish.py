# SPDX-License-Identifier: GPL-3.0-or-later
"""What every BMC of the rack that speaks Redfish does, whoever's it is like."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.baremetal.bcm.tests.unit.virtual_rack.redfish_wire import (
    PASSWORD,
    ROOT,
    USERNAME,
    Wire,
    keys_of,
)
from virtual_rack.certificates import open_authority
from virtual_rack.entities.fields import Entity
from virtual_rack.in_process import Bench
from virtual_rack.rack_reader import RackFileError, rack_from, read_rack
from virtual_rack.redfish.modes import MODES

ACCOUNTS = f"{ROOT}/AccountService/Accounts"
SESSIONS = f"{ROOT}/SessionService/Sessions"
INVENTORY = f"{ROOT}/UpdateService/FirmwareInventory"
Make = Callable[..., Wire]
EVERY = pytest.mark.parametrize("mode", MODES)


@pytest.fixture
def make(bench: Bench, tmp_path: Path) -> Make:
    """Put a BMC of a mode on the bench."""
    return lambda mode="dmtf", **settings: Wire(bench, tmp_path, mode, **settings)


def links_in(value: Any) -> Iterator[str]:
    """Find all references of a document."""
    if isinstance(value, list):
        for each in value:
            yield from links_in(each)
    elif isinstance(value, dict):
        if isinstance(value.get("@odata.id"), str):
            yield value["@odata.id"]
        for each in value.values():
            yield from links_in(each)


@EVERY
def test_every_reference_leads_somewhere_and_no_answer_has_a_password(make: Make, mode: str) -> None:
    wire = make(mode)
    seen, left = set(), [f"{ROOT}/"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        document = wire.get(path)
        assert document["@odata.id"].rstrip("/") == path.rstrip("/")
        assert PASSWORD not in json.dumps(document)
        left += links_in(document)
    assert len(seen) > 25


@EVERY
def test_power_is_the_machines_own(make: Make, mode: str) -> None:
    wire = make(mode)
    system = wire.bmc.paths.system
    assert wire.get(system)["PowerState"] == "Off"
    assert wire.reset("On") < 300
    assert (wire.machine.power, wire.get(system)["PowerState"]) == (True, "On")
    life = wire.machine.life
    assert wire.reset("ForceRestart") < 300
    assert wire.machine.life > life
    assert wire.reset("GracefulShutdown") < 300
    assert wire.machine.power
    wire.bench.step(120)
    assert wire.get(system)["PowerState"] == "Off"
    assert wire.reset("ForceRestart") == 409
    assert wire.reset("Sideways") == 400
    assert wire.get(system)["SerialNumber"] == wire.machine.spec.serial


def test_a_power_command_can_be_accepted_and_ignored(make: Make) -> None:
    wire = make()
    wire.bench.head.faults.add({"kind": "bmc_accepts_and_ignores", "times": 1})
    assert (wire.reset("On"), wire.machine.power) == (204, False)
    assert (wire.reset("On"), wire.machine.power) == (204, True)


def test_what_to_boot_from_is_the_boards_and_holds_once_or_always(make: Make) -> None:
    wire = make()
    system = wire.bmc.paths.system
    assert wire.patch(system, {"Boot": {"BootSourceOverrideTarget": "Pxe"}}) == 200
    assert wire.machine.boot_device == "pxe"
    assert wire.get(system)["Boot"]["BootSourceOverrideEnabled"] == "Once"
    wire.boot()
    assert wire.get(system)["Boot"]["BootSourceOverrideTarget"] == "None"
    wire.bench.head.boots.set_boot_device(wire.machine, "cdrom")
    assert wire.get(system)["Boot"]["BootSourceOverrideTarget"] == "Cd"
    wanted = {"BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Continuous"}
    assert wire.patch(system, {"Boot": wanted}) == 200
    wire.boot()
    wire.boot()
    assert wire.get(system)["Boot"].items() >= wanted.items()


@EVERY
def test_the_last_administrator_stays(make: Make, mode: str) -> None:
    wire = make(mode)
    path = next(m["@odata.id"] for m in wire.get(ACCOUNTS)["Members"] if wire.get(m["@odata.id"])["UserName"])
    for change in ({"Enabled": False}, {"RoleId": "ReadOnly"}, {"UserName": ""}):
        assert wire.patch(path, change) == 400
    assert wire.ask("DELETE", path).status in (400, 405)
    assert wire.get(path)["RoleId"] == "Administrator"


def add_user(wire: Wire, name: str, password: str, role: str) -> str:
    """Make an account, the way that the mode has; gives its path."""
    body = {"UserName": name, "Password": password, "RoleId": role, "Enabled": True}
    if not wire.bmc.mode.account_slots:
        made = wire.ask("POST", ACCOUNTS, body)
        assert made.status == 201
        return made.headers["Location"]
    assert wire.ask("POST", ACCOUNTS, body).status == 405
    members = [member["@odata.id"] for member in wire.get(ACCOUNTS)["Members"]]
    path: str = next(path for path in members if not wire.get(path)["UserName"])
    assert wire.patch(path, body) == 200
    return path


@EVERY
def test_another_administrator_can_be_made_used_and_the_first_be_disabled(make: Make, mode: str) -> None:
    wire = make(mode)
    first = next(m["@odata.id"] for m in wire.get(ACCOUNTS)["Members"] if wire.get(m["@odata.id"])["UserName"])
    add_user(wire, "second", "Second-password-1", "Administrator")
    second = ("second", "Second-password-1")
    assert wire.patch(first, {"Enabled": False}, user=second) == 200
    assert wire.ask("GET", ACCOUNTS).status == 401
    assert wire.get(first, user=second)["Enabled"] is False


def test_roles_say_what_an_account_may_do(make: Make) -> None:
    wire = make()
    own = add_user(wire, "auditor", "Auditor-password", "ReadOnly")
    auditor = ("auditor", "Auditor-password")
    answer = wire.ask("PATCH", wire.bmc.paths.network, {"SSH": {"ProtocolEnabled": False}}, user=auditor)
    assert (answer.status, keys_of(answer)) == (403, ["InsufficientPrivilege"])
    assert wire.patch(own, {"RoleId": "Administrator"}, user=auditor) == 403
    assert wire.patch(own, {"Password": "Another-password"}, user=auditor) == 200
    assert wire.get(own, user=("auditor", "Another-password"))["RoleId"] == "ReadOnly"


def test_who_must_change_the_password_can_do_nothing_else(make: Make) -> None:
    wire = make()
    own = add_user(wire, "newcomer", "First-password", "Administrator")
    assert wire.patch(own, {"PasswordChangeRequired": True}) == 200
    user = ("newcomer", "First-password")
    answer = wire.ask("GET", SESSIONS, user=user)
    assert (answer.status, keys_of(answer)) == (403, ["PasswordChangeRequired"])
    assert wire.patch(own, {"Password": "Second-password"}, user=user) == 200
    assert wire.ask("GET", SESSIONS, user=("newcomer", "Second-password")).status == 200


@pytest.mark.parametrize(
    ("mode", "path", "rule"),
    [
        ("dmtf", f"{ROOT}/AccountService", {"AccountLockoutThreshold": 3, "AccountLockoutDuration": 300}),
        (
            "idrac",
            f"{ROOT}/Managers/iDRAC.Embedded.1/Attributes",
            {"Attributes": {"IPBlocking.1.BlockEnable": "Enabled", "IPBlocking.1.PenaltyTime": 300}},
        ),
        (
            "ilo",
            f"{ROOT}/AccountService",
            {"Oem": {"Hpe": {"AuthFailuresBeforeDelay": 3, "AuthFailureDelayTimeSeconds": 30}}},
        ),
    ],
)
def test_wrong_passwords_lock_an_account_for_a_while(make: Make, mode: str, path: str, rule: Any) -> None:
    wire = make(mode)
    assert wire.patch(path, rule) == 200
    for _ in range(3):
        assert wire.ask("GET", SESSIONS, user=(USERNAME, "wrong")).status == 401
    assert wire.ask("GET", SESSIONS).status == 401
    wire.bench.step(301)
    assert wire.ask("GET", SESSIONS).status == 200
    assert (wire.bmc.accounts.tried.refused, wire.bmc.accounts.tried.users[USERNAME]) == (4, 6)


@EVERY
def test_sessions_are_few_and_end_when_deleted_or_idle(make: Make, mode: str) -> None:
    wire = make(mode)
    body = {"UserName": USERNAME, "Password": PASSWORD}
    made = [wire.ask("POST", SESSIONS, body, user=None) for _ in range(MODES[mode].max_sessions)]
    assert {answer.status for answer in made} == {201}
    refused = wire.ask("POST", SESSIONS, body, user=None)
    assert (refused.status, keys_of(refused)) == (503, ["SessionLimitExceeded"])
    token = made[0].headers["X-Auth-Token"]
    assert wire.ask("GET", SESSIONS, X_Auth_Token=token).status == 200
    assert wire.ask("DELETE", made[0].headers["Location"], X_Auth_Token=token).status == 204
    assert wire.ask("GET", SESSIONS, X_Auth_Token=token).status == 401
    wire.real_s += 1801
    assert wire.ask("POST", SESSIONS, body, user=None).status == 201
    assert wire.get(SESSIONS)["Members@odata.count"] == 1


def test_sessions_can_be_used_up(make: Make) -> None:
    wire = make()
    wire.bench.head.faults.add({"kind": "redfish_sessions_full", "node": "node1"})
    body = {"UserName": USERNAME, "Password": PASSWORD}
    assert wire.ask("POST", SESSIONS, body, user=None).status == 503
    assert wire.ask("GET", SESSIONS).status == 200


@EVERY
def test_a_write_with_an_old_etag_is_refused_and_changes_nothing(make: Make, mode: str) -> None:
    wire = make(mode)
    path = wire.bmc.paths.network
    old = wire.ask("GET", path).headers["ETag"]
    assert wire.patch(path, {"SSH": {"ProtocolEnabled": False}}, If_Match=old) < 300
    answer = wire.ask("PATCH", path, {"IPMI": {"ProtocolEnabled": False}}, If_Match=old)
    assert (answer.status, keys_of(answer)) == (412, ["PreconditionFailed"])
    assert wire.get(path)["IPMI"]["ProtocolEnabled"] is True
    assert wire.ask("GET", path, If_None_Match=wire.ask("GET", path).headers["ETag"]).status == 304


def test_an_etag_can_be_wrong_once(make: Make) -> None:
    wire = make()
    path = wire.bmc.paths.network
    wire.bench.head.faults.add({"kind": "redfish_wrong_etag", "path": path, "times": 1})
    for status in (412, 200):
        etag = wire.ask("GET", path).headers["ETag"]
        assert wire.patch(path, {"SSH": {"ProtocolEnabled": False}}, If_Match=etag) == status


def test_a_write_can_be_accepted_and_ignored(make: Make) -> None:
    wire = make()
    path = wire.bmc.paths.network
    wire.bench.head.faults.add({"kind": "redfish_ignores_writes", "path": f"{ROOT}/Managers", "method": "PATCH"})
    assert wire.patch(path, {"SSH": {"ProtocolEnabled": False}}) == 200
    assert wire.get(path)["SSH"]["ProtocolEnabled"] is True
    assert wire.patch(wire.bmc.paths.chassis, {"AssetTag": "A1"}) == 200
    assert wire.get(wire.bmc.paths.chassis)["AssetTag"] == "A1"


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"SSH": {"ProtocolEnabled": "yes"}}, "PropertyValueTypeError"),
        ({"SSH": {"Port": 0}}, "PropertyValueOutOfRange"),
        ({"SSH": {"Colour": "red"}}, "PropertyUnknown"),
        ({"SNMP": {"AuthenticationProtocol": "ROT13"}}, "PropertyValueNotInList"),
        ({"FQDN": "other"}, "PropertyNotWritable"),
        ({"@odata.id": "x"}, "NoOperation"),
    ],
)
def test_a_write_that_cannot_be_says_which_property(make: Make, body: Any, key: str) -> None:
    answer = make().ask("PATCH", f"{ROOT}/Managers/1/NetworkProtocol", body)
    assert (answer.status, keys_of(answer)) == (400, [key])


def test_a_write_of_which_a_part_is_taken_says_what_was_not(make: Make) -> None:
    wire = make()
    answer = wire.ask("PATCH", wire.bmc.paths.network, {"SSH": {"ProtocolEnabled": False}, "Colour": "red"})
    assert (answer.status, keys_of(answer)) == (200, ["PropertyUnknown"])
    assert wire.get(wire.bmc.paths.network)["SSH"]["ProtocolEnabled"] is False


def test_collections_come_expanded_and_by_pages(make: Make) -> None:
    wire = make(page_size=2)
    page = wire.get(INVENTORY)
    assert (len(page["Members"]), page["Members@odata.count"]) == (2, 3)
    rest = wire.get(page["Members@odata.nextLink"])
    assert len(rest["Members"]) == 1
    assert "Members@odata.nextLink" not in rest
    expanded = wire.get(f"{ROOT}/Systems?$expand=.($levels=1)")["Members"][0]
    assert expanded["PowerState"] == "Off"
    assert expanded["Bios"].keys() == {"@odata.id"}
    deeper = wire.get(f"{ROOT}/Systems?$expand=.($levels=2)")["Members"][0]
    assert deeper["Bios"]["Attributes"]["BootMode"] == "Legacy"
    assert wire.get(f"{ROOT}/Systems/1?$select=PowerState")["PowerState"] == "Off"
    assert wire.ask("GET", f"{ROOT}/Systems?$filter=x").status == 501


def versions(wire: Wire) -> dict[str, str]:
    """Give all firmware versions by name."""
    members = wire.get(INVENTORY)["Members"]
    return {one["Name"]: one["Version"] for one in (wire.get(member["@odata.id"]) for member in members)}


@EVERY
def test_firmware_of_the_bios_holds_when_the_next_self_test_has_ended(make: Make, mode: str) -> None:
    wire = make(mode)
    system = wire.bmc.paths.system
    task = wire.push(b"virtual-rack-firmware BIOS 2.20.1\n" + bytes(100)).headers["Location"]
    wire.bench.step(120)
    assert (wire.get(system)["BiosVersion"], wire.ask("GET", task).status) == ("2.10.0", 202)
    wire.boot()
    assert (wire.get(system)["BiosVersion"], wire.get(task)["TaskState"]) == ("2.20.1", "Completed")
    assert "2.20.1" in versions(wire).values()


@EVERY
def test_firmware_of_the_bmc_takes_it_away_for_a_while(make: Make, mode: str) -> None:
    wire = make(mode)
    wire.push(b"virtual-rack-firmware BMC 1.20.0\n")
    wire.bench.step(31)
    assert wire.is_away()
    assert wire.bmc.updates.versions["BMC"] == "1.10.0"
    wire.bench.step(60)
    assert not wire.is_away()
    assert wire.get(wire.bmc.paths.manager)["FirmwareVersion"] == "1.20.0"
    assert wire.get(f"{ROOT}/TaskService/Tasks?$top=1")["Members@odata.count"] == 1


def test_a_second_update_at_a_time_waits(make: Make) -> None:
    wire = make()
    assert wire.push(b"virtual-rack-firmware NIC 23\n").status == 202
    refused = wire.push(b"virtual-rack-firmware BIOS 3\n")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
    wire.bench.step(60)
    assert wire.push(b"virtual-rack-firmware BIOS 3\n").status == 202


@pytest.mark.parametrize("image", [b"", b"something else", b"virtual-rack-firmware GPU 1\n"])
def test_an_image_for_something_else_leaves_the_old_version(make: Make, image: bytes) -> None:
    wire = make()
    before = versions(wire)
    task = wire.push(image).headers["Location"]
    wire.bench.step(60)
    assert (wire.get(task)["TaskState"], versions(wire)) == ("Exception", before)


def test_an_update_can_fail(make: Make) -> None:
    wire = make()
    before = versions(wire)
    wire.bench.head.faults.add({"kind": "firmware_fails", "node": "node1", "times": 1})
    task = wire.push(b"virtual-rack-firmware NIC 23\n").headers["Location"]
    wire.bench.step(60)
    assert (wire.get(task)["TaskState"], versions(wire)) == ("Exception", before)


@pytest.mark.parametrize("uri", ["https://192.0.2.1/x", "ftp://127.0.0.1/x", "http://example.com/x"])
def test_an_image_is_fetched_from_this_computer_only(make: Make, uri: str) -> None:
    target = f"{ROOT}/UpdateService/Actions/UpdateService.SimpleUpdate"
    assert make().ask("POST", target, {"ImageURI": uri}).status == 400


def test_a_reset_takes_the_bmc_away_and_ends_its_sessions(make: Make) -> None:
    wire = make()
    wire.ask("POST", SESSIONS, {"UserName": USERNAME, "Password": PASSWORD}, user=None)
    reset = f"{wire.bmc.paths.manager}/Actions/Manager.Reset"
    assert wire.ask("POST", reset, {"ResetType": "GracefulRestart"}).status == 204
    assert wire.is_away()
    wire.bench.step(61)
    assert not wire.is_away()
    assert wire.get(SESSIONS)["Members"] == []


def test_a_bmc_can_hang_in_its_reset(make: Make) -> None:
    wire = make()
    wire.bench.head.faults.add({"kind": "redfish_reboot_hangs", "node": "node1"})
    wire.bmc.restart()
    wire.bench.step(3600)
    assert wire.is_away()
    wire.bench.head.faults.clear()
    wire.bmc.come_back()
    assert not wire.is_away()


def signed(directory: Path, request: str) -> str:
    """Let the rack's authority sign a request."""
    authority = open_authority(directory)
    asked = x509.load_pem_x509_csr(request.encode())
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(asked.subject).issuer_name(authority.certificate.subject)
    builder = builder.public_key(asked.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=9))
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


STANDARD = pytest.mark.parametrize("mode", [name for name, mode in MODES.items() if not mode.has_https_cert])
PARTS = dict.fromkeys(("CommonName", "City", "State"), "x") | {"Country": "CH"}


@STANDARD
def test_a_certificate_that_fits_the_request_is_used(make: Make, mode: str, tmp_path: Path) -> None:
    wire = make(mode)
    service = f"{ROOT}/CertificateService/Actions/CertificateService"
    (place,) = wire.get(f"{ROOT}/CertificateService/CertificateLocations")["Links"]["Certificates"]
    where = place["@odata.id"]
    collection = where.rpartition("/")[0]
    is_text = mode == "idrac"
    body = {**PARTS, "Organization": "x", "OrganizationalUnit": "x"}
    collections = (collection, {"@odata.id": collection})
    if is_text:
        wrong = wire.ask("POST", f"{service}.GenerateCSR", {**body, "CertificateCollection": collections[1]})
        assert wrong.status == 400
    made = wire.ask("POST", f"{service}.GenerateCSR", {**body, "CertificateCollection": collections[not is_text]})
    assert isinstance(made.body, dict)
    chosen = {"CertificateType": "PEM", "CertificateUri": where if is_text else place}
    stranger = wire.get(where)["CertificateString"]
    assert wire.ask("POST", f"{service}.ReplaceCertificate", {**chosen, "CertificateString": stranger}).status == 400
    certificate = signed(tmp_path, made.body["CSRString"])
    assert wire.ask("POST", f"{service}.ReplaceCertificate", {**chosen, "CertificateString": certificate}).status == 204
    if is_text:
        assert wire.identities == []
        wire.bmc.restart()
        wire.bench.step(61)
    assert [identity.certificate for identity in wire.identities] == [certificate]


def test_an_ilo_makes_requests_slowly_in_its_own_way_and_resets_once_it_has_a_certificate(
    make: Make, tmp_path: Path
) -> None:
    wire = make("ilo")
    assert "Actions" not in wire.get(f"{ROOT}/CertificateService")
    place = wire.get(f"{ROOT}/Managers/1/SecurityService")["Links"]["HttpsCert"]["@odata.id"]
    own = wire.get(place)
    generate, take = (
        own["Actions"][f"#HpeHttpsCert.{name}"]["target"] for name in ("GenerateCSR", "ImportCertificate")
    )

    assert wire.ask("POST", generate, PARTS).status == 400
    assert wire.ask("POST", generate, {**PARTS, "OrgName": "x", "OrgUnit": "x", "IncludeIP": True}).status == 200
    wire.bench.step(59)
    assert wire.get(place)["CertificateSigningRequest"] is None
    wire.bench.step(2)
    request = wire.get(place)["CertificateSigningRequest"]
    assert wire.ask("POST", take, {}).status == 400
    certificate = signed(tmp_path, request)
    assert wire.ask("POST", take, {"Certificate": certificate}).status == 200

    assert wire.is_away()
    assert wire.identities == []
    wire.bench.step(61)
    assert [identity.certificate for identity in wire.identities] == [certificate]
    assert "virtual rack" in wire.get(place)["X509CertificateInformation"]["Issuer"]


@EVERY
def test_syslog_is_a_subscription_where_the_mode_has_it(make: Make, mode: str) -> None:
    wire = make(mode)
    path = f"{ROOT}/EventService/Subscriptions"
    body = {"Destination": "syslog://192.0.2.7:514", "Protocol": "SyslogUDP", "SubscriptionType": "Syslog"}
    made = wire.ask("POST", path, body)
    assert made.status == (201 if MODES[mode].has_syslog else 400)
    if made.status == 201:
        assert wire.get(made.headers["Location"])["Destination"] == body["Destination"]
        assert wire.ask("DELETE", made.headers["Location"]).status == 204
    assert wire.get(path)["Members"] == []


def test_secure_boot_holds_from_the_next_boot_by_uefi(make: Make) -> None:
    wire = make()
    path = f"{wire.bmc.paths.system}/SecureBoot"
    assert wire.patch(path, {"SecureBootEnable": True}) == 200
    wire.boot()
    assert wire.get(path)["SecureBootCurrentBoot"] == "Disabled"
    wire.patch(wire.settings, {"Attributes": {"BootMode": "Uefi"}})
    wire.boot()
    assert wire.get(path)["SecureBootCurrentBoot"] == "Enabled"


def test_the_head_node_powers_with_the_accounts_and_the_ipmi_of_redfish(make: Make) -> None:
    wire = make()
    said: list[Entity] = []
    wire.bench.head.power.on_result = said.append
    wire.bench.register("node1")

    def power(operation: str) -> str:
        wire.bench.power("node1", operation)
        wire.bench.step(3)
        return str(said[-1]["msg"])

    assert power("ON") == ""
    assert wire.patch(wire.bmc.paths.network, {"IPMI": {"ProtocolEnabled": False}}) == 200
    assert power("OFF") == "No response from BMC 10.148.0.1"
    assert wire.patch(wire.bmc.paths.network, {"IPMI": {"ProtocolEnabled": True}}) == 200
    assert wire.patch(f"{ACCOUNTS}/1", {"Password": "another-password"}) == 200
    assert power("OFF") == "BMC 10.148.0.1 refused user name or password"
    wire.bmc.restart()
    assert power("OFF") == "No response from BMC 10.148.0.1"


def test_the_rack_of_all_vendors_has_a_machine_of_each_mode() -> None:
    machines = read_rack(Path(__file__).parents[3] / "virtual_rack/racks/vendors.yml").machines
    assert [machine.bmc.redfish and machine.bmc.redfish.mode for machine in machines] == list(MODES)


@pytest.mark.parametrize(
    ("redfish", "said"),
    [
        ({"mode": "amiga"}, "redfish.mode: expected one of dmtf, idrac"),
        ({"mode": "ilo", "colour": "red"}, "redfish.colour: unknown key"),
        (
            {"mode": "ilo", "pending_bios": {"Colour": "red"}},
            "pending_bios.Colour: mode ilo has no such BIOS attribute",
        ),
        ({"mode": "ilo", "pending_bios": {"BootMode": "x"}}, "pending_bios.BootMode: expected one of LegacyBios"),
        ({"page_size": -1}, "redfish.page_size: expected 0 or more"),
        ({}, "bmc.address: redfish listens on this computer only"),
    ],
)
def test_a_mistake_in_the_rack_file_is_told(content: dict[str, Any], redfish: Any, said: str) -> None:
    content["machines"][0]["bmc"]["redfish"] = redfish
    with pytest.raises(RackFileError) as caught:
        rack_from(content)
    assert said in str(caught.value)
