# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is at work on a node."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import CATEGORY
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.claim import (
    Claim,
    claim_values,
    ends_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.occupant import (
    REACHES_INSTALLATION,
    Occupant,
    occupant_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.phases import Phase
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.status import DeviceStatus
from ansible_collections.baremetal.bcm.plugins.module_utils._values.owner import Owner

ALICE, BOB = Owner("alice", "run1"), Owner("bob", "run2")
NOW_S = 1_700_000_000.0
BOBS = Claim("bob", "run2", NOW_S + 300)
FREE: dict[str, Any] = {}
GIVEN_UP = {"baremetal_intent_failed": "booting"}
COPYING = ("INSTALLING", "provisioning started, waiting for completion")


def claimed(owner: Owner, *, lasts_s: float = 300) -> dict[str, Any]:
    return claim_values(owner, until_s=NOW_S + lasts_s)


# what is noted on the device, its status and message, who is at work on it
TABLE: dict[str, tuple[dict[str, Any], tuple[str, str] | None, Occupant | None]] = {
    "nobody": (FREE, ("DOWN", ""), None),
    "nobody, and UP": (FREE, ("UP", ""), None),
    "nobody, status not known": (FREE, None, None),
    "another run, before power": (claimed(BOB), ("DOWN", ""), Occupant(BOBS, Phase.DOWN)),
    "another run, copying": (claimed(BOB), COPYING, Occupant(BOBS, Phase.INSTALLING, is_installing=True)),
    "another run, status not known": (claimed(BOB), None, Occupant(BOBS)),
    "another run whose claim is over": (claimed(BOB, lasts_s=-1), ("DOWN", ""), None),
    "another run whose claim is over, copying": (
        claimed(BOB, lasts_s=-1),
        COPYING,
        Occupant(None, Phase.INSTALLING, is_installing=True),
    ),
    "a person": (FREE, ("BOOTING", ""), Occupant(None, Phase.BOOTING, is_installing=True)),
    "itself": (claimed(ALICE), COPYING, None),
    "nobody any more": (GIVEN_UP, ("BOOTING", ""), None),
    "a failed installer": (FREE, ("INSTALLER_FAILED", ""), None),
}


@pytest.mark.parametrize(("stored", "seen", "expected"), TABLE.values(), ids=TABLE)
def test_who_is_at_work_on_a_node(
    stored: dict[str, Any], seen: tuple[str, str] | None, expected: Occupant | None
) -> None:
    device = {"extra_values": stored}
    status = DeviceStatus("uuid", *seen) if seen else None

    assert occupant_of(device, status, ALICE, ends_of([device]), NOW_S) == expected


def test_a_claim_that_is_renewed_on_another_node_holds_here_too() -> None:
    device, other = {"extra_values": claimed(BOB, lasts_s=-9)}, {"extra_values": claimed(BOB)}

    assert occupant_of(device, None, ALICE, ends_of([device, other]), NOW_S) == Occupant(BOBS)


def test_the_words_name_owner_and_phase() -> None:
    assert Occupant(BOBS, Phase.QUEUED).words == "claimed by bob until 22:18:20 UTC, in phase queued"
    assert Occupant(BOBS).words == "claimed by bob until 22:18:20 UTC"
    assert Occupant(None, Phase.BOOTING, is_installing=True).words == (
        "being installed, and claimed by nobody, in phase booting"
    )


# What the head node applies to a running node by itself, whatever is installed meanwhile.
NOT_INSTALLED = {
    "device": {"hostname", "roles", "labels", "serial_number", "part_number", "notes", "extra_values"},
    "category": {"name", "roles", "services", "gpu_settings", "notes"},
}


@pytest.mark.parametrize("schema", [DEVICE, CATEGORY], ids=lambda schema: schema.entity)
def test_of_every_option_it_is_known_whether_it_reaches_an_installation(schema: Any) -> None:
    options = {field.option for field in schema.fields} | ({"provisioningInterface"} if schema is DEVICE else set())
    reaches, does_not = REACHES_INSTALLATION[schema.entity], NOT_INSTALLED[schema.entity]

    assert reaches | does_not == options
    assert not reaches & does_not
