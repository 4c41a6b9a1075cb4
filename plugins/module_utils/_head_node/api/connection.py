# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options of a connection to one head node, and what may be wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from ..._https import errors as https
from ..._https.address import check_host, check_port
from ..._https.exchange import LONGEST_PATIENCE_S
from ..._https.tls import Tls
from .errors import BcmConfigError

_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Connection:
    """The address of a head node and the credentials for it (bcm-api.md 1.2).

    Raises BcmConfigError for options that do not fit together: it takes `username` and `password`, or `client_cert`.
    """

    head_node: str
    port: int = 8081
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_cert: str | None = None
    client_key: str | None = None
    ca_path: str | None = None
    validate_certs: bool = True
    tls_server_name: str | None = None
    tls_fingerprint: str | None = None
    connect_timeout_s: float = 10.0
    read_timeout_s: float = 60.0
    total_timeout_s: float = 300.0

    def __post_init__(self) -> None:
        if not self.head_node:
            raise BcmConfigError("no head node given: set head_node or the environment variable BCM_HEAD_NODE")
        if bool(self.username) != bool(self.password):
            raise BcmConfigError("username and password go together: one of them is missing")
        if not self.username and not self.client_cert:
            raise BcmConfigError("no credentials given: set username and password, or client_cert and client_key")
        _check("head_node", check_host, self.head_node)
        _check("port", check_port, self.port)
        if self.tls_server_name:
            _check("tls_server_name", check_host, self.tls_server_name)
        for option, seconds in (
            ("connect_timeout", self.connect_timeout_s),
            ("read_timeout", self.read_timeout_s),
        ):
            if not 0 < seconds <= LONGEST_PATIENCE_S:
                raise BcmConfigError(
                    f"{option} takes more than 0 and at most {LONGEST_PATIENCE_S:,} seconds, not {seconds}"
                )

    @property
    def url(self) -> str:
        """Return the base URL; an IPv6 address stands in brackets."""
        host = f"[{self.head_node}]" if ":" in self.head_node else self.head_node
        return f"https://{host}:{self.port}"


def _check(option: str, check: Callable[[_Part], None], value: _Part) -> None:
    try:
        check(value)
    except https.BadAddress as error:
        raise BcmConfigError(f"{option}: {error}") from error


def tls_of(connection: Connection) -> Tls:
    """Return how the head node is recognised and how we identify ourselves to it."""
    return Tls(
        ca_path=connection.ca_path,
        client_cert=connection.client_cert,
        client_key=connection.client_key,
        validate=connection.validate_certs,
        server_name=connection.tls_server_name,
        fingerprint=connection.tls_fingerprint,
    )


def config_error(error: https.HttpsError) -> BcmConfigError:
    """Return what is wrong with the options, for what the HTTPS client refused when it was made."""
    if isinstance(error, https.NoLibrary):
        return BcmConfigError("the Python package httpx is missing where this task runs: pip install httpx")
    if isinstance(error, https.BadFingerprint):
        return BcmConfigError(f"tls_fingerprint {error}")
    if isinstance(error, https.BadAddress):
        return BcmConfigError(f"the address of the head node can't be used: {error}")
    if isinstance(error, https.BadTlsFile) and error.is_missing:
        return BcmConfigError("could not read a TLS file: one of ca_path, client_cert, client_key does not exist")
    return BcmConfigError(f"could not use the TLS files: ca_path, client_cert or client_key is not valid ({error})")
