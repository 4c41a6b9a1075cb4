# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.client import HttpsClient
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish import session

from ..fake_bmc import FakeBmc


@pytest.fixture
def bmcs(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeBmc]:
    """No BMCs yet; modules find those that a test adds, each at an address of its name."""
    found: dict[str, FakeBmc] = {}
    transport = httpx.MockTransport(lambda request: found[request.url.host].handle(request))
    monkeypatch.setattr(
        session, "HttpsClient", lambda *args, **options: HttpsClient(*args, **{**options, "http_transport": transport})
    )
    return found
