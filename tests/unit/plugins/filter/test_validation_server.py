# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.filter.validation_server import FilterModule

validation_server = FilterModule().filters()["validation_server"]
HOST = {"inventory_hostname": "dgx-05.example", "validation_bmc_username": "admin"}


@pytest.mark.parametrize(
    ("variables", "server"),
    [
        ({"inventory_hostname": "dgx-05"}, {"name": "dgx-05"}),
        (HOST, {"name": "dgx-05.example", "username": "admin"}),
        (
            {**HOST, "validation_name": "dgx-05", "validation_bmc_address": "127.0.0.5", "validation_bmc_port": 6230},
            {"name": "dgx-05", "address": "127.0.0.5", "port": 6230, "username": "admin"},
        ),
        ({**HOST, "validation_bmc_password": None}, {"name": "dgx-05.example", "username": "admin"}),
    ],
)
def test_a_host_gives_the_server_and_those_options_that_its_variables_have(
    variables: dict[str, Any], server: dict[str, Any]
) -> None:
    assert validation_server(variables) == server


def test_variables_that_are_not_those_of_a_host_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="needs the variables of a host"):
        validation_server({"validation_bmc_username": "admin"})
