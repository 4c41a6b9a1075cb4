# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the state of a device is read from."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.errors import NetBoxConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.lifecycle.state import StateField

FIELD = StateField("custom_field:lifecycle")


def device(value: Any) -> dict[str, Any]:
    return {"status": {"value": "active"}, "custom_fields": {"lifecycle": value}}


@pytest.mark.parametrize(
    ("value", "state"),
    [("staged", "staged"), ({"value": "staged", "label": "Staged"}, "staged"), (None, ""), ("", "")],
)
def test_a_state_in_a_custom_field_is_read_in_the_form_of_each_version(value: Any, state: str) -> None:
    assert FIELD.of(device(value)) == state


@pytest.mark.parametrize("value", [["staged"], 7, {"value": 7}, {"id": 3, "display": "rack-1"}])
def test_a_custom_field_that_holds_something_else_than_a_state_is_a_clear_error(value: Any) -> None:
    with pytest.raises(NetBoxConfigError, match=r"custom field lifecycle does not hold a state.*Selection"):
        FIELD.of(device(value))
