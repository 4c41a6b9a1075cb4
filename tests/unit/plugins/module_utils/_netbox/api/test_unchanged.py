# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ETags as NetBox makes them."""

from __future__ import annotations

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._netbox.api.unchanged import etag_of


@pytest.mark.parametrize(
    ("last_updated", "etag"),
    [
        ("2026-01-02T03:04:05.678901Z", 'W/"2026-01-02T03:04:05.678901+00:00"'),
        ("2026-01-02T03:04:05Z", 'W/"2026-01-02T03:04:05+00:00"'),
        ("2026-01-02T05:04:05.600000+02:00", 'W/"2026-01-02T03:04:05.600000+00:00"'),
        ("", 'W/"unknown"'),
    ],
)
def test_an_etag_is_made_of_the_time_of_the_last_change(last_updated: str, etag: str) -> None:
    assert etag_of(last_updated) == etag
