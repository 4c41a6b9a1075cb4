# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""How one BMC makes a signing request, takes a certificate and shows it; the private key never leaves it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from .._https.exchange import Reply
from . import roles
from .adapters import version_key
from .connection import link_in
from .errors import RedfishApiError, RedfishProtocolError
from .quirks import ILO, LINKS_AS_TEXTS
from .reader import Reader
from .session import Redfish
from .values import at, text_at

# The names of a subject's parts as options, as Redfish and as HPE have them.
SUBJECT: Mapping[str, tuple[str, str]] = {
    "organization": ("Organization", "OrgName"),
    "organizational_unit": ("OrganizationalUnit", "OrgUnit"),
    "city": ("City", "City"),
    "state": ("State", "State"),
    "country": ("Country", "Country"),
}
_GENERATE, _REPLACE = "#CertificateService.GenerateCSR", "#CertificateService.ReplaceCertificate"
_HPE_GENERATE, _HPE_IMPORT = "#HpeHttpsCert.GenerateCSR", "#HpeHttpsCert.ImportCertificate"
_POLL_S = 5.0
_HTTPS = "/NetworkProtocol/HTTPS/Certificates"


class CertificateWire:
    """The HTTPS certificate of one BMC. Every method may raise RedfishError."""

    def __init__(self, redfish: Redfish, reader: Reader) -> None:
        self._redfish = redfish
        self._reader = reader

    def shown(self) -> bytes:
        """Return the certificate that the BMC shows, in DER: that of the connection, or without TLS what it says."""
        if self._redfish.certificate:
            return self._redfish.certificate
        members = self._reader.read(roles.CERTIFICATES, again=True).resources
        try:
            return ssl.PEM_cert_to_DER_cert(str(at(members[0].body, "CertificateString")).strip())
        except (IndexError, ValueError):
            raise RedfishProtocolError(f"{self._redfish.bmc.base} shows no certificate") from None

    def request(self, names: Sequence[str], subject: Mapping[str, str]) -> str:
        """Have the BMC make a key and a signing request, which is returned in PEM. The first name is the common one."""
        target = self._action(roles.CERTIFICATE_SERVICE, _GENERATE)
        if target is None and self._is_hpe:
            return self._request_of_hpe(names, subject)
        if target is None:
            raise RedfishApiError("this BMC makes no signing requests: its CertificateService has no GenerateCSR")
        body: dict[str, Any] = {SUBJECT[part][0]: value for part, value in subject.items()}
        body.update({"CommonName": names[0], "AlternativeNames": list(names)})
        body["CertificateCollection"] = self._link(self._collection())
        text = at(self._redfish.ask(target, body), "CSRString")
        if not isinstance(text, str):
            raise RedfishProtocolError(f"{target} answered without CSRString")
        return text

    def install(self, pem: str) -> Reply:
        """Give the BMC a certificate in the place of the one that it has; a task may be left to be finished."""
        target = self._action(roles.CERTIFICATE_SERVICE, _REPLACE)
        hpe = self._action(roles.HPE_CERTIFICATE, _HPE_IMPORT) if target is None and self._is_hpe else None
        if hpe is not None:
            return self._redfish.post(hpe, {"Certificate": pem})
        body: dict[str, Any] = {"CertificateString": pem, "CertificateType": "PEM"}
        place = self._certificate()
        if place is None:
            target = self._collection()
        elif target is not None:
            body["CertificateUri"] = self._link(place)
        else:
            raise RedfishApiError("this BMC takes no certificates: its CertificateService has no ReplaceCertificate")
        return self._redfish.post(target, body)

    def reset(self) -> None:
        """Start the BMC anew; its server is not touched."""
        (manager,) = self._reader.read(roles.MANAGER).resources[:1]
        action = at(manager.body, "Actions", "#Manager.Reset")
        target = link_in(at(action, "target") or None, manager.uri)
        if target is None:
            raise RedfishApiError("this BMC can't be reset by Redfish; reset it by hand, so that it shows the new one")
        offered = at(action, "ResetType@Redfish.AllowableValues")
        is_forced = isinstance(offered, list) and offered and "GracefulRestart" not in offered
        self._redfish.post(target, {"ResetType": "ForceRestart" if is_forced else "GracefulRestart"})

    def _request_of_hpe(self, names: Sequence[str], subject: Mapping[str, str]) -> str:
        target = self._action(roles.HPE_CERTIFICATE, _HPE_GENERATE)
        if target is None:
            raise RedfishApiError("this iLO makes no signing requests: its HttpsCert has no GenerateCSR")
        before = _text_of(self._reader.read(roles.HPE_CERTIFICATE).resources[0].body)
        body: dict[str, Any] = {SUBJECT[part][1]: value for part, value in subject.items()}
        body.update({"CommonName": names[0], "IncludeIP": any(map(_is_address, names))})
        self._redfish.finish(self._redfish.post(target, body))
        while True:
            found = self._reader.read(roles.HPE_CERTIFICATE, again=True)
            text = _text_of(found.resources[0].body) if found.resources else ""
            # The request of before may be there until the new one is made.
            if text not in ("", before):
                return text
            self._redfish.pause(_POLL_S)

    @property
    def _is_hpe(self) -> bool:
        return self._reader.vendor == ILO and bool(self._reader.read(roles.HPE_CERTIFICATE).resources)

    def _action(self, role: str, name: str) -> str | None:
        found = self._reader.read(role)
        if found.error:
            raise RedfishApiError(found.error)
        if not found.resources:
            return None
        return link_in(at(found.resources[0].body, "Actions", name, "target") or None, found.uri)

    def _collection(self) -> str:
        found = self._reader.read(roles.CERTIFICATES)
        if found.error or not found.uri:
            raise RedfishApiError(found.error or f"this BMC has no collection {_HTTPS}")
        return found.uri

    def _certificate(self) -> str | None:
        """Return where the certificate stands: in its collection, or where CertificateLocations has one of HTTPS."""
        members = self._reader.read(roles.CERTIFICATES).resources
        if members:
            return members[0].uri
        service = self._reader.read(roles.CERTIFICATE_SERVICE).resources
        where = link_in(at(service[0].body, "CertificateLocations") or None, service[0].uri) if service else None
        listed = at(self._redfish.get(where).body, "Links", "Certificates") if where else None
        links = [link_in(each, str(where)) for each in listed] if isinstance(listed, list) else []
        return next((link for link in links if link and _HTTPS in link), None)

    def _link(self, uri: str) -> Any:
        manager = self._reader.read(roles.MANAGER).resources
        version = text_at(manager[0].body, "FirmwareVersion") if manager else ""
        newest = LINKS_AS_TEXTS.get(self._reader.vendor)
        are_texts = newest is not None and version and version_key(version) <= version_key(newest)
        return uri if are_texts else {"@odata.id": uri}


def _text_of(body: Any) -> str:
    """Return the signing request that HttpsCert shows, "" where there is none."""
    value = at(body, "CertificateSigningRequest")
    return value if isinstance(value, str) else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
