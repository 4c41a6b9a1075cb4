# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The work of redfish_certificate: read all, decide, have requests made and signed, install, and prove.

A register that pins certificates has both of a BMC while it changes them: the new one is added before the BMC gets it,
the old one goes once the BMC shows the new one. So a run may be killed anywhere, and the next one is not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._https.address import check_host
from .._https.errors import BadAddress
from .._values.clock import Clock
from .._values.text import quote
from . import x509
from .account_writer import refuse_another_server
from .audit import identify
from .certificate import Certificate, Wanted, lacking, reasons
from .certificate_install import Installation
from .certificate_result import Server, result_of
from .certificate_wire import SUBJECT, CertificateWire
from .claim import exclusive
from .connection import BmcLogin
from .errors import Failure, RedfishApiError, RedfishConfigError
from .fleet import Batch, End, talk_to_all
from .options import SERVERS, Result, Spec, logins_of
from .reader import Reader
from .session import Redfish

_SECRET: Spec = {"type": "str", "no_log": True}
CERTIFICATE: Spec = {
    **SERVERS,
    "state": {"type": "str", "choices": ["installed", "requested"], "default": "installed"},
    "authority": {"type": "str", "required": True},
    "authority_key": _SECRET,
    "authority_passphrase": _SECRET,
    "certificates": {"type": "dict", "default": {}},
    "signing_requests": {"type": "dict", "default": {}},
    "names": {"type": "dict", "default": {}},
    "subject": {"type": "dict", "options": {part: {"type": "str", "required": True} for part in SUBJECT}},
    "renew_within_days": {"type": "int", "default": 30},
    "valid_days": {"type": "int", "default": 397},
    "allow_bmc_reset": {"type": "bool", "default": True},
    "certificate_timeout": {"type": "float", "default": 900.0},
    "lock_path": {"type": "path", "default": "~/.ansible/baremetal.bcm/locks"},
}


class _Job:
    """One task: its options, and what is known of each server so far. Raises RedfishConfigError."""

    def __init__(self, params: Mapping[str, Any], batch: Batch, clock: Clock) -> None:
        x509.check_library()
        self.params, self.clock, self.is_checked = params, clock, batch.read_only
        for option in ("valid_days", "certificate_timeout"):
            if params[option] <= 0:
                raise RedfishConfigError(f"{option} must be above 0")
        if not 0 <= params["renew_within_days"] < params["valid_days"]:
            raise RedfishConfigError("renew_within_days takes 0 and more, and less than valid_days")
        self.logins = logins_of(params)
        self.serials = {each["name"]: each["serial"] or "" for each in params["servers"]}
        for option in ("names", "certificates", "signing_requests"):
            strange = sorted(set(params[option]) - set(self.logins))
            if strange:
                raise RedfishConfigError(f"{option} names {strange[0]}, which is not in servers")
        self.authorities = _read("authority", params["authority"])
        self.signer = self._signer()
        self.servers = {name: Server(self._wanted(login)) for name, login in self.logins.items()}
        for name, pem in params["certificates"].items():
            self._take(name, str(pem))

    def _signer(self) -> x509.Signer | None:
        key, given = self.params["authority_key"], self.params["certificates"]
        is_request = self.params["state"] == "requested"
        if is_request and (key or given):
            raise RedfishConfigError("with state requested nothing is signed or installed: leave out authority_key and "
                                     "certificates")  # fmt: skip
        if not is_request and bool(key) is bool(given):
            raise RedfishConfigError(
                "state installed takes authority_key to sign here, or certificates signed elsewhere"
            )
        if not given and self.params["subject"] is None:
            raise RedfishConfigError("subject is missing: requests are made with it")
        if not key:
            return None
        passphrase, days = self.params["authority_passphrase"], self.params["renew_within_days"]
        return x509.Signer(self.authorities, key, passphrase, renew_within_days=days, now_s=self.clock.wall_s())

    def _wanted(self, login: BmcLogin) -> Wanted:
        names = self.params["names"].get(login.name)
        if names is None:
            names = [urlsplit(login.base).hostname or ""]
        if not isinstance(names, list):
            raise RedfishConfigError(f"names: {login.name} needs a list of DNS names and addresses")
        wanted = Wanted(tuple(str(each).strip() for each in names), self.params["renew_within_days"])
        for each in wanted.names:
            if not _can_be_named(each):
                raise RedfishConfigError(
                    f"names: {login.name} has {quote(each)}, which no certificate can have: it takes addresses and DNS "
                    "names, those in other scripts as xn--..."
                )
        return wanted

    def _take(self, name: str, pem: str) -> None:
        """Check a certificate that was signed elsewhere, as far as that needs no BMC."""
        server = self.servers[name]
        if "PRIVATE KEY" in pem:
            raise RedfishConfigError(
                f"certificates: that of {name} has a private key beside it; give the certificate alone"
            )
        server.new, server.pem = _read(f"certificates: that of {name}", pem)[0], pem
        request = self.params["signing_requests"].get(name)
        if request is None:
            raise RedfishConfigError(f"signing_requests has none of {name}, by which its certificate is checked")
        server.request = _request(f"signing_requests: that of {name}", str(request))
        problem = self._problem(name)
        if problem:
            raise RedfishConfigError(f"certificates: that of {name} {problem}")

    def _problem(self, name: str) -> str:
        """Return why a certificate must not be installed; "" where nothing speaks against it."""
        server = self.servers[name]
        if server.new is None or server.request is None:
            return "is missing"
        if server.new.key.public != server.request.key.public:
            return "does not belong to the signing request"
        found = self._reasons(server.new, server.wanted)
        return " and ".join(found) or self._distrust(name, server.new)

    def _distrust(self, name: str, new: Certificate) -> str:
        """Return why the next run with these options would not trust a certificate."""
        login = self.logins[name]
        if login.ca_path is None or not _is_checked_by_ca_path(login):
            return ""
        try:
            trusted = x509.read_certificates(Path(login.ca_path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, x509.BadX509):
            raise RedfishConfigError(f"could not read ca_path {login.ca_path}") from None
        if not x509.is_issued_by(new, trusted, now_s=self.clock.wall_s()):
            return "is not trusted by ca_path: add the site's authority there, or the next run is refused"
        return _misnamed(login, new.names)

    def _reasons(self, certificate: Certificate, wanted: Wanted) -> list[str]:
        now_s = self.clock.wall_s()
        is_issued = x509.is_issued_by(certificate, self.authorities, now_s=now_s)
        return reasons(certificate, wanted, is_issued=is_issued, now_s=now_s)

    def look(self, name: str, redfish: Redfish) -> None:
        """Read one server, decide, and have it make a request where one is needed."""
        server = self.servers[name]
        reader = Reader(redfish, self.serials[name])
        server.identity = identify(reader)
        wire = CertificateWire(redfish, reader)
        server.before = server.after = _of("its certificate", wire.shown())
        if self.params["certificates"]:
            if server.new is not None and server.new.sha256 != server.before.sha256:
                server.plan = ["install"]
        else:
            server.due = self._reasons(server.before, server.wanted)
            if server.due and self.signer is not None:
                self._refuse_misnamed(name)
            if server.due:
                server.plan = ["request"] if self.signer is None else ["request", "sign", "install"]
        if server.plan:
            refuse_another_server(reader, self.serials[name])
        if "request" in server.plan and not self.is_checked:
            redfish.deadline_s = self.clock.now_s() + self.params["certificate_timeout"]
            redfish.phase = "request"
            text = wire.request(server.wanted.names, self.params["subject"])
            server.done.append("request")
            self._accept(server, text)

    def _refuse_misnamed(self, name: str) -> None:
        """Raise RedfishApiError where the names that would be signed are not enough, before the BMC makes a key."""
        problem = _misnamed(self.logins[name], self.servers[name].wanted.names)
        if problem:
            raise RedfishApiError(f"its new certificate {problem}")

    def _accept(self, server: Server, text: str) -> None:
        try:
            request = x509.read_request(text)
        except x509.BadX509 as error:
            raise RedfishApiError(f"its signing request {error}") from None
        if lacking([server.wanted.common_name], [request.common_name]):
            raise RedfishApiError(
                f"its signing request is for {request.common_name or 'nobody'}, not for {server.wanted.common_name}"
            )
        if request.key.is_weak:
            raise RedfishApiError(f"it made a weak key ({request.key}); nothing was signed")
        server.request = request

    def sign(self, names: Iterable[str]) -> dict[str, str]:
        """Sign the requests of servers; return why the certificate of some must not be installed."""
        refused = {}
        for name in names:
            server = self.servers[name]
            if self.signer is None or server.request is None:
                continue
            now_s, days = self.clock.wall_s(), self.params["valid_days"]
            try:
                server.pem = self.signer.sign(server.request, server.wanted.names, now_s=now_s, days=days)
            except x509.BadX509 as error:
                refused[name] = f"its new certificate {error}"
                continue
            server.new = _read("the signed certificate", server.pem)[0]
            server.done.append("sign")
            problem = self._problem(name)
            if problem:
                refused[name] = f"its new certificate {problem}"
        return refused

    def install(self, name: str, redfish: Redfish) -> None:
        """Install the certificate of one server, and prove that it shows it."""
        server = self.servers[name]
        if server.new is None or server.before is None:
            return
        wire = CertificateWire(redfish, Reader(redfish, self.serials[name]))
        if _of("its certificate", wire.shown()).sha256 != server.before.sha256:
            raise RedfishApiError("somebody else changed its certificate since it was read; nothing was installed")
        redfish.deadline_s = self.clock.now_s() + self.params["certificate_timeout"]
        redfish.phase = "install"
        may_reset = self.params["allow_bmc_reset"]
        Installation(redfish, wire, server.before.sha256, server.new.sha256, may_reset, server.done).run(server.pem)
        server.after = server.new


def set_certificates(params: Mapping[str, Any], batch: Batch, clock: Clock) -> Result:
    """Bring certificates of BMCs to what is wanted; the result is what redfish_certificate documents.

    Raises RedfishConfigError before anything was sent.
    """
    job = _Job(params, batch, clock)
    with exclusive(params["lock_path"], job.logins, batch, clock) as (ours, refused):
        free = {name: login for name, login in job.logins.items() if name not in refused}
        ends: dict[str, End[None]] = dict(talk_to_all(free, job.look, ours, clock))
        _refuse(ends, refused, "claim")
        if not ours.read_only:
            ready = [name for name in free if ends[name].failure is None and "install" in job.servers[name].plan]
            _refuse(ends, job.sign(ready), "sign")
            _refuse(ends, _expect(job, ours, [name for name in ready if ends[name].failure is None]), "claim")
            due = {name: job.logins[name] for name in ready if ends[name].failure is None}
            for name, end in (talk_to_all(due, job.install, ours, clock) if due else {}).items():
                first = ends[name]
                seconds = round(first.seconds + end.seconds, 1)
                ends[name] = replace(end, requests=first.requests + end.requests, seconds=seconds)
            if ours.register is not None:
                after = {name: job.servers[name].after for name in free if ends[name].failure is None}
                ours.register.settle({name: each.sha256 for name, each in after.items() if each is not None})
    return result_of(job.servers, job.logins, ends, is_checked=job.is_checked)


def _expect(job: _Job, batch: Batch, names: Iterable[str]) -> dict[str, str]:
    """Have the register trust what these BMCs will show, beside what they show now."""
    pairs = {}
    for name in names:
        before, new = job.servers[name].before, job.servers[name].new
        if before is not None and new is not None:
            pairs[name] = (before.sha256, new.sha256)
    return batch.register.expect(pairs) if batch.register is not None and pairs else {}


def _refuse(ends: dict[str, End[None]], refused: Mapping[str, str], phase: str) -> None:
    for name, why in refused.items():
        ends[name] = replace(ends.get(name, End[None]()), failure=Failure.REFUSED, message=why, phase=phase)


def _is_checked_by_ca_path(login: BmcLogin) -> bool:
    is_pinned = bool(login.fingerprint) or not login.validate_certs
    return bool(login.ca_path) and not is_pinned and login.base.startswith("https:")


def _misnamed(login: BmcLogin, names: Iterable[str]) -> str:
    """Return why a certificate with these names would not be trusted at the BMC's address; "" where it would."""
    host = urlsplit(login.base).hostname or ""
    if not _is_checked_by_ca_path(login) or not lacking([host], list(names)):
        return ""
    return f"does not name {host}, the address by which ca_path is checked; add it to names"


def _can_be_named(name: str) -> bool:
    """Return whether it is an address without a zone, or a DNS name, which may begin with a wildcard."""
    try:
        check_host(name[2:] if name.startswith("*.") else name)
    except BadAddress:
        return False
    return "%" not in name


def _read(what: str, pem: str) -> list[Certificate]:
    try:
        return x509.read_certificates(pem)
    except x509.BadX509 as error:
        raise RedfishConfigError(f"{what} {error}") from None


def _request(what: str, pem: str) -> x509.Request:
    try:
        return x509.read_request(pem)
    except x509.BadX509 as error:
        raise RedfishConfigError(f"{what} {error}") from None


def _of(what: str, der: bytes) -> Certificate:
    try:
        return x509.read_certificate(der)
    except x509.BadX509 as error:
        raise RedfishApiError(f"{what} {error}") from None
