# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Adapters and rules of single controls, where a property and its value are not all there is to it. Pure."""

from __future__ import annotations

from typing import Any

from .adapters import (
    Adapter,
    Check,
    Checks,
    Rule,
    Want,
    account_name,
    check_bios,
    dell,
    enabled,
    properties,
    version_at_least,
    version_key,
)
from .quirks import absence_of
from .roles import (
    ACCOUNTS,
    CERTIFICATES,
    DELL_ATTRIBUTES,
    NETWORK_PROTOCOL,
    SECURE_BOOT,
    SECURITY_POLICY,
    SUBSCRIPTIONS,
    SYSTEM,
)
from .values import MISSING, at
from .view import View


def _snmp(wanted: Any) -> list[Want]:
    v3 = wanted == "v3"
    path = (NETWORK_PROTOCOL, "SNMP")
    wants = [Want(path[0], (path[1], "ProtocolEnabled"), lambda _wanted: v3)]
    if v3:
        for name, value in (("EnableSNMPv1", False), ("EnableSNMPv2c", False), ("EnableSNMPv3", True)):
            wants.append(Want(path[0], (path[1], name), lambda _wanted, value=value: value))  # type: ignore[misc]
    return wants


def snmp_standard(wanted: Any, view: View) -> Checks:
    return properties(*_snmp(wanted))(wanted, view)


def dell_snmp(wanted: Any, view: View) -> Checks:
    wants = [("SNMP.1.AgentEnable", lambda _wanted: enabled(wanted == "v3"))]
    if wanted == "v3":
        wants.append(("SNMP.1.SNMPProtocol", lambda _wanted: "SNMPv3"))
    return dell(*wants)(wanted, view)


# From weak to strong, as DSP0268 names them under ManagerNetworkProtocol; Account leaves it to each account.
SNMP_AUTHENTICATION = (
    "HMAC_MD5",
    "HMAC_SHA96",
    "HMAC128_SHA224",
    "HMAC192_SHA256",
    "HMAC256_SHA384",
    "HMAC384_SHA512",
)
SNMP_ENCRYPTION = ("CBC_DES", "CFB128_AES128", "CFB128_AES192", "CFB128_AES256")


# What iDRACs call them, by user, as Dell's own module dellemc.openmanage.idrac_user sets them.
_DELL_SNMP = (
    ("authentication", "AuthenticationProtocol", SNMP_AUTHENTICATION, {"HMAC_MD5": "MD5", "HMAC_SHA96": "SHA"}),
    ("encryption", "PrivacyProtocol", SNMP_ENCRYPTION, {"CBC_DES": "DES", "CFB128_AES128": "AES"}),
)
_DELL_MAY_SNMP = ".ProtocolEnable"


def dell_snmp_v3(wanted: Any, view: View) -> Checks:
    """Judge each user of an iDRAC who may use SNMP version 3; where none may, nothing of it is weak."""
    resource = view.one(DELL_ATTRIBUTES)
    seen = MISSING if resource is None else at(resource.body, "Attributes")
    names = list(seen) if isinstance(seen, dict) else []
    users = [name for name in names if name.startswith("Users.") and name.endswith(_DELL_MAY_SNMP)]
    if resource is None or not users:
        return None
    found = []
    for user in users:
        for name, last, order, words in _DELL_SNMP:
            if name in wanted and seen[user] != "Disabled":
                path = ("Attributes", user.removesuffix(_DELL_MAY_SNMP) + f".{last}")
                word, least = at(resource.body, *path), wanted[name]
                target = words.get(least, least)
                ok = word in [words[each] for each in order[order.index(least) :] if each in words]
                # A word that is not known may be a stronger one.
                may_write = least in words and word in ("None", *words.values())
                note = "" if ok or may_write else f"of {last} {' and '.join(words.values())} are known"
                found.append(Check(DELL_ATTRIBUTES, resource.uri, path, word, target, ok, target, may_write, note=note))
    return found


def not_before(words: tuple[str, ...]) -> Rule:
    """Return the rule of a word that is the wanted one, or one after it."""
    return lambda seen, wanted: seen in words and words.index(seen) >= words.index(wanted)


def _bits_of(cipher: Any) -> int:
    """Return the length of the key of a cipher suite by its name, which IANA and OpenSSL write in two ways."""
    name = str(cipher).upper().replace("_", "").replace("-", "")
    return 256 if "AES256" in name or "CHACHA20" in name else 128 if "AES128" in name else 0


def tls_ciphers(wanted: Any, view: View) -> Checks:
    """Judge the allowed cipher suites; those that are too weak are taken out, and none is added."""
    resource, path = view.one(SECURITY_POLICY), ("TLS", "Server", "Allowed", "CipherSuites")
    seen = MISSING if resource is None else at(resource.body, *path)
    if resource is None or not isinstance(seen, list) or not seen:
        return None
    strong = [each for each in seen if _bits_of(each) >= int(wanted)]
    return [
        Check(SECURITY_POLICY, resource.uri, path, seen, strong, strong == seen, strong, is_writable=bool(strong),
              note="" if strong else "it allows no cipher suite that is strong enough")
    ]  # fmt: skip


def dell_bits(seen: Any, wanted: Any) -> bool:
    return isinstance(seen, str) and seen[:3].isdigit() and int(seen[:3]) >= int(wanted[:3])


def boot_override(wanted: Any, view: View) -> Checks:
    """Judge the forced boot source: one for the next boot alone is how servers are installed, and is left."""
    resource, path = view.one(SYSTEM), ("Boot", "BootSourceOverrideEnabled")
    seen = MISSING if resource is None else at(resource.body, *path)
    if resource is None or seen not in ("Disabled", "Once", "Continuous"):
        return None
    target = "Continuous" if wanted else "Disabled"
    ok = seen == "Continuous" if wanted else seen != "Continuous"
    return [Check(SYSTEM, resource.uri, path, seen, target, ok, target, is_writable=not wanted)]


def versions_from(seen: Any, wanted: Any) -> bool:
    # A word that is not known may stand for an older version.
    return isinstance(seen, list) and bool(seen) and all(each in wanted for each in seen)


def tls_versions(wanted: Any) -> list[str]:
    return ["1.3"] if wanted == "1.3" else ["1.2", "1.3"]


def dell_tls(seen: Any, wanted: Any) -> bool:
    return seen in (wanted, "TLS 1.3 Only")


def hpe_security(seen: Any, _wanted: Any) -> bool:
    # The states above Production leave nothing below TLS 1.2 on.
    return seen in ("HighSecurity", "FIPS", "SuiteB", "CNSA")


def hpe_threshold(wanted: Any) -> Any:
    # What an iLO takes: 0 (off), 1, 3 and 5.
    return (
        max((each for each in (1, 3, 5) if each <= wanted["threshold"]), default=1)
        if "threshold" in wanted
        else MISSING
    )


def hpe_delay(wanted: Any) -> Any:
    # 30 s is the longest delay that it knows; it has no lock-out beyond that.
    return (
        min((each for each in (2, 5, 10, 30) if each >= wanted["duration"]), default=30)
        if "duration" in wanted
        else MISSING
    )


def certificate(wanted: Any, view: View) -> Checks:
    members = view.all(CERTIFICATES)
    if not members:
        return None
    path = ("Issuer", "CommonName")
    return [
        Check(CERTIFICATES, each.uri, path, at(each.body, *path), wanted, at(each.body, *path) == wanted,
              is_writable=False)
        for each in members
    ]  # fmt: skip


def syslog(wanted: Any, view: View) -> Checks:
    """Judge subscriptions: one for each server; those of others are left alone."""
    members = view.all(SUBSCRIPTIONS)
    if members is None:
        return None
    seen = [str(at(each.body, "Destination") or "") for each in members if _is_syslog(each.body)]
    missing = [each for each in wanted if not any(_host_of(destination) == each for destination in seen)]
    if missing and absence_of(view.vendor, "syslog"):
        return None
    uri = view.reading(SUBSCRIPTIONS).uri
    found = []
    for server in wanted:
        destination = f"syslog://{server}:514"
        body = {"Destination": destination, "Protocol": "SyslogUDP", "SubscriptionType": "Syslog", "Context": "syslog"}
        ok = server not in missing
        found.append(Check(SUBSCRIPTIONS, uri, ("Destination",), seen, destination, ok, post=body))
    return found


def _is_syslog(subscription: Any) -> bool:
    # Subscriptions of events may go to the same server.
    kinds = [str(at(subscription, name)) for name in ("SubscriptionType", "Protocol", "Destination")]
    return any(kind.lower().startswith("syslog") for kind in kinds)


def _host_of(destination: str) -> str:
    return destination.rsplit("//", maxsplit=1)[-1].partition(":")[0]


def factory_accounts(wanted: Any, view: View) -> Checks:
    """Judge accounts that a factory made: absent or disabled is good; the one in use is never disabled."""
    members = view.all(ACCOUNTS)
    # A BMC that shows no names does not say that those of the factory are gone.
    if not members or any(at(member.body, "UserName") is MISSING for member in members):
        return None
    found = []
    for member in members:
        name = account_name(member)
        if name not in wanted:
            continue
        on = at(member.body, "Enabled")
        in_use = name == view.account
        note = "this is the account in use, which is never disabled" if in_use else ""
        found.append(
            Check(ACCOUNTS, member.uri, ("Enabled",), on, False, on is False, False, is_writable=not in_use, note=note)
        )
    return found


def secure_boot(wanted: Any, view: View) -> Checks:
    resource = view.one(SECURE_BOOT)
    seen = MISSING if resource is None else at(resource.body, "SecureBootEnable")
    if resource is None or seen is MISSING:
        return None
    current = at(resource.body, "SecureBootCurrentBoot")
    booted = current in (MISSING, None) or current == enabled(wanted)
    return [
        Check(SECURE_BOOT, resource.uri, ("SecureBootEnable",), seen, wanted, seen is wanted and booted, wanted,
              is_pending=seen is wanted and not booted, needs_boot=True)
    ]  # fmt: skip


def raw_bios(wanted: Any, view: View) -> Checks:
    return check_bios(wanted, view)


def firmware(role: str, name: str) -> Adapter:
    def check(wanted: Any, view: View) -> Checks:
        resource = view.one(role)
        seen = MISSING if resource is None else at(resource.body, name)
        # Without a number there is nothing to compare.
        if resource is None or not isinstance(seen, str) or not version_key(seen):
            return None
        least = wanted.replace(">=", "").strip()
        if not version_key(least):
            raise LookupError("the profile names no version")
        return [Check(role, resource.uri, (name,), seen, wanted, version_at_least(seen, least), is_writable=False)]

    return check
