# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The options of a connection to one head node, and what may be wrong with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..._https import errors as https
from ..._https.tls import Tls
from .errors import BcmConfigError


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

    @property
    def url(self) -> str:
        """Return the base URL; an IPv6 address stands in brackets."""
        host = f"[{self.head_node}]" if ":" in self.head_node else self.head_node
        return f"https://{host}:{self.port}"


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
    if isinstance(error, https.BadTlsFile) and error.is_missing:
        return BcmConfigError("could not read a TLS file: one of ca_path, client_cert, client_key does not exist")
    return BcmConfigError(f"could not use the TLS files: ca_path, client_cert or client_key is not valid ({error})")
