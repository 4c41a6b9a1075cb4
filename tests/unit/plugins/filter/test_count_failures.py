# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.baremetal.bcm.plugins.filter.count_failures import FilterModule, count_failures
from ansible_collections.baremetal.bcm.plugins.module_utils._provisioning.outcome import Outcome


def test_only_nodes_that_failed_are_counted() -> None:
    results = {str(outcome): {"outcome": str(outcome)} for outcome in Outcome}

    assert count_failures(results) == 1
    assert count_failures({}) == 0
    assert FilterModule().filters() == {"count_failures": count_failures}


@pytest.mark.parametrize("wrong", [{"n1": {}}, {"n1": {"outcome": "well"}}, {"n1": 1}, [], None])
def test_what_bcm_provision_did_not_return_is_refused(wrong: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="needs what bcm_provision returned"):
        count_failures(wrong)
