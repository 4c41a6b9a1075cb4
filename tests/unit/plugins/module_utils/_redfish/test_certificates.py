# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of BMCs in memory: when one is due, what is never installed, and runs that are cut off anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import WrongFingerprint
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish import x509
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.certificate import (
    Certificate,
    Key,
    Wanted,
    reasons,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.certificate_servers import set_certificates
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.certificate_wire import CertificateWire
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.claim import claimed
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import RedfishConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.fleet import Batch
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.quirks import VENDORS
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.reader import Reader
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.session import Redfish

from ...fake_bmc import CERTIFICATES, GENERATE, HPE_IMPORT, HTTPS_CERT, PASSWORD, REPLACE, USER, FakeBmc, refusal
from ...fake_certificates import PASSPHRASE, Authority, factory_certificate

NAMES = ["server-bmc.example.com", "10.0.0.5"]
SUBJECT = {"organization": "Example", "organizational_unit": "IT", "city": "Bern", "state": "BE", "country": "CH"}
NOW_S = 1_790_000_000
DAY_S = 86_400
AUTHORITY = Authority()


class StepClock:
    """A clock that stands until somebody waits."""

    def __init__(self) -> None:
        self.time_s, self._lock = 0.0, threading.Lock()

    def now_s(self) -> float:
        return self.time_s

    def wall_s(self) -> int:
        return NOW_S + int(self.time_s)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.time_s += seconds


class Cut(BaseException):
    """The run is killed."""


def sha256_of(bmc: FakeBmc) -> str:
    return x509.read_certificates(bmc.certificate.pem)[0].sha256


@dataclass
class Pins:
    """A register that pins the certificate of one server. `note` hears of each write, before it and after it."""

    kept: str
    lease_s: float = 600.0
    note: Callable[[], None] = lambda: None
    lost: str = ""

    def claim(self, names: Collection[str]) -> dict[str, str]:
        return {}

    def renew(self) -> None:
        """Claims hold."""

    def problem(self, name: str) -> str:
        return self.lost

    def pin(self, shown: Mapping[str, str]) -> dict[str, str]:
        return {}

    def expect(self, certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        ((shown, coming),) = certificates.values()
        assert shown in self.kept.split()
        self._keep(f"{self.kept} {coming}")
        return {}

    def settle(self, shown: Mapping[str, str]) -> None:
        for digest in shown.values():
            self._keep(digest)

    def release(self) -> None:
        """Nothing is held."""

    def _keep(self, kept: str) -> None:
        self.note()
        self.kept = kept
        self.note()


@dataclass
class Site:
    """Runs the work of the module on one BMC; `note` hears of each request, before it and after it."""

    directory: Path
    bmc: FakeBmc
    register: Pins | None = None
    note: Callable[[], None] = lambda: None
    clock: StepClock = field(default_factory=StepClock)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.note()
        answer = self.bmc.handle(request)
        self.note()
        return answer

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        empty = dict.fromkeys(("username", "password", "tls_fingerprint", "device_type"))
        params = {
            "servers": [{**empty, "name": "server", "address": "http://127.0.0.1", "serial": "SN1"}],
            "username": USER,
            "password": PASSWORD,
            "ca_path": None,
            "validate_certs": True,
            "timeout": 30.0,
            "state": "installed",
            "authority": AUTHORITY.pem,
            "authority_key": AUTHORITY.key_pem,
            "authority_passphrase": PASSPHRASE,
            "certificates": {},
            "signing_requests": {},
            "names": {"server": NAMES},
            "subject": SUBJECT,
            "renew_within_days": 30,
            "valid_days": 397,
            "allow_bmc_reset": True,
            "certificate_timeout": 900.0,
            "lock_path": str(self.directory / "locks"),
            **options,
        }
        batch = Batch(read_only=check, register=self.register, http_transport=httpx.MockTransport(self.handle))
        return set_certificates(params, batch, self.clock)

    def one(self, **options: Any) -> dict[str, Any]:
        server: dict[str, Any] = self.run(**options)["servers"]["server"]
        return server

    def elsewhere(self, **options: Any) -> dict[str, Any]:
        """Run with a certificate that was signed elsewhere."""
        return self.run(**{"authority_key": None, "subject": None, **options})

    def request(self) -> str:
        return str(self.one(state="requested", authority_key=None)["signing_request"])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, FakeBmc("dmtf"))


def certificate(**changes: Any) -> Certificate:
    good = Certificate(
        subject=f"CN={NAMES[0]}",
        common_name=NAMES[0],
        issuer="CN=BMC authority",
        names=tuple(NAMES),
        begins_s=NOW_S - DAY_S,
        ends_s=NOW_S + 60 * DAY_S,
        ends="2026-11-20T00:00:00Z",
        sha256="a" * 64,
        key=Key("RSA", 2048, b""),
        der=b"",
    )
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"names": ("SERVER-BMC.example.com", "10.0.0.5", "another")}, []),
        ({"common_name": NAMES[0].upper()}, []),
        ({"key": Key("Ed25519", 256, b"")}, []),
        ({"ends_s": NOW_S + 30 * DAY_S + 1}, []),
        ({"ends_s": NOW_S + 30 * DAY_S}, ["expires on 2026-11-20T00:00:00Z"]),
        ({"ends_s": NOW_S}, ["has expired on 2026-11-20T00:00:00Z"]),
        ({"begins_s": NOW_S + 1}, ["is not valid yet"]),
        ({"names": ("10.0.0.5",)}, [f"does not name {NAMES[0]}"]),
        ({"common_name": ""}, [f"has the common name - instead of {NAMES[0]}"]),
        ({"key": Key("RSA", 1024, b"")}, ["has a weak key (RSA 1024)"]),
        ({"key": Key("EC", 192, b"")}, ["has a weak key (EC 192)"]),
    ],
)
def test_a_certificate_is_due_for_reasons_and_for_no_others(changes: Mapping[str, Any], said: list[str]) -> None:
    assert reasons(certificate(**changes), Wanted(tuple(NAMES)), is_issued=True, now_s=NOW_S) == said


def test_a_certificate_of_somebody_else_is_due() -> None:
    found = reasons(certificate(issuer="CN=factory"), Wanted(tuple(NAMES)), is_issued=False, now_s=NOW_S)

    assert found == ["is not issued by the site's authority but by CN=factory"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendors_bmc_gets_a_certificate_and_a_second_run_writes_nothing(vendor: str, tmp_path: Path) -> None:
    site = Site(tmp_path, FakeBmc(vendor))

    planned = site.run(check=True)
    assert site.bmc.writes == []
    first = site.run()
    writes = len(site.bmc.writes)
    second = site.run()

    assert first["failures"] == {}, first["failures"]
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert planned["diff"] == first["diff"]
    server = first["servers"]["server"]
    assert planned["servers"]["server"]["plan"] == server["plan"] == server["done"] == ["request", "sign", "install"]
    assert server["certificate"]["names"] == NAMES
    assert server["certificate"]["issuer"] == "CN=BMC authority"
    assert sha256_of(site.bmc) == server["certificate"]["sha256"]
    assert len(site.bmc.writes) == writes == 2
    assert site.bmc.sessions == set()
    assert not [each for each in (PASSPHRASE, "PRIVATE KEY") if each in str((planned, first, second))]
    assert not [each for each in (PASSPHRASE, "PRIVATE KEY") if each in str(site.bmc.writes)]


def test_what_is_signed_elsewhere_is_installed_once_and_only_with_its_request(site: Site) -> None:
    request = site.request()
    signed = AUTHORITY.sign(request, *NAMES[:1])
    given = {
        "certificates": {"server": signed},
        "signing_requests": {"server": request},
        "names": {"server": NAMES[:1]},
    }

    planned = site.elsewhere(check=True, **given)
    first = site.elsewhere(**given)
    writes = len(site.bmc.writes)
    second = site.elsewhere(**given)

    assert first["failures"] == {}, first["failures"]
    assert planned["servers"]["server"]["plan"] == first["servers"]["server"]["done"] == ["install"]
    assert (planned["changed"], first["changed"], second["changed"]) == (True, True, False)
    assert planned["diff"] == first["diff"]
    assert site.bmc.certificate.pem == signed
    assert len(site.bmc.writes) == writes


def of_another_authority(request: str) -> str:
    return Authority().sign(request, NAMES[0])


def expired(request: str) -> str:
    return AUTHORITY.sign(request, NAMES[0], days=100)


def of_another_key(_request: str) -> str:
    return AUTHORITY.issue(NAMES[0], AUTHORITY.key.public_key(), NAMES[0])


def broken(_request: str) -> str:
    return "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


def with_a_key(request: str) -> str:
    return f"{AUTHORITY.sign(request, NAMES[0])}-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("signed", "said"),
    [
        (of_another_authority, "is not issued by the site's authority"),
        (AUTHORITY.sign, f"does not name {NAMES[0]}"),
        (expired, "has expired on 2020-04-10"),
        (of_another_key, "does not belong to the signing request"),
        (broken, "is no certificate"),
        (with_a_key, "has a private key beside it"),
    ],
)
def test_what_would_be_wrong_or_due_again_is_refused_before_anything_is_sent(
    signed: Callable[[str], str], said: str, site: Site
) -> None:
    request = site.request()
    before = len(site.bmc.requests)
    given = {"certificates": {"server": signed(request)}, "names": {"server": NAMES[:1]}}

    with pytest.raises(RedfishConfigError, match=said):
        site.elsewhere(signing_requests={"server": request}, **given)
    with pytest.raises(RedfishConfigError):
        site.elsewhere(**given)

    assert len(site.bmc.requests) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"authority": "nothing"}, "authority has no certificate in PEM"),
        ({"authority_key": "nothing"}, "authority_key is no private key in PEM"),
        ({"authority_passphrase": "another"}, "authority_passphrase does not open it"),
        ({"authority_passphrase": None}, "authority_passphrase does not open it"),
        ({"authority": Authority().pem}, "authority_key is not the key of a certificate in authority"),
        ({"authority_key": None}, "takes authority_key to sign here, or certificates"),
        ({"state": "requested"}, "leave out authority_key"),
        ({"subject": None}, "subject is missing"),
        ({"names": {"another": ["a"]}}, "names names another, which is not in servers"),
        ({"names": {"server": []}}, "no empty list"),
        ({"names": {"server": ["a" * 65]}}, "has 64 characters at most"),
        ({"names": {"server": "a"}}, "needs a list"),
        ({"names": {"server": ["a.b", "bär.de"]}}, "names: server has 'bär.de', which no certificate can have"),
        ({"names": {"server": ["fe80::1%eth0"]}}, "names: server has 'fe80::1%eth0'"),
        ({"names": {"server": ["https://a.b"]}}, "names: server has 'https://a.b'"),
        ({"renew_within_days": 397}, "less than valid_days"),
        ({"valid_days": 0}, "valid_days must be above 0"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_sent(
    options: Mapping[str, Any], said: str, site: Site
) -> None:
    with pytest.raises(RedfishConfigError, match=said) as caught:
        site.run(**options)

    assert site.bmc.requests == []
    assert not [each for each in (PASSPHRASE, "BEGIN") if each in str(caught.value)]


def test_an_authority_that_may_not_sign_signs_nothing(site: Site) -> None:
    nobody = Authority("nobody", is_authority=False)

    with pytest.raises(RedfishConfigError, match="may not sign certificates"):
        site.run(authority=nobody.pem, authority_key=nobody.key_pem)


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("days", "now_s", "said"),
    [
        (20_000, NOW_S - 8 * 365 * DAY_S, "is not valid yet"),
        (100, NOW_S, "has expired on 2020-04-10"),
        (2_480, NOW_S, "expires on 2026-10-16.* due again at once"),
    ],
)
def test_an_authority_whose_certificates_would_be_due_at_once_is_refused_before_anything_is_sent(
    days: int, now_s: float, said: str, check: bool, site: Site
) -> None:
    old = Authority("old", days=days)

    with (
        mock.patch.object(site.clock, "wall_s", return_value=now_s),
        pytest.raises(RedfishConfigError, match=f"authority: CN=old {said}"),
    ):
        site.run(authority=old.pem, authority_key=old.key_pem, check=check)

    assert site.bmc.requests == []


def test_of_an_authority_that_was_renewed_with_its_key_the_certificate_that_lasts_is_used(site: Site) -> None:
    old = Authority("BMC authority", days=100, key=AUTHORITY.key)

    result = site.run(authority=old.pem + AUTHORITY.pem)

    assert result["failures"] == {}


def test_an_authority_that_ends_while_a_bmc_makes_its_request_fails_that_server(site: Site) -> None:
    short = Authority("short", days=2_500)
    begins_s, made = site.clock.wall_s(), site.bmc.certificate.request
    ends_s = x509.read_certificates(short.pem)[0].ends_s

    def slowly(body: Mapping[str, Any]) -> str:
        site.clock.sleep(ends_s - begins_s + 7_200)
        return made(dict(body))

    with mock.patch.object(site.bmc.certificate, "request", slowly):
        server = site.one(
            authority=short.pem, authority_key=short.key_pem, renew_within_days=1, certificate_timeout=100.0 * DAY_S
        )

    assert (server["failure"], server["phase"], server["done"]) == ("refused", "sign", ["request"])
    assert "its new certificate could not be signed: The not valid after date must be after" in server["error"]


def test_a_certificate_that_ca_path_would_not_trust_is_not_installed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "others.pem").write_text(Authority("others").pem, encoding="ascii")
    (tmp_path / "ours.pem").write_text(AUTHORITY.pem, encoding="ascii")
    empty = dict.fromkeys(("username", "password", "tls_fingerprint", "device_type"))
    servers = [{**empty, "name": "server", "address": "10.0.0.5", "serial": "SN1"}]

    others = site.one(ca_path=str(tmp_path / "others.pem"), servers=servers)
    unnamed = site.one(ca_path=str(tmp_path / "ours.pem"), servers=servers, names={"server": NAMES[:1]})

    assert "is not trusted by ca_path" in others["error"]
    assert "does not name 10.0.0.5, the address by which ca_path is checked" in unnamed["error"]
    assert [(each["plan"], each["done"]) for each in (others, unnamed)] == [
        (["request", "sign", "install"], ["request", "sign"]),
        ([], []),
    ]
    assert site.bmc.certificate.pem == factory_certificate()


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("DGX-05-BMC.example.com", ["DGX-05-BMC.example.com"]),
        ("2001:0db8::5", ["dgx-05-bmc.example.com", "2001:0DB8:0::5"]),
        ("2001:0db8::5", ["2001:0db8::5"]),
    ],
)
def test_names_are_the_same_in_all_ways_to_write_them(
    address: str, names: list[str], site: Site, tmp_path: Path
) -> None:
    (tmp_path / "ours.pem").write_text(AUTHORITY.pem, encoding="ascii")
    empty = dict.fromkeys(("username", "password", "tls_fingerprint", "device_type"))
    servers = [{**empty, "name": "server", "address": address, "serial": "SN1"}]
    options: dict[str, Any] = {"ca_path": str(tmp_path / "ours.pem"), "servers": servers, "names": {"server": names}}

    first = site.one(**options)
    second = site.one(**options)

    assert (first["error"], first["done"]) == ("", ["request", "sign", "install"])
    assert (second["error"], second["due"], second["done"]) == ("", [], [])


def test_another_server_behind_the_address_is_left_alone(tmp_path: Path) -> None:
    site = Site(tmp_path, FakeBmc("dmtf", serial="another"))

    server = site.one()

    assert "this is another server" in server["error"]
    assert site.bmc.writes == []


def test_a_bmc_that_another_run_is_changing_is_left_alone(site: Site) -> None:
    login = BmcLogin("server", "http://127.0.0.1", USER, PASSWORD)

    with claimed(str(site.directory / "locks"), {"server": login}):
        server = site.one()

    assert (server["failure"], server["phase"], server["plan"]) == ("refused", "claim", [])
    assert site.bmc.requests == []


def test_a_claim_that_is_lost_stops_the_installation(site: Site) -> None:
    site.register = Pins(sha256_of(site.bmc))
    held = site.register.expect

    def lose(certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
        site.register.lost = "it was removed"  # type: ignore[union-attr]
        return held(certificates)

    with mock.patch.object(site.register, "expect", lose):
        server = site.one()

    assert "this run has lost its claim, so that nothing more is written: it was removed" in server["error"]
    assert (server["done"], site.bmc.certificate.pem) == (["request", "sign"], factory_certificate())
    assert sha256_of(site.bmc) in site.register.kept.split()


def test_many_bmcs_cost_the_register_as_little_as_one(tmp_path: Path) -> None:
    """One write before all are replaced, and one afterwards."""
    site = Site(tmp_path, FakeBmc("dmtf"))
    empty = dict.fromkeys(("username", "password", "tls_fingerprint", "device_type"))
    bmcs = {f"10.0.0.{number}": FakeBmc("dmtf", serial=f"SN{number}") for number in range(1, 21)}
    site.handle = lambda request: bmcs[request.url.host].handle(request)  # type: ignore[method-assign]
    servers = [
        {**empty, "name": f"node{index}", "address": address, "serial": bmc.serial}
        for index, (address, bmc) in enumerate(bmcs.items())
    ]
    asked: list[tuple[str, int]] = []

    class Counting(Pins):
        def expect(self, certificates: Mapping[str, tuple[str, str]]) -> dict[str, str]:
            asked.append(("expect", len(certificates)))
            return {"node7": "NetBox is restless"}

        def settle(self, shown: Mapping[str, str]) -> None:
            asked.append(("settle", len(shown)))

    site.register = Counting("")
    del bmcs["10.0.0.4"].resources["/redfish/v1/CertificateService"]
    result = site.run(servers=servers, names={})

    assert asked == [("expect", 19), ("settle", 18)]
    assert result["failures"] == {
        "node3": "this BMC makes no signing requests: its CertificateService has no GenerateCSR",
        "node7": "NetBox is restless",
    }
    assert bmcs["10.0.0.8"].certificate.pem == factory_certificate()
    assert all(server["requests"] <= 24 for server in result["servers"].values())


@pytest.mark.parametrize("vendor", ["dmtf", "ilo"])
def test_a_bmc_that_says_yes_and_shows_the_old_one_is_reset_and_then_reported(vendor: str, tmp_path: Path) -> None:
    site = Site(tmp_path, FakeBmc(vendor))
    site.bmc.ignored |= {REPLACE, HPE_IMPORT}
    site.bmc.resources["/redfish/v1/Managers/1"]["Actions"] = {
        "#Manager.Reset": {"target": "/redfish/v1/Managers/1/Reset"}
    }
    resets: list[httpx.Request] = []

    def reset(request: httpx.Request) -> httpx.Response:
        resets.append(request)
        return httpx.Response(204)

    site.bmc.instead["/redfish/v1/Managers/1/Reset"] = reset

    forbidden = site.one(allow_bmc_reset=False)
    assert (forbidden["failure"], resets) == ("not_kept", [])
    assert "set allow_bmc_reset" in forbidden["error"]
    server = site.one()

    assert (server["failure"], server["phase"], len(resets)) == ("not_kept", "verify", 1)
    assert server["certificate"]["sha256"] == sha256_of(site.bmc)
    assert site.bmc.sessions == set()


def test_a_request_that_a_bmc_makes_slowly_is_waited_for_and_one_of_before_is_not_taken(tmp_path: Path) -> None:
    site = Site(tmp_path, FakeBmc("ilo"))
    old = site.request()
    looks = iter([old, old, None, None])
    shown = site.bmc.resources[HTTPS_CERT]

    def slowly(_request: httpx.Request) -> httpx.Response | None:
        if _request.method != "GET" or site.bmc.certificate.key is key:
            return None
        text = next(looks, shown["CertificateSigningRequest"])
        return httpx.Response(200, json={**shown, "CertificateSigningRequest": text})

    key = site.bmc.certificate.key
    site.bmc.instead[HTTPS_CERT] = slowly

    server = site.one()

    assert server["error"] == ""
    assert next(looks, "none") == "none"
    assert server["certificate"]["issuer"] == "CN=BMC authority"


def test_a_request_for_another_name_is_not_signed(site: Site) -> None:
    request = Site(site.directory, FakeBmc("dmtf")).request()
    site.bmc.instead[GENERATE] = lambda _request: httpx.Response(200, json={"CSRString": request})

    server = site.one(names={"server": ["another.example.com"]})

    assert "its signing request is for server-bmc.example.com, not for another.example.com" in server["error"]
    assert (server["done"], server["certificate"]["issuer"]) == (["request"], "CN=factory")


def test_an_answer_that_is_lost_is_no_failure_where_the_certificate_is_shown(site: Site) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        site.bmc.instead.pop(REPLACE)
        site.bmc._handle(request)
        raise httpx.ReadError("connection reset", request=request)

    site.bmc.instead[REPLACE] = lost

    server = site.one()

    assert (server["failure"], server["done"]) == (None, ["request", "sign", "install"])


TASK = "/redfish/v1/TaskService/TaskMonitors/1"


def another_certificate(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request) from WrongFingerprint("its SHA-256 is another")


def no_connection(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def no_session(_request: httpx.Request) -> httpx.Response:
    return refusal(401, "NoValidSession")


def no_task(_request: httpx.Request) -> httpx.Response:
    return refusal(404, "ResourceMissingAtURI")


def failed_task(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"TaskState": "Exception"})


def follow(bmc: FakeBmc, path: str, task: Callable[[httpx.Request], httpx.Response]) -> None:
    """Let a BMC take certificates by a task."""

    def accept(request: httpx.Request) -> httpx.Response:
        bmc.instead.pop(path)
        answer = bmc._handle(request)
        bmc.instead[path] = accept
        return httpx.Response(202, headers={"Location": TASK}, json={}) if answer.status_code == 200 else answer

    bmc.instead |= {path: accept, TASK: task}


@pytest.mark.parametrize("task", [another_certificate, no_connection, no_session, no_task])
@pytest.mark.parametrize(("vendor", "path"), [("dmtf", REPLACE), ("ilo", HPE_IMPORT)])
def test_a_task_that_is_lost_is_no_failure_where_the_certificate_is_shown(
    vendor: str, path: str, task: Callable[[httpx.Request], httpx.Response], tmp_path: Path
) -> None:
    site = Site(tmp_path, FakeBmc(vendor))
    follow(site.bmc, path, task)

    server = site.one()

    assert (server["error"], server["done"]) == ("", ["request", "sign", "install"])
    assert server["certificate"]["sha256"] == sha256_of(site.bmc)


@pytest.mark.parametrize(
    ("task", "said", "phase"),
    [
        (another_certificate, "shows another certificate than the pinned one", "verify"),
        (no_connection, "connection refused", "verify"),
        (no_session, "does not know the session any more", "verify"),
        (no_task, "ResourceMissingAtURI was said", "verify"),
        (failed_task, "ended as Exception", "install"),
    ],
)
def test_a_task_that_is_lost_or_fails_is_a_failure_where_the_old_certificate_is_shown(
    task: Callable[[httpx.Request], httpx.Response], said: str, phase: str, site: Site
) -> None:
    site.bmc.ignored.add(REPLACE)
    follow(site.bmc, REPLACE, task)

    server = site.one()

    assert said in server["error"]
    assert (server["phase"], "reset" in server["done"]) == (phase, False)


def test_a_bmc_that_makes_no_requests_or_refuses_says_so(site: Site) -> None:
    site.bmc.instead[GENERATE] = lambda _request: refusal(403, "LockdownEnabled")
    refused = site.one()
    del site.bmc.resources["/redfish/v1/CertificateService"]
    without = site.one()

    assert (refused["failure"], refused["phase"]) == ("refused", "request")
    assert "LockdownEnabled was said" in refused["error"]
    assert "this BMC makes no signing requests" in without["error"]


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_certificate_without_a_member_is_replaced_where_it_is_listed_and_else_made(
    is_listed: bool, site: Site
) -> None:
    bmc = site.bmc
    listed = [{"@odata.id": each} for each in ("/redfish/v1/Truststore/1", f"{CERTIFICATES}/1")]
    bmc.resources["/redfish/v1/CertificateService"]["CertificateLocations"] = {"@odata.id": "/redfish/v1/Locations"}
    bmc.resources["/redfish/v1/Locations"] = {"Links": {"Certificates": listed if is_listed else listed[:1]}}
    bmc.resources[CERTIFICATES]["Members"] = []
    bmc.certificate.request({"CommonName": "server"})
    signed = AUTHORITY.issue("server", bmc.certificate.key.public_key())
    login = BmcLogin("server", "http://127.0.0.1", USER, PASSWORD)

    talk = Redfish(login, site.clock, deadline_s=60.0, read_only=False, http_transport=bmc.transport)
    with talk.logged_in() as redfish:
        CertificateWire(redfish, Reader(redfish)).install(signed)

    certificate = {"CertificateString": signed, "CertificateType": "PEM"}
    replaced = ("POST", REPLACE, {**certificate, "CertificateUri": {"@odata.id": f"{CERTIFICATES}/1"}})
    assert bmc.writes == [replaced if is_listed else ("POST", CERTIFICATES, certificate)]


def cut_runs(site: Site, *, at: int) -> int:
    """Run, and again after a kill, with both killed at one moment; then whole. Gives how many moments there were."""
    moments = 0

    def note() -> None:
        nonlocal moments
        assert site.register is not None
        assert sha256_of(site.bmc) in site.register.kept.split()
        if moments == at:
            raise Cut
        moments += 1

    assert site.register is not None
    site.note = site.register.note = note
    for _kill in range(2):
        moments = 0
        with suppress(Cut):
            assert site.run()["failures"] == {}
    seen, moments = moments, -10_000
    assert site.run()["failures"] == {}
    return seen


def test_wherever_it_is_cut_what_a_bmc_shows_is_pinned_and_the_next_run_finishes(tmp_path: Path) -> None:
    for at in range(200):
        bmc = FakeBmc("dmtf")
        site = Site(tmp_path, bmc, Pins(sha256_of(bmc)))
        seen = cut_runs(site, at=at)
        assert site.register is not None
        assert site.register.kept == sha256_of(bmc)
        assert x509.read_certificates(bmc.certificate.pem)[0].issuer == "CN=BMC authority"
        if seen < at:
            break
    assert 30 <= at < 200
