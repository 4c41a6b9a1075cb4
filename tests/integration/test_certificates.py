# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of a site's authority on BMCs like those of six vendors, which show them over TLS."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.module_process import module_process
from ansible_collections.baremetal.bcm.tests.integration.support.netbox import prepare_hardening
from ansible_collections.baremetal.bcm.tests.integration.support.rack import wait_until
from ansible_collections.baremetal.bcm.tests.integration.support.vendors import (
    DEADLINE_S,
    SPEED,
    VendorRack,
    machine_of,
    run_module,
    vendor_rack,
)
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.unit.plugins.running import Result

SUBJECT = {"organization": "Example", "organizational_unit": "IT", "city": "Bern", "state": "BE", "country": "CH"}
PASSPHRASE = "a-passphrase-of-the-site"


@dataclass(frozen=True)
class Site:
    """A rack with a machine of each vendor, and the files of an authority that OpenSSL has made."""

    rack: VendorRack
    authority: Path
    key: Path

    @property
    def pins(self) -> dict[str, str]:
        """What each BMC shows now, as OpenSSL sees it."""
        return {name: _openssl_sha256(self.shown(name)) for name in self.rack.names}

    def shown(self, name: str) -> str:
        """Give the certificate that a BMC shows, as OpenSSL sees it on a connection of its own.

        One that starts anew is waited for.
        """
        command = ["openssl", "s_client", "-connect", self.rack.address(name), "-showcerts"]
        found: list[str] = []

        def look() -> bool:
            # It answers with an error where it does not trust what it was shown, which is judged elsewhere.
            done = subprocess.run(command, check=False, input="", capture_output=True, text=True, timeout=30)
            found[:] = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", done.stdout, re.DOTALL)
            return bool(found)

        wait_until(look, f"the certificate of {name}")
        return found[0]

    def names_of(self, name: str) -> list[str]:
        return [f"{name}-bmc.example.com", self.rack.address(name).rpartition(":")[0]]

    def run(self, *names: str, check: bool = False, **options: Any) -> Result:
        """Bring certificates of some BMCs, or of all, to those of the authority; each is pinned as it is now."""
        pins = self.pins
        chosen = names or tuple(self.rack.names)
        servers = [self.rack.server(name, tls_fingerprint=pins[name]) for name in chosen]
        given = self.options(*chosen, **{"servers": servers, **options})
        return run_module("redfish_certificate", speed=SPEED, check=check, **given)

    def options(self, *names: str, **options: Any) -> dict[str, Any]:
        """Give the options of a run."""
        return {
            "authority": self.authority.read_text(encoding="ascii"),
            "names": {name: self.names_of(name) for name in names},
            "subject": SUBJECT,
            "lock_path": str(self.rack.directory / "locks"),
            "deadline": DEADLINE_S,
            **options,
        }

    def signing(self) -> dict[str, Any]:
        return {"authority_key": self.key.read_text(encoding="ascii"), "authority_passphrase": PASSPHRASE}


def openssl(*arguments: str | Path, stdin: str = "") -> str:
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=stdin, check=True, capture_output=True, text=True, timeout=60).stdout


def _openssl_sha256(pem: str) -> str:
    return (
        openssl("x509", "-noout", "-fingerprint", "-sha256", stdin=pem)
        .partition("=")[2]
        .replace(":", "")
        .strip()
        .lower()
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("authority")
    key, authority = directory / "site.key", directory / "site.pem"
    openssl("genrsa", "-aes256", "-passout", f"pass:{PASSPHRASE}", "-out", key, "2048")
    openssl("req", "-x509", "-key", key, "-passin", f"pass:{PASSPHRASE}", "-subj", "/CN=BMC authority", "-days", "900",
            "-addext", "keyUsage=critical,keyCertSign", "-out", authority)  # fmt: skip
    with vendor_rack(tmp_path_factory.mktemp("certificates")) as rack:
        yield Site(rack, authority, key)


def test_every_vendors_bmc_gets_a_certificate_of_the_authority_and_a_second_run_sends_nothing(site: Site) -> None:
    none = dict.fromkeys(site.rack.names, 0)
    before = site.pins

    site.rack.forget()
    planned = site.run(check=True, **site.signing())
    assert site.rack.counted("writes") == none
    first = site.run(**site.signing())
    assert first["failures"] == {}, first["failures"]
    site.rack.forget()
    second = site.run(**site.signing())

    assert site.rack.counted("writes") == none
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert planned["diff"] == first["diff"]
    assert site.rack.sessions() == none
    assert not [each for each in (PASSPHRASE, "PRIVATE KEY") if each in str((planned, first, second))]
    after = site.pins
    for name, server in first["servers"].items():
        shown = site.shown(name)
        assert planned["servers"][name]["plan"] == server["plan"] == ["request", "sign", "install"]
        assert (after[name] == before[name]) is False
        assert server["tls_fingerprint"] == server["certificate"]["sha256"] == after[name]
        assert second["servers"][name]["due"] == []
        (site.rack.directory / "shown.pem").write_text(shown, encoding="ascii")
        host = site.names_of(name)
        trusted = ("verify", "-CAfile", site.authority, "-x509_strict", "-purpose", "sslserver")
        openssl(*trusted, "-verify_hostname", host[0], site.rack.directory / "shown.pem")
        openssl(*trusted, "-verify_ip", host[1], site.rack.directory / "shown.pem")
    assert [name for name, server in first["servers"].items() if "reset" in server["done"]] == ["dell-01"]


def test_what_is_signed_elsewhere_is_installed_in_a_second_task(site: Site) -> None:
    name = "dmtf-01"
    host = site.names_of(name)
    host[0] = "renamed.example.com"
    names: dict[str, Any] = {"names": {name: host}}
    requested = site.run(name, state="requested", **names)["servers"][name]
    extensions = site.rack.directory / "extensions"
    extensions.write_text(f"subjectAltName=DNS:{host[0]},IP:{host[1]}\n", encoding="ascii")
    signing = ("-CA", site.authority, "-CAkey", site.key, "-passin", f"pass:{PASSPHRASE}", "-days", "90")
    own = ("-set_serial", "7", "-extfile", extensions)
    signed = openssl("x509", "-req", *signing, *own, stdin=requested["signing_request"])

    given: dict[str, Any] = {
        "certificates": {name: signed},
        "signing_requests": {name: requested["signing_request"]},
        **names,
    }
    result = site.run(name, **given)

    assert requested["due"] == [
        f"has the common name {site.names_of(name)[0]} instead of {host[0]}",
        f"does not name {host[0]}",
    ]
    assert result["servers"][name]["done"] == ["install"], result["failures"]
    assert site.shown(name) == signed


def test_a_run_that_is_killed_before_its_bmc_shows_the_new_certificate_shuts_nobody_out(
    site: Site, tmp_path: Path
) -> None:
    machine = machine_of("ilo", 1)
    name = str(machine["name"])
    with vendor_rack(tmp_path, [machine]) as rack, served(FakeNetBox(NEW)) as netbox:
        lab = Lab(netbox.url, TOKEN)
        prepare_hardening(lab)
        device = lab.server("staged")
        lab.change("dcim/devices", device.id, name=name)
        own = Site(rack, site.authority, site.key)
        options: dict[str, Any] = {
            "servers": [rack.server(name)],
            "netbox": {"url": netbox.url, "token": TOKEN},
        }

        def pinned() -> list[str]:
            (found,) = lab.find("dcim/devices", name=name)
            return str(found["custom_fields"]["bmc_certificate"] or "").split()

        with module_process("redfish_certificate", own.options(name, **site.signing(), **options)) as process:
            wait_until(lambda: len(pinned()) == 2, "the new certificate in NetBox")
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        killed = own.pins[name]
        assert killed in pinned()

        audited = run_module("redfish_audit", speed=SPEED, profile={"inherits": None, "controls": {}}, **options)
        finished = run_module("redfish_certificate", speed=SPEED, **own.options(name, **site.signing(), **options))

        assert audited["failures"] == {}
        assert finished["failures"] == {}
        assert pinned() == [own.pins[name]]
        assert finished["servers"][name]["certificate"]["issuer"] == "CN=BMC authority"
        again = run_module("redfish_certificate", speed=SPEED, **own.options(name, **site.signing(), **options))
        assert (again["changed"], again["failures"]) == (False, {})
