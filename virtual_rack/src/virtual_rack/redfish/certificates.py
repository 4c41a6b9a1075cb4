# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate by which a BMC is known, and how a site puts its own there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from virtual_rack.redfish.documents import Paths
from virtual_rack.redfish.messages import Json, message, refused
from virtual_rack.redfish.modes import Mode
from virtual_rack.redfish.tree import ROOT, Answer, Caller, Tree, link

SERVICE = f"{ROOT}/CertificateService"
_LOCATIONS = f"{SERVICE}/CertificateLocations"
_NAMES = {
    "CommonName": NameOID.COMMON_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "City": NameOID.LOCALITY_NAME,
    "State": NameOID.STATE_OR_PROVINCE_NAME,
    "Country": NameOID.COUNTRY_NAME,
}
# HPE's own names for parts of a subject.
_HPE_NAMES = {"OrgName": "Organization", "OrgUnit": "OrganizationalUnit"}
# How long an iLO makes a signing request, simulated; HPE says up to 10 minutes, and its example waits for one.
_REQUEST_S = 60.0
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_GENERATE, _REPLACE = "CertificateService.GenerateCSR", "CertificateService.ReplaceCertificate"


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, both in PEM."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Effects:
    """What certificates do to the BMC: `use` is called with every new one, `restart` starts the BMC again."""

    use: Callable[[Identity], None]
    restart: Callable[[], None]
    later: Callable[[float, Callable[[], None]], None]


class Certificates:
    """The HTTPS certificate of one BMC."""

    def __init__(self, tree: Tree, mode: Mode, paths: Paths, identity: Identity, *, address: str, do: Effects) -> None:
        self._mode, self._paths, self._address, self._do = mode, paths, address, do
        self._identity = identity
        self._key: Key | None = None
        self._where = f"{paths.certificates}/{mode.certificate}"
        service = tree.add(SERVICE, "CertificateService.v1_0_6.CertificateService", "Certificate Service")
        service.document["CertificateLocations"] = link(_LOCATIONS)
        if mode.has_https_cert:
            self._add_https_cert(tree)
        else:
            tree.action(SERVICE, _GENERATE, self._generate)
            tree.action(SERVICE, _REPLACE, self._replace)
        tree.collection(paths.certificates, "Certificate", mode.certificate)
        tree.add(self._where, "Certificate.v1_9_0.Certificate", "HTTPS Certificate").live = self._show
        tree.add(
            _LOCATIONS,
            "CertificateLocations.v1_0_4.CertificateLocations",
            "Certificate Locations",
            Links={"Certificates": [link(self._where)]},
        )

    def _add_https_cert(self, tree: Tree) -> None:
        """Add iLO's own way, as HPE's RESTful API reference has it under HpeHttpsCert."""
        where = f"{self._paths.manager}/SecurityService/HttpsCert"
        tree.document(f"{self._paths.manager}/SecurityService")["Links"] = {"HttpsCert": link(where)}
        shown = tree.add(where, "HpeHttpsCert.v2_0_0.HpeHttpsCert", "HTTPS Certificate", CertificateSigningRequest=None)
        shown.live = self._show_https_cert

        def generate(body: Json, _caller: Caller) -> Answer:
            named = {_HPE_NAMES.get(name, name): value for name, value in body.items()}
            names = [str(named.get("CommonName"))] + ([self._address] if named.pop("IncludeIP", False) else [])
            text = self._request(named, names, "HpeHttpsCert.GenerateCSR")
            self._do.later(_REQUEST_S, lambda: shown.document.update(CertificateSigningRequest=text))
            return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})

        def take(body: Json, _caller: Caller) -> Answer:
            if "Certificate" not in body:
                raise refused(400, "ActionParameterMissing", "HpeHttpsCert.ImportCertificate", "Certificate")
            self._install(str(body["Certificate"]))
            self._do.restart()
            return Answer(200, {"@Message.ExtendedInfo": [message("Success")]})

        tree.action(where, "HpeHttpsCert.GenerateCSR", generate)
        tree.action(where, "HpeHttpsCert.ImportCertificate", take)

    def _show_https_cert(self) -> Json:
        certificate = x509.load_pem_x509_certificate(self._identity.certificate.encode())
        return {
            "X509CertificateInformation": {
                "Issuer": certificate.issuer.rfc4514_string(),
                "Subject": certificate.subject.rfc4514_string(),
                "SerialNumber": certificate.serial_number.to_bytes(20, "big").lstrip(b"\0").hex(":"),
                "ValidNotBefore": f"{certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
                "ValidNotAfter": f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
            }
        }

    def _show(self) -> Json:
        certificate = x509.load_pem_x509_certificate(self._identity.certificate.encode())
        return {
            "CertificateString": self._identity.certificate,
            "CertificateType": "PEM",
            "Subject": _described(certificate.subject),
            "Issuer": _described(certificate.issuer),
            "ValidNotBefore": certificate.not_valid_before_utc.isoformat(),
            "ValidNotAfter": certificate.not_valid_after_utc.isoformat(),
            "SerialNumber": f"{certificate.serial_number:x}",
            "Fingerprint": certificate.fingerprint(hashes.SHA256()).hex(":"),
            "FingerprintHashAlgorithm": "TPM_ALG_SHA256",
        }

    def _generate(self, body: Json, _caller: Caller) -> Answer:
        if "CertificateCollection" not in body:
            raise refused(400, "ActionParameterMissing", _GENERATE, "CertificateCollection")
        if self._place(body["CertificateCollection"]) != self._paths.certificates:
            raise refused(400, "ActionParameterValueNotInList", "", "CertificateCollection", _GENERATE)
        request = self._request(body, body.get("AlternativeNames", []), _GENERATE)
        return Answer(200, {"CSRString": request, "CertificateCollection": link(self._paths.certificates)})

    def _request(self, body: Json, alternatives: list[str], action: str) -> str:
        """Make a key and a signing request; the key of the request before is gone."""
        for name in ("CommonName", "Organization", "OrganizationalUnit", "City", "State", "Country"):
            if name not in body:
                raise refused(400, "ActionParameterMissing", action, name)
        try:
            subject = x509.Name([x509.NameAttribute(oid, body[part]) for part, oid in _NAMES.items()])
            names = [_general_name(text) for text in alternatives]
        except (TypeError, ValueError) as error:
            raise refused(400, "GeneralError", f"The subject is not valid: {error}") from None
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._key = key = _KEYS[self._mode.key]()
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def _replace(self, body: Json, _caller: Caller) -> Answer:
        for key in ("CertificateString", "CertificateType", "CertificateUri"):
            if key not in body:
                raise refused(400, "ActionParameterMissing", _REPLACE, key)
        if self._place(body["CertificateUri"]) != self._where:
            raise refused(400, "ActionParameterValueNotInList", "", "CertificateUri", _REPLACE)
        self._install(str(body["CertificateString"]))
        return Answer(204, None, {"Location": self._where})

    def _install(self, text: str) -> None:
        self._identity = self._matched(text)
        self._key = None
        self._do.use(self._identity)

    def _place(self, value: object) -> str:
        if self._mode.links_are_texts and not isinstance(value, str):
            raise refused(400, "PropertyValueTypeError", value, "link")
        return str(value.get("@odata.id")) if isinstance(value, dict) else str(value)

    def _matched(self, text: str) -> Identity:
        """Find the key that belongs to a certificate: in the text itself, or of the last request."""
        try:
            certificate = x509.load_pem_x509_certificate(text.encode())
            key = self._key
            if "PRIVATE KEY" in text:
                own = serialization.load_pem_private_key(text.encode(), password=None)
                key = own if isinstance(own, Key) else None
        except (TypeError, ValueError, UnsupportedAlgorithm):
            raise refused(400, "GeneralError", "CertificateString is not a PEM certificate.") from None
        if key is None or key.public_key() != certificate.public_key():
            raise refused(400, "GeneralError", "The certificate does not belong to the last signing request.")
        begin = text.index("-----BEGIN CERTIFICATE")
        end = text.rindex("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
        return Identity(text[begin:end] + "\n", key_text(key))


def key_text(key: Key) -> str:
    """Write a key as PEM."""
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


# By bmcweb's defaults OpenBMC makes secp384r1. ASSUMED of the others, which document no default.
_KEYS: Mapping[str, Callable[[], Key]] = {
    "rsa2048": lambda: rsa.generate_private_key(public_exponent=65_537, key_size=2048),
    "secp256r1": lambda: ec.generate_private_key(ec.SECP256R1()),
    "secp384r1": lambda: ec.generate_private_key(ec.SECP384R1()),
}


def _described(name: x509.Name) -> Json:
    found = {key: name.get_attributes_for_oid(oid) for key, oid in _NAMES.items()}
    return {key: values[0].value for key, values in found.items() if values}


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
