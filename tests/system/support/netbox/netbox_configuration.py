# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of the NetBox that tests/tools/netbox starts."""

from __future__ import annotations

import os

ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DATABASE = {
    "NAME": "netbox",
    "USER": "netbox",
    "PASSWORD": "",
    "HOST": "127.0.0.1",
    "PORT": os.environ["NETBOX_TEST_POSTGRES_PORT"],
    "CONN_MAX_AGE": 300,
}
REDIS = {
    use: {
        "HOST": "127.0.0.1",
        "PORT": int(os.environ["NETBOX_TEST_REDIS_PORT"]),
        "PASSWORD": "",
        "DATABASE": number,
        "SSL": False,
    }
    for number, use in enumerate(("tasks", "caching"))
}
SECRET_KEY = "only-for-tests-on-this-computer-and-nowhere-else-in-the-world"
RELEASE_CHECK_URL = None
# What netbox_bootstrap asks for.
FIELD_CHOICES = {"dcim.Device.status+": (("discovered", "Discovered", "cyan"), ("ready", "Ready", "teal"))}
