# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import json
import zlib
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.decide import Action, Decision, Planned
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.node_run import NodeResult
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.plan_file import (
    PlannedEntity,
    RunPlan,
    differences,
    entity_of,
    read_plan,
)

NOTES = {"notes": {"before": "a", "after": "b"}}
PLAN = RunPlan(
    cluster="one",
    request={"bcm_power_action": "power_on", "bcm_max_nodes": None},
    categories={"gpu": PlannedEntity("x1", "update", NOTES, ("n1",))},
    devices={"n1": PlannedEntity("y1", "update", NOTES), "n2": PlannedEntity("y2")},
    nodes={"n1": Planned("power_on", "d1", "image"), "n2": Planned()},
)


@pytest.mark.parametrize("written", [PLAN.to_text(), PLAN.to_word()], ids=["text", "word"])
def test_a_plan_is_read_back_as_it_was_written(written: str) -> None:
    assert read_plan(written, "plan.json") == PLAN
    assert read_plan(written, "plan.json").digest == PLAN.digest


def test_the_word_holds_nothing_that_a_template_could_take_for_its_own() -> None:
    odd = replace(PLAN, cluster="{{ lookup('pipe', 'id') }} {% raw %}")

    assert set(odd.to_word()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    assert read_plan(odd.to_word(), "x") == odd


def changed(**values: Any) -> str:
    return json.dumps({**json.loads(PLAN.to_text()), **values})


BROKEN: dict[str, tuple[str, str]] = {
    "empty": ("", "is no plan"),
    "not JSON": ("{", "is no plan"),
    "a list": ("[]", "is no plan"),
    "another file": ('{"nodes": {}}', "is no plan"),
    "changed by hand": (changed(cluster="two"), "was changed after it was written"),
    "another digest": (changed(digest="0"), "was changed after it was written"),
    "a later format": (changed(format=2), "was written by another version"),
    "half a word": (PLAN.to_word()[:40], "is no plan"),
    "no base64": ("ä", "is no plan"),
    "a bomb": (base64.b64encode(zlib.compress(b" " * 70_000_000, 9)).decode(), "is no plan"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_anything_else_is_refused_by_its_name(text: str, said: str) -> None:
    with pytest.raises(BcmConfigError, match=rf"plan\.json {said}.*--check"):
        read_plan(text, "plan.json")


def test_a_plan_with_a_right_digest_that_makes_no_sense_is_refused() -> None:
    body = {key: value for key, value in json.loads(PLAN.to_text()).items() if key not in ("format", "digest")}
    body["nodes"]["n1"]["colour"] = "blue"
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

    with pytest.raises(BcmConfigError, match="is no plan"):
        read_plan(json.dumps({"format": 1, "digest": digest, **body}), "plan.json")


DIFFERENT: dict[str, tuple[RunPlan, list[str]]] = {
    "nothing": (PLAN, []),
    "all is done": (
        replace(
            PLAN,
            categories={"gpu": PlannedEntity("x1")},
            devices={"n1": PlannedEntity("y1"), "n2": PlannedEntity("y2")},
        ),
        [],
    ),
    "another cluster": (replace(PLAN, cluster="two"), ["it was made for another cluster"]),
    "another variable": (
        replace(PLAN, request={**PLAN.request, "bcm_power_action": "power_cycle"}),
        ['bcm_power_action is "power_cycle", the plan has "power_on"'],
    ),
    "fewer nodes": (
        replace(PLAN, nodes={"n1": PLAN.nodes["n1"]}, devices={"n1": PLAN.devices["n1"]}),
        ["1 node of the plan not in this run: n2"],
    ),
    "more nodes": (replace(PLAN, nodes={**PLAN.nodes, "n3": Planned()}), ["1 node of this run not in the plan: n3"]),
    "no categories": (replace(PLAN, categories={}), ["1 category of the plan not in this run: gpu"]),
    "other variables of two nodes": (
        replace(PLAN, devices={"n1": PlannedEntity("z"), "n2": PlannedEntity("z")}),
        ["device n1, n2: its variables have changed"],
    ),
    "someone changed it since": (
        replace(
            PLAN,
            devices={**PLAN.devices, "n1": PlannedEntity("y1", "update", {"notes": {"before": "c", "after": "b"}})},
        ),
        ['device n1: notes would change from "c" to "b", which the plan does not say'],
    ),
    "a change that was none": (
        replace(PLAN, devices={**PLAN.devices, "n2": PlannedEntity("y2", "update", NOTES)}),
        ['device n2: notes would change from "a" to "b", which the plan does not say'],
    ),
    "more members": (
        replace(PLAN, categories={"gpu": PlannedEntity("x1", "update", NOTES, ("n1", "n7"))}),
        ["category gpu: it would also have these installed anew: n7"],
    ),
}


@pytest.mark.parametrize(("now", "said"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_differs_is_named_and_what_is_done_is_no_difference(now: RunPlan, said: list[str]) -> None:
    assert differences(PLAN, now, {}) == said


def test_a_thousand_nodes_that_differ_alike_are_one_sentence() -> None:
    refused = Decision(Action.REFUSE, "the plan says power_on image, now it is skip (CLOSED)", is_off_plan=True)
    held = {f"n{number}": NodeResult(f"n{number}", refused, Outcome.SKIPPED) for number in range(1000)}

    (said,) = differences(PLAN, PLAN, held)

    assert said.endswith("n8, n9 and 990 more: the plan says power_on image, now it is skip (CLOSED)")


def test_secrets_are_left_out_and_long_texts_are_digests() -> None:
    settings: dict[str, Any] = {"username": "hidden-user", "password": "hidden-password", "privilege": "USER"}
    options: dict[str, Any] = {
        "hostname": "n1",
        "bmc_settings": settings,
        "interfaces": [{"name": "ipmi0", "password": "hidden-too"}],
    }
    diff: dict[str, Any] = {
        "before": {"bmc_settings": {"username": "old-user", "password": "********"}, "finalize": None},
        "after": {
            "bmc_settings": {**settings, "password": "******** (changed)"},
            "finalize": "#!/bin/sh\necho hidden-script\n",
        },
    }

    entity = entity_of(options, {"action": "update"}, diff)

    written = replace(PLAN, devices={"n1": entity}).to_text()
    for secret in ("hidden-user", "hidden-password", "hidden-too", "old-user", "hidden-script"):
        assert secret not in written
    assert entity.changes["bmc_settings"]["after"] == {
        "username": "********",
        "password": "******** (changed)",
        "privilege": "USER",
    }
    assert str(entity.changes["finalize"]["after"]).startswith("2 lines, SHA-256 ")
    other = {**options, "bmc_settings": {**settings, "password": "another"}}
    assert entity_of(other, {"action": "update"}, diff).wanted == entity.wanted
    assert entity_of({**options, "notes": "x"}, {"action": "update"}, diff).wanted != entity.wanted
