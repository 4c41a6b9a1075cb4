# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run over servers: which are powered, how they are followed in NetBox, what is said of each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._bmc.power import Failure, PowerResult
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import (
    NetBoxAuthError,
    NetBoxConfigError,
    NetBoxTransportError,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.register import DeviceRegister
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.bmcs import bmc_addresses, refuse_shared
from ansible_collections.baremetal.bcm.plugins.module_utils._validation_run.run import (
    RunOptions,
    ServerRow,
    ValidationRun,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner
from ansible_collections.baremetal.bcm.plugins.plugin_utils._report.validation import (
    draw_validation_page,
    draw_validation_summary,
    draw_validation_table,
)
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, Reply
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab
from ansible_collections.baremetal.bcm.tests.netbox.test_rights import rights
from ansible_collections.baremetal.bcm.tests.netbox.validating import Machine, Place


class Bmcs:
    """BMCs whose servers boot the image when they are switched on."""

    def __init__(
        self, state: str = "OFF", failure: Failure | None = None, meanwhile: Callable[[], Any] | None = None
    ) -> None:
        self.state = state
        self.failure = failure
        self.meanwhile = meanwhile
        self.sent: dict[str, str] = {}
        self.asked: list[str] = []

    def states(self, names: Sequence[str]) -> dict[str, PowerResult]:
        self.asked.extend(names)
        if self.meanwhile is not None:
            self.meanwhile()
        return {name: PowerResult(self.state, self.state, failure=self.failure, message="no answer") for name in names}

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        assert before.keys() >= actions.keys()
        self.sent.update(actions)
        return {name: PowerResult("OFF", "ON", ("ON",)) for name in actions}


class OthersBmcs(Bmcs):
    """BMCs whose servers somebody else switches on, after they were seen off."""

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        super().run(actions, before)
        return {name: PowerResult("OFF", "ON") for name in actions}


class DeadBmcs(Bmcs):
    """BMCs that tell the state and then refuse."""

    def run(self, actions: Mapping[str, str], before: Mapping[str, PowerResult]) -> dict[str, PowerResult]:
        refused = PowerResult("OFF", "OFF", failure=Failure.REFUSED, message="the BMC did not accept power ON")
        return dict.fromkeys(super().run(actions, before), refused)


class Story:
    """A clock on which a validation server and its machines go on while the run waits."""

    def __init__(self, place: Place, chapters: Sequence[Callable[[], Any]] = ()) -> None:
        self._place = place
        self._chapters = list(chapters)
        self._now = 0.0

    def now_s(self) -> float:
        return self._now

    def wall_s(self) -> int:
        return int(self._now)

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        if self._chapters:
            self._chapters.pop(0)()
            self._place.turn()


@pytest.fixture(name="place")
def _place(lab: Lab, modules: Modules, tmp_path: Path) -> Any:
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    place = Place(lab, tmp_path)
    yield place
    place.close()


def run(
    place: Place,
    *machines: Machine,
    bmcs: Bmcs | None = None,
    chapters: Sequence[Callable[[], Any]] = (),
    **options: Any,
) -> tuple[list[ServerRow], list[str]]:
    """The rows of a run, and what it said."""
    lines: list[str] = []
    dry_run = options.pop("dry_run", False)
    claims = options.pop("claims", None) or register_of(place, "ada")
    guard = options.pop("guard", lambda: None)
    validation = ValidationRun(
        options.pop("netbox", place.netbox),
        RunOptions(StateField("status"), **options),
        lambda _names: bmcs or Bmcs(),
        Story(place, chapters),
        lines.append,
        claims,
        dry_run=dry_run,
        guard=guard,
    )
    return validation.perform([machine.server.name for machine in machines]), lines


def register_of(place: Place, who: str, *, dead: str = "", netbox: NetBox | None = None) -> DeviceRegister:
    """The register of claims as one run sees it."""
    clock = mock.Mock(wall_s=lambda: 1_790_000_000, now_s=lambda: 0.0, sleep=lambda _seconds: None)
    return DeviceRegister(netbox or place.netbox, clock, Owner(f"{who}@pc", who, lambda other: other == dead))


def claim_of(place: Place, machine: Machine) -> Any:
    """The claim that stands in NetBox."""
    return place.lab.get("dcim/devices", machine.server.id)["custom_fields"]["bmc_claim"]


def boots(machine: Machine) -> Callable[[], Any]:
    """A chapter in which a machine boots and begins its second step."""

    def chapter() -> None:
        assert machine.boot()
        machine.hello()
        machine.finish("01-init")
        machine.say("step_started", "02-memory")

    return chapter


def ends(machine: Machine, **other: Any) -> Callable[[], Any]:
    """A chapter in which a machine reports the rest."""

    def chapter() -> None:
        machine.finish("02-memory", **other)
        machine.finish("04-lldp")
        machine.say("finished")

    return chapter


def test_a_server_is_switched_on_into_pxe_and_followed_to_its_verdict(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs()
    place.turn()

    (row,), lines = run(place, machine, bmcs=bmcs, enable_power_action=True, chapters=[boots(machine), ends(machine)])

    assert bmcs.sent == {machine.server.name: "on"}
    assert (row.outcome, row.state, row.verdict, row.powered) == ("passed", "staged", "pass", True)
    assert row.steps == {"01-init": "pass", "02-memory": "pass", "04-lldp": "pass"}
    assert any("02-memory (01-init pass)" in line for line in lines)


def test_a_server_that_fails_is_reported_with_its_reason(place: Place) -> None:
    machine = place.machine()
    place.turn()
    bad = [{"component": "node0", "verdict": "fail", "text": "a bit flipped <b>&"}]

    rows, _lines = run(place, machine, watch_only=True, chapters=[boots(machine), ends(machine, findings=bad)])

    assert (rows[0].outcome, rows[0].state) == ("failed", "failed")
    assert "node0: a bit flipped" in rows[0].message
    assert "a bit flipped" in "\n".join(draw_validation_summary(rows))
    page = draw_validation_page(rows, "today")
    assert "a bit flipped &lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert "02-memory fail" in "\n".join(draw_validation_table(rows))


def test_a_server_whose_state_comes_before_its_result_is_reported_with_the_result(place: Place) -> None:
    machine = place.machine()
    place.turn()
    done = {
        "run": "r",
        "state": "done",
        "verdict": "fail",
        "step": "02-memory",
        "steps": {},
        "reasons": ["a bit flipped"],
    }
    chapters = [
        boots(machine),
        lambda: place.lab.change("dcim/devices", machine.server.id, status="failed"),
        lambda: place.lab.change("dcim/devices", machine.server.id, custom_fields={"validation_result": done}),
    ]

    (row,), _lines = run(place, machine, watch_only=True, chapters=chapters)

    assert (row.outcome, row.verdict, row.message) == ("failed", "fail", "a bit flipped")


def test_a_server_whose_state_somebody_else_changed_is_reported_without_a_result_after_a_minute(place: Place) -> None:
    machine = place.machine()
    place.turn()
    chapters = [boots(machine), lambda: place.lab.change("dcim/devices", machine.server.id, status="failed")]

    (row,), _lines = run(place, machine, watch_only=True, chapters=chapters)

    assert (row.outcome, row.verdict, row.message, row.seconds) == ("failed", "", "it is failed now", 80.0)


def test_servers_that_failed_in_the_same_step_each_for_a_reason_of_its_own_are_one_sentence_and_a_column_each() -> None:
    steps = {"01-init": "pass", "03-disk": "fail"}
    rows = [
        ServerRow(f"dgx-{number:03d}", "failed", "failed", "03-disk", "fail", steps, f"03-disk: disk {number:x} worn")
        for number in range(200)
    ]
    lost = ServerRow("dgx-200", "failed", "failed", "02-memory, 03-disk", "lost", {"01-init": "pass"}, "it fell silent")
    rows.append(lost)
    counted, *told = draw_validation_summary(rows)

    assert counted == "201 servers: 201 failed"
    assert told[0].startswith("failed: 200 servers in 03-disk (dgx-000, dgx-001, ")
    assert told[0].endswith("and 190 more), for instance dgx-000: 03-disk: disk 0 worn")
    assert told[1:] == ["failed: dgx-200: it fell silent"]
    page = draw_validation_page(rows, "today")
    heads = [head.partition("</th>")[0] for head in page.split('<th scope="col">')[1:]]
    assert heads == ["Server", "Result", "State", "01-init", "02-memory", "03-disk", "Took", "Message"]
    assert page.count("<b>fail</b>") == 200
    assert page.count("<b>silent</b>") == 2
    assert "03-disk fail, 1 passed" in draw_validation_table(rows)[1]


def test_watching_powers_nothing(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs()
    place.turn()

    (row,), _lines = run(
        place, machine, bmcs=bmcs, watch_only=True, enable_power_action=True, chapters=[boots(machine), ends(machine)]
    )

    assert (bmcs.sent, row.outcome) == ({}, "passed")


def test_without_leave_nothing_is_powered_and_servers_are_pending(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs()

    (row,), _lines = run(place, machine, bmcs=bmcs)

    assert (bmcs.sent, row.outcome, row.powered) == ({}, "pending", False)
    assert "enable_power_action" in row.message


def test_check_mode_says_what_would_be_powered_and_sends_nothing(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs()

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True, dry_run=True)

    assert (bmcs.sent, row.outcome, row.powered) == ({}, "pending", True)


@pytest.mark.parametrize("state", ["offline", "staged", "ready", "active", "failed"])
def test_a_server_that_is_not_discovered_is_refused(place: Place, state: str) -> None:
    machine, bmcs = place.machine(state), Bmcs()

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True)

    assert (bmcs.sent, row.outcome) == ({}, "refused")
    assert ("readmit.yml" in row.message) is (state == "failed")


def test_a_server_that_is_on_is_restarted_only_with_leave(place: Place) -> None:
    machine = place.machine()
    place.turn()
    refused, cut = Bmcs("ON"), Bmcs("ON")

    (row,), _lines = run(place, machine, bmcs=refused, enable_power_action=True)
    assert (refused.sent, row.outcome) == ({}, "refused")
    run(place, machine, bmcs=cut, enable_power_action=True, allow_on=True, chapters=[boots(machine), ends(machine)])

    assert cut.sent == {machine.server.name: "cycle"}


def test_more_servers_than_allowed_power_none(place: Place) -> None:
    bmcs = Bmcs()

    rows, _lines = run(place, place.machine(), place.machine(), bmcs=bmcs, enable_power_action=True, max_servers=1)

    assert (bmcs.sent, {row.outcome for row in rows}) == ({}, {"refused"})


def test_a_bmc_that_does_not_answer_fails_its_server_alone(place: Place) -> None:
    machine = place.machine()

    (row,), _lines = run(place, machine, bmcs=Bmcs(failure=Failure.UNREACHABLE), enable_power_action=True)

    assert (row.outcome, "no answer" in row.message) == ("failed", True)


@pytest.mark.parametrize("state", ["active", "failed"])
def test_a_server_that_became_something_else_while_bmcs_were_asked_is_not_powered(place: Place, state: str) -> None:
    machine = place.machine()
    bmcs = Bmcs(meanwhile=lambda: place.lab.change("dcim/devices", machine.server.id, status=state))

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True)

    assert (bmcs.sent, row.outcome, row.state, row.powered) == ({}, "refused", state, False)


def test_a_server_that_was_deleted_while_bmcs_were_asked_is_not_powered(place: Place) -> None:
    machine = place.machine()
    bmcs = Bmcs(meanwhile=lambda: place.lab.call("DELETE", f"dcim/devices/{machine.server.id}"))

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True)

    assert (bmcs.sent, row.outcome) == ({}, "not_found")


def test_a_server_whose_run_began_while_bmcs_were_asked_is_followed_and_not_powered(place: Place) -> None:
    machine = place.machine()
    place.turn()

    def begin() -> None:
        boots(machine)()
        place.turn()

    bmcs = Bmcs("ON", meanwhile=begin)
    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True, allow_on=True, chapters=[ends(machine)])

    assert (bmcs.sent, row.outcome, row.powered) == ({}, "passed", False)


def test_a_server_that_another_run_switched_on_first_is_followed_and_not_said_to_be_powered(place: Place) -> None:
    machine = place.machine()
    place.turn()

    (row,), _lines = run(
        place, machine, bmcs=OthersBmcs(), enable_power_action=True, chapters=[boots(machine), ends(machine)]
    )

    assert (row.outcome, row.powered) == ("passed", False)


def test_a_server_whose_bmc_refused_is_not_said_to_be_powered(place: Place) -> None:
    machine = place.machine()

    (row,), _lines = run(place, machine, bmcs=DeadBmcs(), enable_power_action=True)

    assert (row.outcome, row.powered) == ("failed", False)
    assert "did not accept" in row.message


# -- others --------------------------------------------------------------------------------------------------------


def test_a_server_that_another_run_has_claimed_is_refused_with_its_name_and_its_bmc_is_not_asked(place: Place) -> None:
    taken, free = place.machine(), place.machine()
    place.turn()
    # Hardening, rotation and validation claim alike.
    assert register_of(place, "bob").claim([taken.server.name]) == {}
    bmcs = Bmcs("ON")

    rows, _lines = run(
        place, taken, free, bmcs=bmcs, enable_power_action=True, allow_on=True, chapters=[boots(free), ends(free)]
    )

    assert [row.outcome for row in rows] == ["refused", "passed"]
    assert "bob@pc until " in rows[0].message
    assert "try again once that run has ended" in rows[0].message
    assert (bmcs.asked, bmcs.sent) == ([free.server.name], {free.server.name: "cycle"})
    assert claim_of(place, taken)["run"] == "bob"
    assert claim_of(place, free) is None


def test_a_server_is_claimed_from_before_its_bmc_is_asked_until_netbox_shows_that_it_is_at_work(place: Place) -> None:
    machine = place.machine()
    place.turn()
    others = register_of(place, "bob")
    told: list[str] = []

    def other_claims() -> None:
        told.extend(others.claim([machine.server.name]).values())

    def begins() -> None:
        other_claims()
        boots(machine)()

    def second_claim() -> None:
        assert others.claim([machine.server.name]) == {}
        ends(machine)()

    (row,), _lines = run(
        place,
        machine,
        bmcs=Bmcs(meanwhile=other_claims),
        enable_power_action=True,
        chapters=[begins, second_claim],
    )

    assert row.outcome == "passed"
    assert [each.startswith("ada@pc until ") for each in told] == [True, True]
    assert claim_of(place, machine)["run"] == "bob"


def test_a_server_that_was_begun_between_two_looks_is_followed_and_not_refused_for_being_on(place: Place) -> None:
    machine = place.machine()
    place.turn()

    def begin() -> None:
        boots(machine)()
        place.turn()

    (row,), _lines = run(
        place, machine, bmcs=Bmcs("ON", meanwhile=begin), enable_power_action=True, chapters=[ends(machine)]
    )

    assert (row.outcome, claim_of(place, machine)) == ("passed", None)


@pytest.mark.parametrize("bmcs", [Bmcs(failure=Failure.UNREACHABLE), Bmcs("ON"), DeadBmcs()])
def test_a_claim_is_given_back_where_nothing_comes_of_it(place: Place, bmcs: Bmcs) -> None:
    machine = place.machine()

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True)

    assert row.outcome in ("failed", "refused")
    assert claim_of(place, machine) is None


def test_claims_are_given_back_after_what_ends_the_run(place: Place) -> None:
    machine = place.machine()

    def breaks() -> None:
        assert claim_of(place, machine)["run"] == "ada"
        raise NetBoxConfigError("no")

    with pytest.raises(NetBoxConfigError):
        run(place, machine, bmcs=Bmcs(meanwhile=breaks), enable_power_action=True)

    assert claim_of(place, machine) is None


def test_the_claim_of_a_run_that_is_dead_is_taken_over(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs("ON")
    place.turn()
    register_of(place, "bob").claim([machine.server.name])

    (row,), _lines = run(
        place, machine, bmcs=bmcs, enable_power_action=True, allow_on=True,
        claims=register_of(place, "ada", dead="bob"), chapters=[boots(machine), ends(machine)],
    )  # fmt: skip

    assert (row.outcome, bmcs.sent, claim_of(place, machine)) == ("passed", {machine.server.name: "cycle"}, None)


def test_a_run_that_has_lost_its_claim_powers_nothing(place: Place) -> None:
    machine = place.machine()
    claims = register_of(place, "ada")

    def taken_away() -> None:
        place.lab.change("dcim/devices", machine.server.id, custom_fields={"bmc_claim": None})
        claims.renew()

    bmcs = Bmcs(meanwhile=taken_away)
    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True, claims=claims)

    assert (row.outcome, bmcs.sent) == ("refused", {})
    assert "has lost its claim: its claim was removed in NetBox" in row.message


@pytest.mark.parametrize("options", [{"dry_run": True}, {"watch_only": True}], ids=["check mode", "watching"])
def test_a_check_and_watching_claim_nothing_and_need_no_field_for_it(
    fake: FakeNetBox, tmp_path: Path, options: dict[str, Any]
) -> None:
    lab = Lab(fake.url, TOKEN)
    types = "object_types" if fake.store.version >= (4, 0) else "content_types"
    lab.add("extras/custom-fields", name="validation_result", type="json", **{types: ["dcim.device"]})
    place = Place(lab, tmp_path)
    machine = place.machine()
    written = len(writes(fake))

    (row,), _lines = run(place, machine, enable_power_action=True, timeout_s=1.0, **options)

    assert (row.outcome, len(writes(fake))) == ("pending" if options.get("dry_run") else "failed", written)
    if not options.get("watch_only"):
        with pytest.raises(NetBoxConfigError, match="run netbox_bootstrap"):
            run(place, machine, enable_power_action=True)
    place.close()


def writes(fake: FakeNetBox) -> list[Any]:
    """What was sent that writes."""
    return [each for each in fake.requests if each.method != "GET"]


def test_a_netbox_that_is_away_when_claims_are_given_back_costs_no_result_and_it_is_said(
    fake: FakeNetBox, modules: Modules, tmp_path: Path
) -> None:
    lab = Lab(fake.url, TOKEN)
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    place = Place(lab, tmp_path)
    machine = place.machine()
    bmcs = Bmcs("ON")

    def leaves() -> None:
        # It still tells what is discovered; then it is away.
        fake.faults.append(lambda request: Reply(503) if request.method != "GET" else None)

    bmcs.meanwhile = leaves
    (row,), lines = run(place, machine, bmcs=bmcs, enable_power_action=True)
    fake.faults.clear()

    assert row.outcome == "refused"
    assert lines[-1] == "Claims could not be given back to NetBox; they end by themselves within 10m00s"
    place.close()


def test_claims_of_many_servers_take_few_requests(fake: FakeNetBox, modules: Modules, tmp_path: Path) -> None:
    lab = Lab(fake.url, TOKEN)
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    place = Place(lab, tmp_path)
    taken: dict[int, int] = {}
    for number in (5, 50):
        machines = [place.machine() for _number in range(number)]
        before = len(fake.requests)
        rows, _lines = run(place, *machines, enable_power_action=True, boot_timeout_s=5.0)
        assert {row.outcome for row in rows} == {"failed"}
        taken[number] = len(fake.requests) - before

    place.close()
    # Find, claim, look again, two turns, give back: whole sets each.
    assert taken[50] <= taken[5] <= 12, taken


def test_the_rights_that_are_documented_are_enough_and_without_that_to_change_nothing_is_powered(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs("ON")
    views = rights("netbox_validation")
    needed = rights("netbox_validation", "with `enable_power_action`")

    for few in (needed, [right for right in needed if right != "dcim.change_device"]):
        connection = NetBoxConnection(place.lab.url, place.lab.restricted(*few).token)
        with contextlib.closing(NetBox(NetBoxTransport(connection))) as netbox, contextlib.ExitStack() as refusal:
            if few != needed:
                refusal.enter_context(pytest.raises(NetBoxAuthError, match=r"dcim\.change_device"))
            claims = register_of(place, "ada", netbox=netbox)
            (row,), _lines = run(place, machine, bmcs=bmcs, netbox=netbox, claims=claims, enable_power_action=True)
            assert row.outcome == "refused"

    assert (bmcs.sent, bmcs.asked, views) == ({}, [machine.server.name], ["dcim.view_device"])


def test_nothing_is_powered_and_nothing_waits_once_ansible_is_gone(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs()
    asked: list[int] = []

    def gone() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise BcmError("the ansible-playbook that started this task is gone; nothing more is changed")

    with pytest.raises(BcmError, match="is gone"):
        run(place, machine, bmcs=bmcs, enable_power_action=True, guard=gone)

    assert (bmcs.sent, claim_of(place, machine)) == ({}, None)


def test_a_netbox_that_is_away_while_servers_are_followed_is_asked_again(
    fake: FakeNetBox, modules: Modules, tmp_path: Path
) -> None:
    lab = Lab(fake.url, TOKEN)
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    place = Place(lab, tmp_path)
    machine = place.machine()
    place.turn()
    away = [lambda _request: Reply(503)]

    def leaves() -> None:
        boots(machine)()
        place.turn()
        fake.faults.extend(away)

    def returns() -> None:
        fake.faults.clear()
        ends(machine)()

    rows, lines = _away(place, machine, [leaves, lambda: None, returns])

    assert rows[0].outcome == "passed"
    assert sum("it is asked again" in line for line in lines) == sum("answers again" in line for line in lines) == 1
    fake.faults.extend(away)
    with pytest.raises(NetBoxTransportError):
        _away(place, machine, [])
    fake.faults.clear()
    place.close()


def _away(place: Place, machine: Machine, chapters: Sequence[Callable[[], Any]]) -> tuple[list[ServerRow], list[str]]:
    """Follow a server through chapters in which the validation server itself does not work."""
    lines: list[str] = []
    story = Story(place, chapters)

    def sleep(seconds: float) -> None:
        with contextlib.suppress(NetBoxTransportError):
            Story.sleep(story, seconds)

    clock = mock.Mock(now_s=story.now_s, wall_s=story.wall_s, sleep=sleep)
    options = RunOptions(StateField("status"), watch_only=True, timeout_s=100.0)
    validation = ValidationRun(
        place.netbox, options, lambda _names: Bmcs(), clock, lines.append, register_of(place, "ada")
    )
    return validation.perform([machine.server.name]), lines


def test_a_server_that_never_asks_for_the_image_is_given_up(place: Place) -> None:
    machine = place.machine()

    (row,), _lines = run(place, machine, enable_power_action=True, boot_timeout_s=100.0)

    assert (row.outcome, "nothing was heard of it within" in row.message) == ("failed", True)


def test_a_run_that_is_started_again_follows_servers_at_work_and_powers_them_not(place: Place) -> None:
    machine, bmcs = place.machine(), Bmcs("ON")
    place.turn()
    boots(machine)()
    place.turn()

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True, allow_on=True, chapters=[ends(machine)])

    assert (bmcs.sent, row.outcome, row.powered) == ({}, "passed", False)


def test_a_readmitted_server_is_not_judged_by_its_last_run(place: Place, modules: Modules) -> None:
    machine, bmcs = place.machine(), Bmcs()
    place.turn()
    machine.validate(s02={"outcome": "crashed"})
    place.turn()
    modules.event(place.lab, {"event": "readmitted", "device": machine.server.name, "reason": "repaired"})
    place.turn()

    (row,), _lines = run(place, machine, bmcs=bmcs, enable_power_action=True, chapters=[boots(machine), ends(machine)])

    assert (row.outcome, row.verdict, len(bmcs.sent)) == ("passed", "pass", 1)


def test_following_takes_one_request_a_turn_whatever_the_number_of_servers(
    fake: FakeNetBox, modules: Modules, tmp_path: Path
) -> None:
    lab = Lab(fake.url, TOKEN)
    modules.good("netbox_bootstrap", lab, validation=True, fail_on_missing=False)
    place = Place(lab, tmp_path)
    machines = [place.machine() for _number in range(20)]
    before = len(fake.requests)

    run(place, *machines, watch_only=True, timeout_s=100.0, poll_interval_s=10.0)

    assert len(fake.requests) - before <= 14
    place.close()


def test_addresses_of_bmcs_are_those_that_netbox_has(place: Place) -> None:
    one, two = place.lab.server(ip=(ip := place.lab.new_ip())), place.lab.server()
    netbox: NetBox = place.netbox

    assert bmc_addresses(netbox, {one.id: one.name, two.id: two.name}) == {one.name: ip}


def test_servers_that_have_one_bmc_by_mistake_are_named_before_anything_is_powered() -> None:
    refuse_shared({"a": ("192.0.2.1", 623), "b": ("192.0.2.1", 624), "c": ("192.0.2.2", 623)})

    with pytest.raises(NetBoxConfigError, match=r"^nothing was powered: a, c have one BMC, 192\.0\.2\.1; each"):
        refuse_shared({"a": ("192.0.2.1", 623), "b": ("192.0.2.2", 623), "c": ("192.0.2.1", 623)})
