# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Certificates of BMCs: what one says, whether a new one is due, and what a new one must be. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import RedfishConfigError

_DAY_S = 86_400
# What NIST SP 800-57 has for 112 bits of security, by kind of key; of other kinds none is weak.
_LEAST_BITS: Mapping[str, int] = {"RSA": 2048, "DSA": 2**31, "EC": 224}
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True)
class Key:
    """A public key: its kind, such as RSA, its length, and itself in DER."""

    kind: str
    bits: int
    public: bytes = field(repr=False)

    @property
    def is_weak(self) -> bool:
        """Return whether it is too short to be relied on."""
        return self.bits < _LEAST_BITS.get(self.kind, 0)

    def __str__(self) -> str:
        return f"{self.kind} {self.bits}"


@dataclass(frozen=True)
class Certificate:
    """One certificate. Times are Unix seconds, `names` DNS names and addresses, `der` is all of it."""

    subject: str
    common_name: str
    issuer: str
    names: tuple[str, ...]
    begins_s: float
    ends_s: float
    ends: str
    sha256: str
    key: Key
    der: bytes = field(repr=False)

    def to_ansible(self) -> dict[str, Any]:
        """Return it as modules return it."""
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_after": self.ends,
            "sha256": self.sha256,
            "key": str(self.key),
        }


@dataclass(frozen=True)
class Wanted:
    """What a certificate must be: its names, the first of them its common name, and how long it must still hold."""

    names: tuple[str, ...]
    renew_within_days: int = 30

    def __post_init__(self) -> None:
        if not self.names or not all(self.names):
            raise RedfishConfigError("names takes no empty list and no empty name")
        if len(self.names[0]) > _LONGEST_COMMON_NAME:
            raise RedfishConfigError(
                f"names: {self.names[0]} is the common name, which has {_LONGEST_COMMON_NAME} characters at most; put "
                "a shorter one first"
            )

    @property
    def common_name(self) -> str:
        """Return the first name."""
        return self.names[0]


def reasons(certificate: Certificate, wanted: Wanted, *, is_issued: bool, now_s: float) -> list[str]:
    """Return why a certificate is not what is wanted, each the end of a sentence; `is_issued` by the site itself."""
    found = []
    if not is_issued:
        found.append(f"is not issued by the site's authority but by {certificate.issuer or 'nobody'}")
    found += untimely(certificate, wanted.renew_within_days, now_s=now_s)
    if lacking([wanted.common_name], [certificate.common_name]):
        found.append(f"has the common name {certificate.common_name or '-'} instead of {wanted.common_name}")
    missing = lacking(wanted.names, certificate.names)
    if missing:
        found.append(f"does not name {', '.join(missing)}")
    if certificate.key.is_weak:
        found.append(f"has a weak key ({certificate.key})")
    return found


def untimely(certificate: Certificate, renew_within_days: int, *, now_s: float) -> list[str]:
    """Return why a certificate is not valid now and for so many days, each the end of a sentence."""
    found = ["is not valid yet"] if certificate.begins_s > now_s else []
    if certificate.ends_s <= now_s:
        found.append(f"has expired on {certificate.ends}")
    elif certificate.ends_s <= now_s + renew_within_days * _DAY_S:
        found.append(f"expires on {certificate.ends}")
    return found


def lacking(names: Sequence[str], there: Sequence[str]) -> list[str]:
    """Return the names that are not there; letters are equal in both cases, addresses in all ways to write them."""
    known = {_canonical(name) for name in there}
    return [name for name in names if _canonical(name) not in known]


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
