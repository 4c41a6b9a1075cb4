# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a head node's own nodes: what it lists, what a run with it does, and what it must never say."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.tests.integration.support.playbook import FAST, PARALLEL, Listing
from ansible_collections.baremetal.bcm.tests.integration.support.rack import DEMO_NODES, ROOT, demo_rack, new_rack
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site, site

PLANT = "pl4nted-s3cret"
PLUGIN = {"plugin": "baremetal.bcm.bcm"}
PLUGINS = sorted(path.stem for path in (ROOT / "plugins/inventory").glob("*.py"))
FOUR = {"getDevices": 1, "getCategories": 1, "getSoftwareImages": 1, "getStatusForDevices": 1}


@contextlib.contextmanager
def opened(rack: dict[str, Any], directory: Path) -> Iterator[Site]:
    """Open a site whose inventory is the plugin's."""
    with site(rack, directory, inventory=yaml.safe_dump(PLUGIN), name="bcm.yml") as where:
        yield where


def list_with(where: Site, *options: str, environment: dict[str, str] | None = None, **given: Any) -> Listing:
    (where.directory / "bcm.yml").write_text(yaml.safe_dump({**PLUGIN, **given}), encoding="utf-8")
    return where.ansible.inventory(*options, environment=environment)


def kept_in(directory: Path) -> dict[str, Any]:
    return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(directory / "kept")}


def calls_of(where: Site) -> dict[str, int]:
    return {name: count for name, count in where.rack.call_counts().items() if name != "login"}


@pytest.fixture(scope="class")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(demo_rack(devices="all"), tmp_path_factory.mktemp("site")) as opened_site:
        yield opened_site


@pytest.mark.meets_ansible
class TestInventory:
    def test_all_nodes_are_hosts_in_four_calls_and_nothing_else_is_one(self, where: Site) -> None:
        where.rack.forget_calls()

        listing = list_with(where)

        assert listing.groups["bcm_nodes"] == sorted(DEMO_NODES)
        assert set(listing.hosts) == set(DEMO_NODES)
        assert calls_of(where) == FOUR
        assert where.rack.mutating_calls() == []
        assert {each["childType"] for each in where.rack.head_node.devices().values()} == {"PhysicalNode", "HeadNode"}

    def test_groups_are_made_of_what_the_nodes_have(self, where: Site) -> None:
        listing = list_with(where, group_by=["category", "image", "state", "rack", "partition", "label"])

        assert listing.groups["bcm_partition_base"] == sorted(DEMO_NODES)
        assert listing.groups["bcm_state_down"] == sorted(DEMO_NODES)
        categories = {name: hosts for name, hosts in listing.groups.items() if name.startswith("bcm_category_")}
        assert sorted(host for hosts in categories.values() for host in hosts) == sorted(DEMO_NODES)
        assert [name for name in listing.groups if name.startswith("bcm_image_")]

    def test_a_group_has_the_nodes_that_bcm_device_info_finds(self, where: Site) -> None:
        listing = list_with(where)
        told = where.ansible.tasks([{"baremetal.bcm.bcm_device_info": {}}])
        devices = told.of("bcm_device_info")[0].result["devices"]

        for category in {str(each["category"]) for each in devices if each["type"] == "PhysicalNode"}:
            group = f"bcm_category_{category.replace('-', '_')}"
            assert listing.groups[group] == [each["hostname"] for each in devices if each.get("category") == category]

    def test_options_of_constructed_inventories_work_and_strict_tells_of_mistakes(self, where: Site) -> None:
        keyed = [{"key": "bcm_node.state | lower", "prefix": "now"}]
        made = list_with(where, compose={"ansible_host": "bcm_node.management_ip"}, keyed_groups=keyed)
        wrong = list_with(where, compose={"x": "there_is_no.such_thing"}, strict=True)

        assert made.hosts["dgx-05"]["ansible_host"] == "10.184.162.109"
        assert made.groups["now_down"] == sorted(DEMO_NODES)
        assert wrong.rc != 0
        assert "Could not set x" in wrong.errors

    def test_filters_take_some_of_the_nodes_and_omitted_variables_are_left_to_groups(self, where: Site) -> None:
        listing = list_with(where, filters={"name": "dgx-*", "state": "down"}, omit_variables=["bcm_category"])

        assert listing.groups["bcm_nodes"] == ["dgx-05", "dgx-06"]
        assert "bcm_category" not in listing.hosts["dgx-05"]
        assert listing.hosts["dgx-05"]["bcm_mac"] == "94:6D:AE:5C:05:01"

    @pytest.mark.parametrize("plugin", PLUGINS)
    @pytest.mark.parametrize(
        "given", [{"passwrd": PLANT}, {"password": [PLANT]}, {"password": PLANT}, {"token": PLANT}]
    )
    def test_no_secret_in_a_wrong_place_is_printed_by_any_plugin(
        self, where: Site, plugin: str, given: dict[str, Any]
    ) -> None:
        where.rack.forget_calls()

        listing = list_with(where, "--list", "-vvv", plugin=f"baremetal.bcm.{plugin}", username="admin", **given)

        assert listing.rc != 0
        assert PLANT not in listing.output + listing.errors
        assert where.rack.mutating_calls() == []

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"filter": {}}, "no such option: filter"),
            ({"filters": {"category": "defualt"}}, "there is no category 'defualt' on the head node; existing:"),
            ({"port": 9}, "no usable answer from https://127.0.0.1:9: [Errno 111] Connection refused"),
            ({"username": "admin", "password": "wrong"}, "login"),
            ({"tls_fingerprint": "00" * 32}, "fingerprint"),
            ({"ca_path": "/nonexistent"}, "does not exist"),
            ({"group_by": ["colour"]}, "colour"),
        ],
    )
    def test_what_cannot_be_read_ends_ansible_with_its_reason(
        self, where: Site, given: dict[str, Any], message: str
    ) -> None:
        listing = list_with(where, **given)
        play = where.ansible.play("status", variables=FAST)

        assert listing.rc != 0
        assert "Traceback" not in listing.errors
        assert message in " ".join(listing.errors.split())
        assert listing.output.strip() == ""
        assert play.rc != 0
        assert "PLAY [" not in play.output

    def test_the_cache_answers_without_a_call_and_only_who_has_asked(self, where: Site) -> None:
        kept: dict[str, Any] = {
            "cache": True,
            "cache_plugin": "ansible.builtin.jsonfile",
            "cache_connection": str(where.directory / "kept"),
        }
        first = list_with(where, **kept)
        where.rack.forget_calls()
        second = list_with(where, **kept)
        calls = calls_of(where)
        other = list_with(where, **kept, environment={"BCM_USERNAME": "other", "BCM_PASSWORD": "other"})
        untrusting = list_with(where, **kept, environment={"BCM_CA_PATH": ""})
        files = "".join(path.read_text(encoding="utf-8") for path in (where.directory / "kept").iterdir())

        assert first.hosts == second.hosts
        assert calls == {}
        assert other.rc != 0
        assert untrusting.rc != 0
        assert "demo-head-node" not in files

    def test_calls_are_shown_beside_the_list(self, where: Site) -> None:
        listing = list_with(where, debug_calls=True)

        assert set(listing.hosts) == set(DEMO_NODES)
        assert "cmdevice.getDevices: HTTP 200" in listing.errors


class TestWhatIsStored:
    def test_no_secret_is_listed_whatever_field_holds_it(self, tmp_path: Path) -> None:
        with opened(demo_rack(devices="all"), tmp_path) as where:
            head_node = where.rack.head_node
            node = head_node.devices()["dgx-05"]
            settings = {**(node["bmcSettings"] or {"baseType": "BMCSettings"}), "userName": PLANT, "password": PLANT}
            fields = ("initialize", "finalize", "userdefined1", "userdefined2", "excludeListSync")
            scripts = {name: f"#!/bin/sh\n# {PLANT}\n" for name in fields if name in node}
            head_node.update(node, bmcSettings=settings, extra_values={"others": PLANT}, **scripts)
            category = head_node.categories()[sorted(head_node.categories())[0]]
            head_node.update(category, bmcSettings=settings, initialize=f"#!/bin/sh\n# {PLANT}\n")

            listing = list_with(
                where,
                group_by=["category", "image", "state", "rack", "partition", "label"],
                **kept_in(tmp_path),
                debug_calls=True,
            )
            files = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "kept").iterdir())

            assert json.dumps(head_node.devices()["dgx-05"]).count(PLANT) >= 3
            assert "dgx-05" in listing.hosts
            assert PLANT not in listing.output + listing.errors + files

    def test_odd_words_are_listed_and_none_is_taken_for_a_template(self, tmp_path: Path) -> None:
        with opened(demo_rack(devices="all"), tmp_path) as where:
            head_node = where.rack.head_node
            notes = "{{ lookup('ansible.builtin.pipe', 'touch " + str(tmp_path / "run") + "') }}"
            head_node.update(head_node.devices()["dgx-05"], notes=notes, userDefinedResources=["Grüße aus Köln", "[x]"])
            zero = "00000000-0000-0000-0000-000000000000"
            head_node.update(head_node.devices()["dgx-06"], notes="Grüße", rackPosition=None, softwareImageProxy=None)

            told = where.ansible.tasks([{"ansible.builtin.debug": {"msg": "{{ bcm_notes }}"}}], hosts="bcm_nodes")
            listing = list_with(where)

            assert {"dgx-05", "dgx-06"} <= set(listing.groups["bcm_nodes"])
            assert listing.groups["bcm_label_Grüße_aus_Köln"] == ["dgx-05"]
            assert [each.result["msg"] for each in told.of("debug") if each.host == "dgx-06"] == ["Grüße"]
            assert not (tmp_path / "run").exists()
            assert zero not in listing.output

    def test_of_a_pair_the_head_node_that_is_active_is_asked_and_none_becomes_a_host(self, tmp_path: Path) -> None:
        with opened(demo_rack(devices="all", passive="head-2"), tmp_path) as where:
            assert "," in where.rack.environment["BCM_HEAD_NODE"]
            before = list_with(where)
            where.rack.take_over(away_s=600)
            after = list_with(where, connect_timeout=5)

            assert set(before.hosts) == set(after.hosts) == set(DEMO_NODES), after.errors

    def test_an_expired_certificate_is_named(self, tmp_path: Path) -> None:
        with opened(demo_rack(devices="all", certificate_days=0), tmp_path) as where:
            listing = list_with(where)

            assert listing.rc != 0
            assert "expired" in listing.errors
            assert listing.output.strip() == ""


@pytest.mark.parametrize("nodes", [5, 100])
def test_what_is_stored_fed_back_has_nothing_to_do_in_either_mode(nodes: int, tmp_path: Path) -> None:
    rack = new_rack(nodes, devices="all")
    for machine in rack["machines"]:
        machine["power"] = "on"
    with opened(rack, tmp_path) as where:
        where.rack.wait_for_states("UP", *where.rack.states())
        where.rack.forget_calls()
        listing = list_with(where)
        calls = calls_of(where)
        adopted = where.ansible.play("provision", variables={**PARALLEL, "bcm_adopt": True})
        where.rack.forget_calls()
        checked = [
            where.ansible.play("provision", "--check", "--diff", variables={**PARALLEL, "bcm_provisioning_mode": mode})
            for mode in ("sequential", "parallel")
        ]

        assert len(listing.groups["bcm_nodes"]) == len(listing.groups["bcm_state_up"]) == nodes
        assert calls == FOUR
        assert adopted.rc == 0, adopted.output
        assert where.rack.mutating_calls() == []
        for run in checked:
            assert run.rc == 0, run.output
            assert run.changed_tasks == []
            assert set(run.actions.values()) == {"nothing"}
            assert len(run.actions) == nodes
