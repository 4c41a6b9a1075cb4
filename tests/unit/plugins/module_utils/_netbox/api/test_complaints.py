# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What NetBox says when it refuses, in the forms of its versions."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.complaints import (
    complaints_in,
    culprits_of,
    is_missing,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.rights import right_to

DUPLICATE = {"address": ["Duplicate IP address found in global table: 10.0.0.1/24"]}
BULK = {"detail": "2 of 3 objects could not be created.", "errors": [{"index": 0, "errors": DUPLICATE}]}
CHANGED = {"detail": "1 of 3 objects could not be updated.", "errors": [{"id": 17, "errors": {"__all__": ["No."]}}]}


@pytest.mark.parametrize(
    ("said", "complaints"),
    [
        ({"detail": "Not found."}, {"": "Not found."}),
        (DUPLICATE, {"address": DUPLICATE["address"][0]}),
        ([{}, DUPLICATE, {}], {"address": DUPLICATE["address"][0]}),
        (BULK, {"address": DUPLICATE["address"][0]}),
        (CHANGED, {"": "No."}),
        ({"custom_fields": {"a": ["b", "c"]}}, {"custom_fields": "a: b, c"}),
        (None, {}),
        ("no", {"": "no"}),
        ({"errors": "none of ours"}, {"errors": "none of ours"}),
    ],
)
def test_reasons_are_read_by_field_in_each_form(said: Any, complaints: dict[str, str]) -> None:
    assert complaints_in(said) == complaints


@pytest.mark.parametrize(
    ("said", "culprits"),
    [
        ([{}, DUPLICATE, {}], {("index", 1): DUPLICATE}),
        (BULK, {("index", 0): DUPLICATE}),
        (CHANGED, {("id", 17): {"__all__": ["No."]}}),
        (DUPLICATE, {}),
        ([DUPLICATE], {}),
        ({"errors": [3, {"index": "x"}, {}]}, {}),
        (None, {}),
    ],
)
def test_the_objects_at_fault_are_known_where_netbox_names_them(said: Any, culprits: dict[Any, Any]) -> None:
    assert culprits_of(said) == culprits


def test_an_object_that_does_not_exist_is_told_from_one_that_is_refused() -> None:
    assert is_missing({"id": ["Object with ID 17 does not exist"]})
    assert not is_missing({"id": ["A valid integer is required."]})
    assert not is_missing(DUPLICATE)


@pytest.mark.parametrize(
    ("method", "path", "right"),
    [
        ("GET", "dcim/devices/", "dcim.view_device"),
        ("PATCH", "dcim/devices/17/", "dcim.change_device"),
        ("POST", "ipam/ip-addresses/", "ipam.add_ipaddress"),
        ("DELETE", "ipam/ip-addresses/3/", "ipam.delete_ipaddress"),
        ("OPTIONS", "dcim/devices/", ""),
        ("GET", "plugins/unknown/", ""),
    ],
)
def test_the_right_that_a_request_needs_has_netboxs_name(method: str, path: str, right: str) -> None:
    assert right_to(method, path) == right
