# SPDX-License-Identifier: GPL-3.0-or-later
"""Assignments, records, facts and requests, any of them."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import KeyValues
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.record import (
    Assignment,
    Record,
    provisioned_values,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Facts, Request

from ...objects import make_context


def recorded(assignment: Assignment | None, intent: Assignment | None = None) -> Record:
    """The record of a node that was provisioned with one assignment and is under way to another."""
    record = Record()
    if assignment:
        values = KeyValues().merge(None, provisioned_values(assignment, wall_s=1), make_context())
        record = Record.from_api(values)
    return replace(record, intent_digest=intent.digest, intent_kernel=intent.kernel) if intent else record


assignments = st.builds(
    Assignment,
    image_uuid=st.sampled_from(["i", "j"]),
    image_name=st.sampled_from(["image", "other"]),
    revision=st.sampled_from([-1, 0, 1]),
    disksetup=st.sampled_from(["d", "e"]),
    token=st.sampled_from(["", "t", "u"]),
    kernel=st.sampled_from(["k", "l"]),
)
records = st.builds(
    lambda record, failed, reassigned: replace(record, intent_failed=failed, reassigned=reassigned),
    st.builds(recorded, st.none() | assignments, st.none() | assignments),
    st.sampled_from(["", "booting"]),
    st.booleans(),
)
statuses = st.sampled_from(
    [
        "UP",
        "DOWN",
        "PENDING",
        "BOOTING",
        "INSTALLING",
        "INSTALLER_REBOOTING",
        "INSTALLER_CALLING_INIT",
        "INSTALLER_FAILED",
        "INSTALLER_UNREACHABLE",
        "GOING_DOWN",
        "UNDEFINED",
    ]
)
all_facts = st.builds(
    Facts,
    assignment=st.none() | assignments,
    record=records,
    status=statuses,
    closed=st.booleans(),
    restart_required=st.booleans(),
    power=st.sampled_from(["ON", "OFF", "UNKNOWN"]),
    power_error=st.sampled_from(["", "", "no answer"]),
    install_mode=st.sampled_from(["AUTO", "FULL", "NOSYNC", "SKIP", "MAIN"]),
    data_node=st.booleans(),
    reassigned=st.booleans(),
    power_sent_since_intent=st.booleans(),
    claimed_by=st.sampled_from(["", "", "bob until 12:00:00 UTC"]),
)
requests = st.builds(
    Request,
    enable_power_action=st.booleans(),
    power_action=st.sampled_from(["power_on", "power_cycle"]),
    token=st.sampled_from(["", "t"]),
    next_boot_install_mode=st.sampled_from(["", "AUTO", "FULL"]),
    adopt=st.booleans(),
    include_closed=st.booleans(),
)
