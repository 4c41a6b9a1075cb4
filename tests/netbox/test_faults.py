# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NetBox that breaks between two requests, refuses, lies, or changes under our hands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import FAKES, Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import DROP, TOKEN, FakeNetBox, Reply, Request, served
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab


def break_once(
    fake: FakeNetBox,
    method: str,
    path: str,
    reply: Reply | None,
    *,
    times: int = 1,
    first: Callable[[], object] | None = None,
) -> None:
    """Answer the next requests of this kind with a reply, or do something first and let them pass."""
    left = times

    def fault(request: Request) -> Reply | None:
        nonlocal left
        if left <= 0 or request.method != method or path not in request.path:
            return None
        left -= 1
        if first is not None:
            first()
        return reply

    fake.faults.append(fault)


def test_a_failure_between_address_and_state_is_finished_by_the_next_event(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    break_once(fake, "PATCH", "dcim/devices", Reply(400, {"status": ["not today"]}))

    result = modules.run("netbox_lifecycle", lab, events=[ack(server.mac, ip)])

    assert "not today" in result["failures"][server.name]
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("offline", [ip], ["warning"])
    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("discovered", [ip], ["warning", "success"])


@pytest.mark.parametrize(("method", "path"), [("POST", "ip-addresses"), ("PATCH", "devices")])
def test_a_write_whose_answer_is_lost_is_sent_once_and_finished_by_the_next_event(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, method: str, path: str
) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    before = len(fake.writes)
    break_once(fake, method, path, DROP)

    message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, ip)])

    assert "whether it was performed is unknown" in message
    assert [path in request.path for request in fake.writes[before:]].count(True) == 1
    modules.event(lab, ack(server.mac, ip))
    assert (lab.state(server), lab.ips(server), lab.kinds(server)) == ("discovered", [ip], ["success"])


def test_reads_are_tried_again_with_longer_pauses(fake: FakeNetBox, broken_lab: Lab, modules: Modules) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    break_once(fake, "GET", "dcim/interfaces", Reply(503, {}), times=2)
    break_once(fake, "GET", "dcim/devices", DROP)

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
    assert modules.slept_s == pytest.approx(0.5 + 1.0 + 0.5)


def test_a_journal_entry_whose_answer_is_lost_is_written_once(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    break_once(fake, "POST", "journal", Reply(502, {}))

    assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
    assert lab.kinds(server) == ["success"]


def test_a_journal_that_can_not_be_written_is_a_failure_that_says_what_was_done(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    break_once(fake, "POST", "journal", Reply(400, {"kind": ["no"]}), times=9)

    result = modules.run("netbox_lifecycle", lab, events=[ack(server.mac, ip)])

    assert "the journal entry could not be written" in result["failures"][server.name]
    assert lab.state(server) == "discovered"
    assert result["events"][0]["effects"] == [f"{ip} assigned to iLO"]


def test_a_state_that_somebody_changes_meanwhile_is_planned_anew(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    server, ip = lab.server(), lab.new_ip()
    break_once(
        fake,
        "POST",
        "ip-addresses",
        None,
        first=lambda: fake.store.update("dcim/devices", server.id, {"status": "staged"}),
    )

    result = modules.event(lab, ack(server.mac, ip))

    assert (result["outcome"], result["state_before"]) == ("refused", "staged")
    assert lab.state(server) == "staged"
    assert lab.kinds(server) == ["warning"]


def test_what_another_run_creates_at_the_same_moment_is_taken_by_a_bootstrap(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    types = "object_types" if broken_lab.version >= (4, 0) else "content_types"
    field = {"name": "bmc_claim", "type": "json", types: ["dcim.device"]}
    tag = {"name": "intake", "slug": "intake"}
    for path, theirs in (("extras/custom-fields", field), ("extras/tags", tag)):
        create = functools.partial(fake.store.create, path, theirs)
        break_once(fake, "POST", path, None, first=create)

    result = modules.good("netbox_bootstrap", broken_lab, hardening=True, tags=["intake"])

    assert result["created"] == ["custom field bmc_certificate"]
    assert modules.good("netbox_bootstrap", broken_lab, hardening=True, tags=["intake"])["changed"] is False


def test_an_object_that_netbox_refuses_to_a_bootstrap_is_a_failure(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    break_once(fake, "POST", "extras/tags", Reply(400, {"slug": ["Enter a valid slug."]}))

    assert "Enter a valid slug." in modules.bad("netbox_bootstrap", broken_lab, tags=["intake"])


def test_if_match_keeps_what_somebody_else_wrote_at_the_last_moment(modules: Modules) -> None:
    with served(FakeNetBox(FAKES["fake-4.6"])) as fake:
        lab = Lab(fake.url, TOKEN)
        server = lab.server()
        break_once(
            fake, "PATCH", "dcim/devices/", None,
            first=lambda: fake.store.update("dcim/devices", server.id, {"status": "planned"}),
        )  # fmt: skip

        result = modules.event(lab, ack(server.mac, lab.new_ip()))

        assert (result["outcome"], result["state_before"]) == ("refused", "planned")
        assert lab.state(server) == "planned"
        patches = [request for request in fake.writes if request.method == "PATCH" and "devices" in request.path]
        assert any(request.if_match for request in patches)


def test_etags_of_another_make_are_asked_for(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(FakeNetBox(FAKES["fake-4.6"])) as fake:
        lab = Lab(fake.url, TOKEN)
        server, ip = lab.server(), lab.new_ip()
        stored = fake.store.rows
        monkeypatch.setattr(
            fake.store, "etag", lambda path, object_id: f'"{object_id}-{stored[path][object_id]["last_updated"]}"'
        )

        assert modules.event(lab, ack(server.mac, ip))["outcome"] == "changed"
        assert (lab.state(server), lab.ips(server)) == ("discovered", [ip])


def test_a_free_address_that_somebody_takes_at_the_last_moment_stays_theirs(modules: Modules) -> None:
    with served(FakeNetBox(FAKES["fake-4.6"])) as fake:
        lab = Lab(fake.url, TOKEN)
        old, ip = lab.new_ip(), lab.new_ip()
        server, other = lab.server("discovered"), lab.server("active")
        lab.change("dcim/devices", server.id, oob_ip=lab.give(server, old)["id"])
        known = lab.add("ipam/ip-addresses", address=f"{ip}/24")
        theirs = {"assigned_object_type": "dcim.interface", "assigned_object_id": other.interface_id}
        break_once(
            fake,
            "PATCH",
            "ip-addresses/",
            None,
            first=lambda: fake.store.update("ipam/ip-addresses", known["id"], theirs),
        )

        result = modules.event(lab, ack(server.mac, ip))

        assert result["outcome"] == "conflict"
        assert (lab.ips(server), lab.ips(other)) == ([old], [ip])
        assert lab.get("dcim/devices", server.id)["oob_ip"]["address"] == f"{old}/24"


def test_somebody_who_changes_a_server_all_the_time_is_a_failure(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    server = lab.server()
    looks = 0

    def fault(request: Request) -> Reply | None:
        nonlocal looks
        if request.method == "GET" and "interfaces" in request.path:
            looks = 0
            fake.store.update("dcim/devices", server.id, {"status": "offline"})
        elif request.method == "GET" and "devices" in request.path:
            looks += 1
            if looks == 2:
                fake.store.update("dcim/devices", server.id, {"status": "planned"})
        return None

    fake.faults.append(fault)

    message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, lab.new_ip())])

    assert "the device was changed by others 3 times" in message


def test_one_server_that_netbox_refuses_leaves_the_others_alone(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    servers = lab.servers(6)
    ips = [lab.new_ip() for _server in servers]

    def fault(request: Request) -> Reply | None:
        bodies = request.body if request.method == "POST" and "addresses" in request.path else []
        return Reply(400, [{"address": ["not this one"]}]) if ips[3] in str(bodies) else None

    fake.faults.append(fault)

    result = modules.run("netbox_lifecycle", lab, events=[ack(s.mac, ip) for s, ip in zip(servers, ips, strict=True)])

    assert list(result["failures"]) == [servers[3].name]
    assert "not this one" in result["failures"][servers[3].name]
    assert result["counts"]["changed"] == 5
    assert [lab.state(each) for each in servers] == ["discovered"] * 3 + ["offline"] + ["discovered"] * 2


@pytest.mark.parametrize("version", [FAKES["fake-4.6"]], ids=str)
def test_the_network_itself_is_no_address_of_a_bmc_where_netbox_looks(
    version: tuple[int, int], modules: Modules
) -> None:
    with served(FakeNetBox(version)) as fake:
        lab = Lab(fake.url, TOKEN)
        server = lab.server()

        message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, "10.1.2.0")])

        assert "10.1.2.0 is a network ID" in message
        assert lab.state(server) == "offline"


def test_an_event_that_can_not_be_used_is_refused_and_leaves_the_others_alone(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()
    useless = [
        ack(server.mac, "0.0.0.0"),
        ack(server.mac, "no address"),
        ack("no mac", ip),
        {"event": "dhcp_ack", "ip": ip},
        {"event": "dhcp_ack", "mac": server.mac},
        {"event": "retired", "mac": server.mac, "ip": ip},
        {**ack(server.mac, ip), "prefix_length": 33},
    ]

    result = modules.events(lab, *useless, ack(server.mac, ip, key="17"))

    assert [each["outcome"] for each in result] == ["refused"] * 7 + ["changed"]
    assert all("can't be used" in each["message"] for each in result[:7])
    assert result[7]["key"] == "17"


@pytest.mark.parametrize("version", FAKES.values(), ids=FAKES)
def test_defect_11_a_status_that_netbox_lacks_is_said_before_anything_is_written(
    version: tuple[int, int], modules: Modules
) -> None:
    with served(FakeNetBox(version, extra_statuses=())) as fake:
        lab = Lab(fake.url, TOKEN)
        server, passing = lab.server(), lab.server("staged")
        before = len(fake.writes)
        events = [ack(server.mac, lab.new_ip()), {"event": "hardening_passed", "device": passing.name}]

        checked = modules.run("netbox_lifecycle", lab, events=events, check=True)
        result = modules.run("netbox_lifecycle", lab, events=events)

        assert [each["outcome"] for each in result["events"]] == ["failed", "failed"]
        assert "NetBox has no device status discovered: add it to FIELD_CHOICES" in result["failures"][server.name]
        assert "NetBox has no device status ready" in result["failures"][passing.name]
        assert checked["failures"] == result["failures"]
        assert len(fake.writes) == before


def test_a_netbox_that_is_away_is_one_clear_sentence(modules: Modules) -> None:
    with served(FakeNetBox(FAKES["fake-3.2"])) as fake:
        lab = Lab(fake.url, TOKEN)

    message = modules.bad("netbox_lifecycle", lab, events=[ack(f"02:00:00:00:00:0{n}", "10.0.0.9") for n in range(5)])

    assert (
        message == f"could not list dcim/interfaces/: no usable answer from {lab.url}: [Errno 111] Connection refused"
    )
    assert modules.slept_s == pytest.approx(3.5)


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_is_refused_is_not_tried_again(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, status: int
) -> None:
    before = len(fake.requests)
    break_once(fake, "GET", "interfaces", Reply(status, {"detail": "Invalid token"}), times=9)

    message = modules.bad("netbox_lifecycle", broken_lab, events=[ack("02:00:00:00:00:01", "10.0.0.9")])

    assert f"refused it (HTTP {status}): Invalid token" in message
    assert len(fake.requests) == before + 1


def test_a_netbox_that_goes_away_between_two_batches_keeps_what_was_done(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules
) -> None:
    lab = broken_lab
    servers = lab.servers(130)
    ips = [f"10.63.0.{number}" for number in range(1, 131)]

    def fault(request: Request) -> Reply | None:
        return DROP if servers[129].mac in dict(request.query).values() else None

    fake.faults.append(fault)

    events = [ack(server.mac, ip) for server, ip in zip(servers, ips, strict=True)]
    result = modules.run("netbox_lifecycle", lab, events=events)

    assert result["counts"]["changed"] == 100
    assert result["counts"]["failed"] == 30
    fake.faults.clear()
    assert modules.good("netbox_lifecycle", lab, events=events)["counts"]["changed"] == 30


def test_the_event_of_another_port_than_the_bmcs_is_not_a_bmcs_lease(lab: Lab, modules: Modules) -> None:
    server = lab.server()
    mac = lab.new_mac()
    lab.port(server.id, "eth0", mac)

    result = modules.event(lab, ack(mac, lab.new_ip()))

    assert result["outcome"] == "not_found"
    assert f"{mac} is eth0 of {server.name}, whose BMC is on iLO" in result["message"]
    assert lab.state(server) == "offline"
    assert lab.journal(server) == []


def test_a_port_with_another_name_is_the_bmcs_if_there_is_no_other_or_it_is_marked(lab: Lab, modules: Modules) -> None:
    oob, marked = lab.server(interface="oob"), lab.server()
    mac = lab.new_mac()
    lab.port(marked.id, "management", mac, mgmt_only=True)

    result = modules.events(lab, ack(oob.mac, lab.new_ip()), ack(mac, lab.new_ip()))

    assert [(each["outcome"], each["interface"]) for each in result] == [("changed", "oob"), ("changed", "management")]


def test_what_a_client_says_can_not_forge_the_journal(lab: Lab, modules: Modules) -> None:
    server = lab.server()
    evil = "ilo`\n\n# Approved `baremetal-bcm:0`<script>alert(1)</script>\x1b[2J"

    modules.event(lab, ack(server.mac, lab.new_ip(), hostname=evil, reason=evil, time=evil))

    (entry,) = lab.journal(server)
    assert entry["comments"].count("\n") == 2
    assert "\x1b" not in entry["comments"]
    spans = entry["comments"].split("`")
    assert len(spans) % 2 == 1
    assert not any("script" in text for text in spans[::2])


_ADDRESSES = "ipam/ip-addresses"


class OtherRun:
    """A run on another computer that records the same address, right before ours does or right after."""

    def __init__(
        self, fake: FakeNetBox, ip: str, interface_id: int, *, before: bool = False, leaves_at: int = 0
    ) -> None:
        self.fake, self.ip, self.interface_id, self.leaves_at = fake, ip, interface_id, leaves_at
        self.method = "POST" if before else "GET"
        self.id = self.looks = 0
        fake.faults.append(self)

    def __call__(self, request: Request) -> None:
        if request.method != self.method or "ip-addresses" not in request.path:
            return
        if not self.id and any("ip-addresses" in each.path for each in self.fake.writes):
            belongs = {"assigned_object_type": "dcim.interface", "assigned_object_id": self.interface_id}
            self.id = self.fake.store.create(_ADDRESSES, {"address": f"{self.ip}/24", "status": "dhcp", **belongs})
        self.looks += bool(self.id)
        if self.id and self.looks == self.leaves_at:
            self.fake.store.delete(_ADDRESSES, self.id)


@pytest.fixture(name="old")
def _old() -> Iterator[tuple[FakeNetBox, Lab]]:
    """A NetBox that lets an address be recorded twice."""
    with served(FakeNetBox(FAKES["fake-3.2"])) as fake:
        yield fake, Lab(fake.url, TOKEN)


OTHERS: dict[str, tuple[dict[str, Any], bool]] = {
    "one that was first": ({"before": True}, True),
    "one that came second and saw nothing": ({}, True),
    "one that came second and gives way": ({"leaves_at": 3}, False),
}


@pytest.mark.parametrize(("options", "stays"), OTHERS.values(), ids=OTHERS)
def test_of_two_runs_that_record_an_address_at_once_one_gives_way(
    old: tuple[FakeNetBox, Lab], modules: Modules, options: dict[str, Any], stays: bool
) -> None:
    fake, lab = old
    server, ip, earlier = lab.server(), lab.new_ip(), lab.new_ip()
    lab.change("dcim/devices", server.id, primary_ip4=lab.give(server, earlier)["id"])
    fake.requests.clear()
    other = OtherRun(fake, ip, server.interface_id, **options)

    result = modules.event(lab, ack(server.mac, ip))

    (left,) = lab.objects_of(ip)
    assert (left["id"] == other.id) == stays
    assert (result["outcome"], lab.state(server), lab.kinds(server)) == ("changed", "discovered", ["success"])
    assert lab.get("dcim/devices", server.id)["primary_ip4"]["id"] == left["id"]


def test_two_runs_that_each_recorded_one_of_two_addresses_first_do_not_wait_for_each_other(
    old: tuple[FakeNetBox, Lab], modules: Modules
) -> None:
    fake, lab = old
    first, second = lab.servers(2)
    ips = [lab.new_ip(), lab.new_ip()]
    fake.requests.clear()
    sooner = OtherRun(fake, ips[0], first.interface_id, before=True)
    later = OtherRun(fake, ips[1], second.interface_id)

    def give_way_once_we_have(request: Request) -> None:
        if later.id and request.method == "GET" and any(each.method == "DELETE" for each in fake.writes):
            fake.store.rows[_ADDRESSES].pop(later.id, None)

    fake.faults.append(give_way_once_we_have)

    result = modules.events(lab, *(ack(each.mac, ip) for each, ip in zip((first, second), ips, strict=True)))

    assert [each["outcome"] for each in result] == ["changed", "changed"]
    left = [lab.objects_of(ip) for ip in ips]
    assert [len(each) for each in left] == [1, 1]
    assert left[0][0]["id"] == sooner.id
    assert left[1][0]["id"] != later.id
    # Nothing had to be recorded again.
    assert [each.method for each in fake.writes if "ip-addresses" in each.path] == ["POST", "DELETE"]
    assert [lab.kinds(each) for each in (first, second)] == [["success"], ["success"]]


def test_an_address_that_another_server_was_given_at_once_is_lost_though_its_run_saw_nothing(
    old: tuple[FakeNetBox, Lab], modules: Modules
) -> None:
    fake, lab = old
    server, other_server, ip, earlier = lab.server(), lab.server(), lab.new_ip(), lab.new_ip()
    lab.change("dcim/devices", server.id, primary_ip4=lab.give(server, earlier)["id"])
    fake.requests.clear()
    OtherRun(fake, ip, other_server.interface_id)

    result = modules.event(lab, ack(server.mac, ip))

    assert (result["outcome"], lab.state(server), lab.kinds(server)) == ("conflict", "offline", ["warning"])
    assert (lab.ips(server), lab.ips(other_server)) == ([earlier], [ip])
    assert lab.get("dcim/devices", server.id)["primary_ip4"]["address"].startswith(f"{earlier}/")
