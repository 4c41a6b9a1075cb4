# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate by which a BMC is known, and how a site puts its own there."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from virtual_rack.redfish.documents import Paths
from virtual_rack.redfish.messages import Json, refused
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
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_GENERATE, _REPLACE = "CertificateService.GenerateCSR", "CertificateService.ReplaceCertificate"


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, both in PEM."""

    certificate: str
    key: str


class Certificates:
    """The HTTPS certificate of one BMC; `use` is called with every new one."""

    def __init__(self, tree: Tree, paths: Paths, identity: Identity, *, use: Callable[[Identity], None]) -> None:
        self._paths, self._use = paths, use
        self._identity = identity
        self._key: Key | None = None
        service = tree.add(SERVICE, "CertificateService.v1_0_6.CertificateService", "Certificate Service")
        service.document["CertificateLocations"] = link(_LOCATIONS)
        tree.action(SERVICE, _GENERATE, self._generate)
        tree.action(SERVICE, _REPLACE, self._replace)
        tree.collection(paths.certificates, "Certificate", "1")
        path = f"{paths.certificates}/1"
        tree.add(path, "Certificate.v1_9_0.Certificate", "HTTPS Certificate").live = self._show
        tree.add(
            _LOCATIONS,
            "CertificateLocations.v1_0_4.CertificateLocations",
            "Certificate Locations",
            Links={"Certificates": [link(path)]},
        )

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
        required = ("CommonName", "Organization", "OrganizationalUnit", "City", "State", "Country")
        for name in (*required, "CertificateCollection"):
            if name not in body:
                raise refused(400, "ActionParameterMissing", _GENERATE, name)
        if _place(body["CertificateCollection"]) != self._paths.certificates:
            raise refused(400, "ActionParameterValueNotInList", "", "CertificateCollection", _GENERATE)
        try:
            subject = x509.Name([x509.NameAttribute(oid, body[part]) for part, oid in _NAMES.items()])
            names = [_general_name(text) for text in body.get("AlternativeNames", [])]
        except (TypeError, ValueError) as error:
            raise refused(400, "GeneralError", f"The subject is not valid: {error}") from None
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self._key = key = ec.generate_private_key(ec.SECP256R1())
        request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        collection = link(self._paths.certificates)
        return Answer(200, {"CSRString": request.decode(), "CertificateCollection": collection})

    def _replace(self, body: Json, _caller: Caller) -> Answer:
        for key in ("CertificateString", "CertificateType", "CertificateUri"):
            if key not in body:
                raise refused(400, "ActionParameterMissing", _REPLACE, key)
        where = f"{self._paths.certificates}/1"
        if _place(body["CertificateUri"]) != where:
            raise refused(400, "ActionParameterValueNotInList", "", "CertificateUri", _REPLACE)
        self._identity = self._matched(str(body["CertificateString"]))
        self._key = None
        self._use(self._identity)
        return Answer(204, None, {"Location": where})

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


def _described(name: x509.Name) -> Json:
    found = {key: name.get_attributes_for_oid(oid) for key, oid in _NAMES.items()}
    return {key: values[0].value for key, values in found.items() if values}


def _place(value: object) -> str:
    return str(value.get("@odata.id")) if isinstance(value, dict) else str(value)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
