# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""netbox_lifecycle as a whole: check mode, diff, many at once, other events, the connection."""

from __future__ import annotations

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import FakeNetBox
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab


def test_check_mode_changes_nothing_and_tells_what_the_run_then_does(lab: Lab, modules: Modules) -> None:
    old = lab.new_ip()
    servers = [lab.server(), lab.server("discovered", ip=old), lab.server("staged"), lab.server("active")]
    events = [ack(server.mac, lab.new_ip()) for server in servers]
    # The same server twice: the second sees what the first would have done.
    events += [{"event": "validation_passed", "device": servers[0].name}, ack(servers[1].mac, lab.new_ip())]
    before = [lab.everything(server) for server in servers]

    checked = modules.good("netbox_lifecycle", lab, events=events, check=True)
    assert [lab.everything(server) for server in servers] == before
    done = modules.good("netbox_lifecycle", lab, events=events)
    again = modules.good("netbox_lifecycle", lab, events=[events[3], events[5]])

    assert (checked["changed"], checked["diff"]) == (done["changed"], done["diff"])
    assert checked["events"] == done["events"]
    assert [each["before_header"] for each in done["diff"]] == [f"device {server.name}" for server in servers]
    assert done["diff"][0]["before"] == {"state": "offline", "addresses of iLO": []}
    assert done["diff"][0]["after"]["state"] == "staged"
    assert (again["changed"], again["diff"]) == (False, [])


def test_a_server_goes_its_way_and_every_step_is_in_its_journal(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()
    steps = ["validation_passed", "hardening_passed", "provisioned", "retired"]

    modules.event(lab, ack(server.mac, ip, hostname="ilo-1", time="2026-01-01T00:00:00Z"))
    for event in steps:
        result = modules.event(lab, {"event": event, "mac": server.mac, "reason": f"{event}, says a person"})
        assert result["outcome"] == "changed", result

    assert lab.state(server) == "decommissioning"
    assert lab.kinds(server) == ["success", "success", "success", "success", "info"]
    comments = [entry["comments"] for entry in lab.journal(server)]
    assert "Host name `ilo-1`" in comments[0].replace("host name", "Host name")
    assert "time `2026-01-01T00:00:00Z`" in comments[0]
    assert "`hardening_passed, says a person`" in comments[2]
    assert lab.ips(server) == [ip]


def test_each_request_is_one_line_where_somebody_asks_for_it(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(), lab.new_ip()
    events = [ack(server.mac, ip, hostname="ilo-1")]

    result = modules.good("netbox_lifecycle", lab, events=events, debug_calls=True)

    assert "debug_calls" not in modules.good("netbox_lifecycle", lab, events=events)
    assert modules.good("netbox_lifecycle", lab, events=events, verbosity=3)["debug_calls"]
    lines = result["debug_calls"]
    assert [line for line in lines if line.startswith("PATCH /api/dcim/")]
    assert [line for line in lines if line.startswith("GET /api/dcim/interfaces/: HTTP 200, ")]
    said = " ".join(lines).upper()
    assert not [word for word in (lab.token, server.mac, server.name, ip, "ilo-1", "?") if word.upper() in said]


def test_a_device_may_be_named_by_its_id(lab: Lab, modules: Modules) -> None:
    server = lab.server("ready")

    result = modules.event(lab, {"event": "quarantined", "device": str(server.id)})

    assert (result["device"], result["device_id"], result["state_after"]) == (server.name, server.id, "failed")


def test_interface_names_are_an_option(lab: Lab, modules: Modules) -> None:
    server, ip = lab.server(interface="XCC", with_mac=False), lab.new_ip()
    event = {"event": "dhcp_ack", "device": server.name, "ip": ip}

    assert modules.event(lab, event)["outcome"] == "not_found"
    assert modules.event(lab, event, interface_names=["xcc"])["outcome"] == "changed"


def test_a_failed_event_fails_the_task_unless_the_caller_looks_itself(lab: Lab, modules: Modules) -> None:
    events = [ack(lab.server().mac, lab.new_ip())]

    assert modules.run("netbox_lifecycle", lab, events=events, tags=["no such tag"])["failed"]
    quiet = modules.good("netbox_lifecycle", lab, events=events, tags=["no such tag"], fail_on_error=False)
    assert quiet["counts"]["failed"] == 1


@pytest.mark.parametrize("count", [1, 40])
def test_many_events_take_no_more_reads_than_one(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, count: int
) -> None:
    servers = broken_lab.servers(count)
    events = [ack(server.mac, broken_lab.new_ip()) for server in servers]
    before = len(fake.requests), len(fake.writes)

    assert modules.good("netbox_lifecycle", broken_lab, events=events)["counts"]["changed"] == count

    requests, writes = len(fake.requests) - before[0], len(fake.writes) - before[1]
    # Three of them ask what the token may do.
    assert requests - writes == 10
    assert writes == 3


def test_the_connection_may_come_from_the_environment(
    lab: Lab, modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETBOX_URL", f"{lab.url}/api/")
    monkeypatch.setenv("NETBOX_TOKEN", lab.token)

    assert not modules.good("netbox_bootstrap", lab, url=None, token=None)["changed"]


@pytest.mark.parametrize("missing", ["url", "token"])
def test_no_connection_is_a_clear_failure(lab: Lab, modules: Modules, missing: str) -> None:
    message = modules.bad("netbox_bootstrap", lab, **{missing: None})

    assert f"set {missing} or the environment variable NETBOX_{missing.upper()}" in message


def test_a_state_field_that_is_none_is_a_clear_failure(lab: Lab, modules: Modules) -> None:
    message = modules.bad("netbox_lifecycle", lab, events=[], state_field="colour")

    assert message == "state_field must be status or custom_field:NAME, not colour"


def test_a_token_in_clear_is_warned_of(lab: Lab, modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    # Where the result has warnings is not the same in all processes.
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: said.append(text))

    modules.run("netbox_bootstrap", lab)
    assert said == []
    # Still this computer, but it does not look like it.
    modules.run("netbox_bootstrap", lab, url=lab.url.replace("127.0.0.1", "[::ffff:127.0.0.1]"))
    assert said == ["url is http, so that the token crosses the network in clear text; use https"]


def test_a_lock_path_that_can_not_be_used_is_a_clear_failure(lab: Lab, modules: Modules) -> None:
    server = lab.server()

    message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, lab.new_ip())], lock_path="/dev/null/x")

    assert "could not use lock_path /dev/null/x" in message
    assert lab.state(server) == "offline"
