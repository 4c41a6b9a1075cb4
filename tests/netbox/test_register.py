# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Claims on BMCs and their certificates in NetBox: who has one, for how long, and what of it others see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.client import NetBox
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.connection import (
    NetBoxConnection,
    NetBoxTransport,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.register import DeviceRegister
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner
from ansible_collections.baremetal.bcm.tests.netbox.conftest import Modules
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import FakeNetBox, Reply
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab

Make = Callable[..., DeviceRegister]
A, B = "a" * 64, "b" * 64


class Clock:
    """A clock that stands until somebody sleeps; `meanwhile` is what others do then."""

    def __init__(self) -> None:
        self.time_s = 1_790_000_000.0
        self.meanwhile: Callable[[], object] = lambda: None

    def now_s(self) -> float:
        return self.time_s

    def wall_s(self) -> int:
        return int(self.time_s)

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds
        self.meanwhile()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def name(lab: Lab, modules: Modules) -> str:
    """A server in a NetBox that is prepared for hardening."""
    modules.good("netbox_bootstrap", lab, hardening=True, fail_on_missing=False)
    return lab.server("staged").name


@pytest.fixture
def register(clock: Clock) -> Iterator[Callable[..., DeviceRegister]]:
    """What makes the register of one run."""
    with ExitStack() as stack:

        def made(lab: Lab, run: str, *, dead: str = "") -> DeviceRegister:
            netbox = stack.enter_context(closing(NetBox(NetBoxTransport(NetBoxConnection(lab.url, lab.token)))))
            return DeviceRegister(netbox, clock, Owner(f"{run}@pc", run, lambda other: other == dead))

        yield made


def field(lab: Lab, name: str, which: str = "bmc_claim") -> object:
    (device,) = lab.find("dcim/devices", name=name)
    return device["custom_fields"][which]


def test_a_second_run_is_refused_with_the_name_of_the_first_until_that_gives_back(
    lab: Lab, name: str, register: Make
) -> None:
    ada, bob = register(lab, "ada"), register(lab, "bob")

    assert ada.claim([name]) == {}
    told = bob.claim([name])[name]
    bob.release()
    assert ada.problem(name) == ""
    ada.release()

    assert "ada@pc until " in told
    assert "nothing was written" in told
    assert field(lab, name) is None
    assert bob.claim([name]) == {}


def test_a_claim_that_was_not_renewed_is_over(lab: Lab, name: str, clock: Clock, register: Make) -> None:
    ada, bob = register(lab, "ada"), register(lab, "bob")
    ada.claim([name])

    clock.time_s += ada.lease_s - 1
    ada.renew()
    clock.time_s += ada.lease_s - 1
    assert "ada@pc" in bob.claim([name])[name]
    clock.time_s += 1

    assert "could not be reached to renew" in ada.problem(name)
    assert bob.claim([name]) == {}
    ada.renew()
    assert "bob@pc" in ada.problem(name)
    ada.release()
    assert bob.problem(name) == ""
    assert field(lab, name) is not None


def test_what_was_given_back_early_is_not_renewed_and_the_rest_is_held(
    lab: Lab, name: str, clock: Clock, register: Make
) -> None:
    ada, bob, other = register(lab, "ada"), register(lab, "bob"), lab.server("staged").name
    ada.claim([name, other])

    assert ada.release([name])
    clock.time_s += ada.lease_s - 1
    ada.renew()

    assert field(lab, name) is None
    assert ada.problem(name) == "it is not claimed"
    assert [*bob.claim([name, other])] == [other]
    assert ada.release()
    assert (field(lab, other), bob.problem(name)) == (None, "")


def test_a_claim_that_netbox_kept_is_not_called_given_back_and_is_given_back_later(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, register: Make
) -> None:
    modules.good("netbox_bootstrap", broken_lab, hardening=True, fail_on_missing=False)
    name, ada = broken_lab.server("staged").name, register(broken_lab, "ada")
    assert ada.claim([name]) == {}
    fake.faults.append(lambda request: Reply(404, {"detail": "Not found."}) if request.method == "PATCH" else None)

    assert not ada.release([name])
    assert field(broken_lab, name) is not None
    fake.faults.clear()
    assert ada.release()
    assert field(broken_lab, name) is None


def test_the_claim_of_a_run_that_is_known_to_be_dead_is_taken_over(lab: Lab, name: str, register: Make) -> None:
    register(lab, "ada").claim([name])

    assert register(lab, "bob", dead="ada").claim([name]) == {}


def test_a_claim_that_somebody_removed_by_hand_is_lost(lab: Lab, name: str, register: Make) -> None:
    ada = register(lab, "ada")
    ada.claim([name])

    (device,) = lab.find("dcim/devices", name=name)
    lab.change("dcim/devices", device["id"], custom_fields={"bmc_claim": None})
    ada.renew()

    assert "removed" in ada.problem(name)


def test_somebody_else_who_changes_the_device_costs_no_claim(lab: Lab, name: str, clock: Clock, register: Make) -> None:
    ada = register(lab, "ada")
    ada.claim([name])

    (device,) = lab.find("dcim/devices", name=name)
    lab.change("dcim/devices", device["id"], comments="moved to another rack")
    ada.renew()
    clock.time_s += ada.lease_s - 1

    assert ada.problem(name) == ""
    assert ada.pin({name: A}) == {}
    assert field(lab, name, "bmc_certificate") == A


def test_of_two_that_claim_at_the_same_moment_one_has_it(
    fake: FakeNetBox, broken_lab: Lab, modules: Modules, register: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules.good("netbox_bootstrap", broken_lab, hardening=True, fail_on_missing=False)
    name = broken_lab.server("staged").name
    ada, bob = register(broken_lab, "ada"), register(broken_lab, "bob")
    told: list[dict[str, str]] = []
    write = NetBox.update_many

    def cut_in(netbox: NetBox, *given: Any, **more: Any) -> Any:
        # Both have read that it is free; bob writes first.
        if not told:
            told.append({})
            told[0] = bob.claim([name])
        return write(netbox, *given, **more)

    monkeypatch.setattr(NetBox, "update_many", cut_in)
    refused = ada.claim([name])

    if fake.store.version >= (4, 6):
        assert "bob@pc" in refused[name]
        return
    # Without If-Match the last to write has it; the other finds out before it goes on, or when it renews.
    assert refused == {}
    bob.renew()
    assert "ada@pc" in bob.problem(name)


def test_a_certificate_is_pinned_once_and_another_one_is_not_taken_for_it(lab: Lab, name: str, register: Make) -> None:
    ada = register(lab, "ada")
    ada.claim([name])

    assert ada.pin({name: A}) == {}
    told = ada.pin({name: B})[name]

    assert A in told
    assert B in told
    assert ada.certificates([name]) == {name: A}


def test_a_server_that_netbox_does_not_know_is_refused(lab: Lab, name: str, register: Make) -> None:
    refused = register(lab, "ada").claim([name, "nobody-1"])

    assert refused == {"nobody-1": "NetBox has no device called nobody-1; nothing was written"}


def test_without_the_custom_fields_it_says_what_makes_them(broken_lab: Lab, register: Make) -> None:
    name = broken_lab.server("staged").name

    with pytest.raises(NetBoxConfigError, match="netbox_bootstrap with hardening: true"):
        register(broken_lab, "ada").claim([name])


def test_many_claims_take_few_requests(fake: FakeNetBox, broken_lab: Lab, modules: Modules, register: Make) -> None:
    modules.good("netbox_bootstrap", broken_lab, hardening=True, fail_on_missing=False)
    names = [broken_lab.server("staged").name for _number in range(60)]
    ada = register(broken_lab, "ada")
    fake.requests.clear()

    assert ada.claim(names) == {}
    assert ada.pin(dict.fromkeys(names, A)) == {}
    ada.renew()
    ada.release()

    assert len(fake.requests) <= 20


def test_the_rights_that_are_documented_are_enough(lab: Lab, name: str, register: Make) -> None:
    ada = register(lab.restricted("dcim.view_device", "dcim.change_device"), "ada")

    assert ada.claim([name]) == {}
    assert ada.pin({name: A}) == {}
    ada.release()
    assert register(lab.restricted("dcim.view_device"), "bob").certificates([name]) == {name: A}


def test_a_certificate_that_is_replaced_is_trusted_beside_the_one_of_before_until_it_is_shown(
    lab: Lab, name: str, register: Make
) -> None:
    ada = register(lab, "ada")
    ada.claim([name])
    assert ada.expect({name: (A, B)}) == {}
    assert field(lab, name, "bmc_certificate") is None  # nothing is pinned, as where an authority is trusted
    ada.pin({name: A})

    assert ada.expect({name: (A, B)}) == {}
    assert field(lab, name, "bmc_certificate") == f"{A} {B}"
    assert ada.certificates([name]) == {name: f"{A} {B}"}
    assert ada.pin({name: B}) == {}
    assert ada.expect({name: (A, B)}) == {}
    assert field(lab, name, "bmc_certificate") == f"{A} {B}"
    ada.settle({name: "c" * 64})
    assert field(lab, name, "bmc_certificate") == f"{A} {B}"
    ada.settle({name: B})
    assert field(lab, name, "bmc_certificate") == B


def test_a_certificate_that_nobody_pinned_is_not_replaced(lab: Lab, name: str, register: Make) -> None:
    ada = register(lab, "ada")
    ada.claim([name])
    ada.pin({name: A})

    refused = ada.expect({name: (B, "c" * 64)})

    assert refused == {name: f"NetBox has another certificate ({A}) than it shows ({B})"}
    assert field(lab, name, "bmc_certificate") == A


def test_a_certificate_follows_though_somebody_else_changes_the_device(lab: Lab, name: str, register: Make) -> None:
    ada = register(lab, "ada")
    ada.claim([name])
    colons = ":".join(A[index : index + 2] for index in range(0, 64, 2)).upper()
    (device,) = lab.find("dcim/devices", name=name)
    lab.change("dcim/devices", device["id"], comments="moved", custom_fields={"bmc_certificate": colons})
    ada.renew()
    lab.change("dcim/devices", device["id"], comments="moved again")

    assert ada.expect({name: (A, B)}) == {}
    assert field(lab, name, "bmc_certificate") == f"{colons} {B}"
