# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Where a BMC is, who logs in, and what it takes to be trusted; and addresses inside of its service."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from .._https import errors as https
from .._https.address import check_host, check_port
from .._https.exchange import LONGEST_PATIENCE_S
from .._values.text import quote
from .errors import RedfishConfigError, RedfishProtocolError

_LONGEST_PATH = 1_000
# What DSP0266 lets a path be made of, without what would lead out of the service.
_PATH = re.compile(r"/redfish/[A-Za-z0-9._~!$&'()*+,;=:@%/#-]*")
_PAGE = re.compile(rf"{_PATH.pattern}(\?[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")


@dataclass(frozen=True)
class BmcLogin:
    """One BMC. `address` is a host, host:port, or a URL; without TLS only on this computer's own loopback.

    `fingerprint` pins the SHA-256 of its certificate, whatever `ca_path` and `validate_certs` say; `pinned_by` is where
    people find it.
    """

    name: str
    address: str
    username: str
    password: str = field(repr=False)
    ca_path: str | None = None
    validate_certs: bool = True
    fingerprint: str | None = None
    pinned_by: str = "tls_fingerprint"
    server_name: str | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        like = f"{self.name}: address must be like 10.0.0.5, bmc.example.com:443 or https://10.0.0.5"
        try:
            parts = urlsplit(self.base)
            port = parts.port
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise RedfishConfigError(like)
            check_host(parts.hostname)
            check_port(443 if port is None else port)
        except (ValueError, https.BadAddress):
            raise RedfishConfigError(like) from None
        if parts.username or parts.path or parts.query:
            raise RedfishConfigError(f"{like}, without account, path and query")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise RedfishConfigError(
                f"{self.name}: no password goes over a network in clear text: http is for 127.0.0.1 alone, use https"
            )
        if not self.username or not self.password:
            raise RedfishConfigError(
                f"{self.name}: no credentials given: set username and password, for all servers or for this one, or "
                "the environment variables REDFISH_USERNAME and REDFISH_PASSWORD"
            )
        if not 0 < self.timeout_s <= LONGEST_PATIENCE_S:
            raise RedfishConfigError(f"timeout takes seconds above 0 and up to {LONGEST_PATIENCE_S:,}")

    @property
    def base(self) -> str:
        """Return the URL without a path and without a slash at the end."""
        address = self.address.strip().rstrip("/")
        if "://" in address:
            return address
        return (
            f"https://[{address}]" if address.count(":") > 1 and not address.startswith("[") else f"https://{address}"
        )

    @property
    def credentials(self) -> tuple[str, str]:
        """Return what is equal where BMCs share a set of credentials."""
        return (self.username, self.password)


def link_in(value: Any, where: str, *, is_page: bool = False) -> str | None:
    """Return the path that a link leads to, None where there is no link; that to a further page may have a query.

    Raises RedfishProtocolError for one that leads out of the service: a BMC chooses no other server for us.
    """
    if isinstance(value, dict):
        value = value.get("@odata.id")
    if value is None:
        return None
    pattern = _PAGE if is_page else _PATH
    if not isinstance(value, str) or len(value) > _LONGEST_PATH or not pattern.fullmatch(value) or ".." in value:
        raise RedfishProtocolError(f"a link of {where} leads to no path below /redfish/: {quote(str(value))}")
    return value


def path_of_location(location: str, where: str) -> str | None:
    """Return the path of a Location header, which may be a whole URL; its host is not asked."""
    return link_in(urlsplit(location).path or None, where)


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))
