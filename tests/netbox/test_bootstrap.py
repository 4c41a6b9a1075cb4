# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netbox_bootstrap finds, creates and says."""

from __future__ import annotations

import ast

import pytest

from ansible_collections.baremetal.bcm.tests.netbox.conftest import REAL, Modules, ack
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import TOKEN, FakeNetBox, served
from ansible_collections.baremetal.bcm.tests.netbox.fake.store import NEW, OLD, Version
from ansible_collections.baremetal.bcm.tests.netbox.lab import Lab


def test_a_custom_field_is_created_and_holds_the_state_while_the_status_stays(lab: Lab, modules: Modules) -> None:
    name = f"lifecycle_{lab.tag}"
    where = {"state_field": f"custom_field:{name}"}

    checked = modules.good("netbox_bootstrap", lab, **where, check=True)
    assert lab.find("extras/custom-fields", name=name) == []
    done = modules.good("netbox_bootstrap", lab, **where)
    again = modules.good("netbox_bootstrap", lab, **where)

    assert (checked["changed"], done["changed"], again["changed"]) == (True, True, False)
    assert checked["diff"] == done["diff"]
    server = lab.server("active", custom_fields={name: "offline"})
    result = modules.event(lab, ack(server.mac, lab.new_ip()), **where)
    assert (result["outcome"], result["state_before"], result["state_after"]) == ("changed", "offline", "discovered")
    assert lab.state(server) == "active"
    assert lab.get("dcim/devices", server.id)["custom_fields"][name] == "discovered"


def test_a_server_whose_custom_field_is_not_set_is_refused(lab: Lab, modules: Modules) -> None:
    name = f"unset_{lab.tag}"
    where = {"state_field": f"custom_field:{name}"}
    modules.good("netbox_bootstrap", lab, **where)
    server = lab.server("offline")

    result = modules.event(lab, ack(server.mac, lab.new_ip()), **where)

    assert result["outcome"] == "refused"
    assert "(unset)" in result["message"]


def test_choices_are_added_to_a_custom_field_that_has_others(lab: Lab, modules: Modules) -> None:
    name = f"few_{lab.tag}"
    field = {"name": name, "type": "select"}
    field["object_types" if lab.version >= (4, 0) else "content_types"] = ["dcim.device"]  # type: ignore[assignment]
    if lab.version >= (3, 6):
        choices = [["burn-in", "Burn-in"], ["offline", "Asleep"]]
        made = lab.add("extras/custom-field-choice-sets", name=f"few {lab.tag}", extra_choices=choices)
        field["choice_set"] = made["id"]
    else:
        field["choices"] = ["burn-in", "offline"]  # type: ignore[assignment]
    lab.add("extras/custom-fields", **field)

    done = modules.good("netbox_bootstrap", lab, state_field=f"custom_field:{name}")
    again = modules.good("netbox_bootstrap", lab, state_field=f"custom_field:{name}")

    assert (done["changed"], again["changed"]) == (True, False)
    (entry,) = done["diff"]
    (key,) = entry["after"]
    assert entry["after"][key][:2] == entry["before"][key]
    assert len(entry["after"][key]) == 8


def test_tags_are_created_once_and_put_on_addresses(lab: Lab, modules: Modules) -> None:
    tag = f"Intake {lab.tag}"
    assert modules.good("netbox_bootstrap", lab, tags=[tag, tag])["created"] == [f"tag {tag}"]
    assert modules.good("netbox_bootstrap", lab, tags=[tag])["changed"] is False
    server, ip = lab.server(), lab.new_ip()

    modules.event(lab, ack(server.mac, ip), tags=[tag])

    assert [each["name"] for each in lab.objects_of(ip)[0]["tags"]] == [tag]


def test_a_tag_that_is_not_there_leaves_the_state_and_says_so(lab: Lab, modules: Modules) -> None:
    server = lab.server()

    message = modules.bad("netbox_lifecycle", lab, events=[ack(server.mac, lab.new_ip())], tags=["no such tag"])

    assert "no such tag" in message
    assert lab.state(server) == "offline"


def test_a_custom_field_that_is_not_there_is_a_clear_failure(lab: Lab, modules: Modules) -> None:
    server = lab.server()
    events = [ack(server.mac, lab.new_ip())]

    message = modules.bad("netbox_lifecycle", lab, events=events, state_field="custom_field:nowhere")

    assert message == "devices have no custom field nowhere: run netbox_bootstrap with the same state_field"
    assert lab.ips(server) == []


def test_statuses_that_are_there_are_enough(lab: Lab, modules: Modules) -> None:
    result = modules.good("netbox_bootstrap", lab)

    assert (result["missing_statuses"], result["field_choices"], result["changed"]) == ([], "", False)


@pytest.mark.skipif(bool(REAL["NETBOX_URL"]), reason="a NetBox that lacks the statuses is made, not found")
@pytest.mark.parametrize("version", [OLD, NEW], ids=str)
def test_what_must_stand_in_field_choices_is_said_as_python_that_can_be_copied(
    version: Version, modules: Modules
) -> None:
    with served(FakeNetBox(version, extra_statuses=())) as netbox:
        lab = Lab(netbox.url, TOKEN)
        result = modules.run("netbox_bootstrap", lab, tags=["intake"])
        quiet = modules.good("netbox_bootstrap", lab, fail_on_missing=False)

    assert result["failed"]
    assert result["created"] == ["tag intake"]
    assert quiet["missing_statuses"] == ["discovered", "ready"]
    name, _equals, value = quiet["field_choices"].partition(" = ")
    assert name == "FIELD_CHOICES"
    assert [each[0] for each in ast.literal_eval(value)["dcim.Device.status+"]] == ["discovered", "ready"]
    assert result["field_choices"] in result["msg"]
