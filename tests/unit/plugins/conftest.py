# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_connection_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in (
        "HEAD_NODE",
        "PORT",
        "USERNAME",
        "PASSWORD",
        "CLIENT_CERT",
        "CLIENT_KEY",
        "CA_PATH",
        "VALIDATE_CERTS",
        "TLS_SERVER_NAME",
        "TLS_FINGERPRINT",
    ):
        monkeypatch.delenv(f"BCM_{option}", raising=False)
