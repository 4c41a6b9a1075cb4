# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every plan, whatever is stored and whatever is wanted."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import Plan, plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import CATEGORY
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import Disruption
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.schema import Schema

from ....objects import make_category, make_context, make_device

Raw = dict[str, Any]

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
unknown_keys = st.dictionaries(words.map(lambda text: f"later {text}"), json_values, max_size=3)
usable = st.binary(min_size=6, max_size=6).filter(lambda octets: not octets[0] & 1 and any(octets))
macs = usable.map(lambda octets: ":".join(f"{octet:02x}" for octet in octets))
flags = st.booleans()
states = st.sampled_from(["present", "absent"])
numbers = st.integers(0, 9)


def some_of(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[Raw]:
    """Any subset of these options; None stands for one that was not given."""
    return st.fixed_dictionaries({}, optional={name: st.none() | values for name, values in options.items()})


def elements(key: str, keys: st.SearchStrategy[str], **options: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Raw]]:
    one = st.builds(lambda name, given: {key: name, **given}, keys, some_of(**options, state=states))
    return st.lists(one, max_size=3, unique_by=lambda element: element[key])


bmc_settings = some_of(username=words, password=words, user_id=numbers, extra_arguments=words)
extra_interfaces = elements(
    "name",
    st.sampled_from(["eth0", "eth1", "ens2f0"]),
    type=st.just("physical"),
    mac=macs,
    ip=st.sampled_from(["10.0.0.1", "10.0.0.2"]),
    dhcp=flags,
    network=st.sampled_from(["internalnet", "ipminet", ""]),
).map(
    lambda found: [
        {**element, "type": "physical", "mac": element.get("mac") or "02:00:00:00:00:77"} for element in found
    ]
)
roles = elements("name", st.sampled_from(["provisioning", "boot", "storage"]), max_provisioning_nodes=numbers)
roles = roles.map(
    lambda found: [
        {key: value for key, value in element.items() if key != "max_provisioning_nodes" or element["name"][0] == "p"}
        for element in found
    ]
)


def whole(options: Raw) -> Raw:
    """Without options that need another one which is not there."""
    needs = {"software_image_revision": "software_image", "purge_fsmounts": "fsmounts", "purge_modules": "modules"}
    return {key: value for key, value in options.items() if key not in needs or options.get(needs[key])}


device_options = some_of(
    mac=macs,
    category=st.sampled_from(["default", "gpu"]),
    management_network=st.sampled_from(["internalnet", "ipminet", ""]),
    interfaces=extra_interfaces,
    bmc_settings=bmc_settings,
    power_control=st.sampled_from(["none", "ipmi0"]),
    software_image=st.sampled_from(["default-image", "other-image", ""]),
    software_image_revision=st.integers(-1, 3),
    install_mode=st.sampled_from(["", "AUTO", "FULL", "MINIMAL"]),
    roles=roles,
    labels=st.lists(words, max_size=3),
    kernel_parameters=words,
    boot_loader=st.sampled_from(["GRUB", "grub2", "SYSLINUX", "CATEGORY"]),
    serial_number=words,
    notes=words,
)
device_options = device_options.filter(lambda options: options.get("interfaces") != []).map(whole)
category_options = some_of(
    software_image=st.sampled_from(["default-image", "other-image"]),
    software_image_revision=st.integers(-1, 3),
    install_mode=st.sampled_from(["AUTO", "NOSYNC", "MINIMAL"]),
    management_network=st.sampled_from(["internalnet", ""]),
    bmc_settings=bmc_settings,
    disksetup=st.sampled_from(["", "<diskSetup/>", "<diskSetup>\n<a b='1'/></diskSetup>"]),
    finalize=st.sampled_from(["", "#!/bin/sh\n", "touch /x y"]),
    fsmounts=elements("mountpoint", st.sampled_from(["/home", "/scratch"]), device=words, filesystem=words),
    purge_fsmounts=flags,
    modules=elements("name", st.sampled_from(["a", "b", "c"]), parameters=words),
    purge_modules=flags,
    services=elements("name", st.sampled_from(["s", "t"]), autostart=flags, monitored=flags),
    gpu_settings=elements("name", st.sampled_from(["0-3", "4"]), power_limit=numbers, mig_profiles=st.lists(words)),
    roles=roles,
    notes=words,
).map(whole)


def plan(schema: Schema, stored: Raw, options: Raw) -> Plan:
    given_options = {key: value for key, value in options.items() if value is not None}
    wanted = wanted_of({schema.name_option: schema.name_of(stored), **given_options})
    return plan_present(schema, stored, wanted, make_context())


def after(done: Plan) -> Raw:
    """What the head node stores of it."""
    assert done.desired is not None
    return {**done.desired, "modified": False}


cases = st.one_of(
    st.tuples(
        st.just(DEVICE), unknown_keys.map(lambda keys: {**make_device(), **keys}), device_options, device_options
    ),
    st.tuples(
        st.just(CATEGORY),
        unknown_keys.map(lambda keys: {**make_category(), **keys}),
        category_options,
        category_options,
    ),
)
Case = tuple[Schema, Raw, Raw, Raw]


@given(cases)
@settings(max_examples=80)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(case: Case) -> None:
    schema, stored, first, second = case
    once = after(plan(schema, stored, first))
    twice = after(plan(schema, once, second))

    assert plan(schema, once, first).is_empty
    assert plan(schema, twice, second).is_empty


@given(cases)
@settings(max_examples=80)
def test_what_nobody_named_is_byte_identical(case: Case) -> None:
    schema, stored, options, _other = case
    before = json.dumps(stored)

    desired = after(plan(schema, stored, options))

    named = {field.key for field in schema.fields if options.get(field.option) is not None}
    free = [key for key in stored if key not in named]
    assert json.dumps({key: desired[key] for key in free}) == json.dumps({key: stored[key] for key in free})
    assert set(desired) == set(stored)
    assert json.dumps(stored) == before


@given(cases)
@settings(max_examples=60)
def test_a_sub_entity_that_stays_keeps_its_uuid(case: Case) -> None:
    schema, stored, options, _other = case

    desired = after(plan(schema, stored, options))

    for key in ("interfaces", "fsmounts", "modules"):
        key_of = "mountpoint" if key == "fsmounts" else "name"
        uuids = {item[key_of]: item["uuid"] for item in stored.get(key) or []}
        for item in desired.get(key) or []:
            assert item["uuid"] == uuids.get(item[key_of], item["uuid"])


@given(cases)
@settings(max_examples=60)
def test_a_plan_is_empty_exactly_where_nothing_differs(case: Case) -> None:
    schema, stored, options, _other = case

    done = plan(schema, stored, options)

    assert done.is_empty == (after(done) == stored)
    assert done.is_empty == (not done.changes)
    assert done.disruption is Disruption.NONE or not done.is_empty


@given(cases, st.text(st.characters(categories=("Lu", "Nd")), max_size=20))
@settings(max_examples=60)
def test_no_password_is_in_a_diff(case: Case, end: str) -> None:
    schema, stored, options, _other = case
    password = f"a-secret-{end}"
    given_settings = {**(options.get("bmc_settings") or {}), "password": password}

    done = plan(schema, stored, {**options, "bmc_settings": given_settings})

    shown = json.dumps(done.diff(), ensure_ascii=False)
    assert password not in shown
    assert "bmc-secret" not in shown
