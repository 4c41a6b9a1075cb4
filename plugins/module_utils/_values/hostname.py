# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Host names that machines give themselves."""

from __future__ import annotations

import re

_LONGEST_LABEL = 63  # RFC 1123, section 2.1
_NOT_IN_A_LABEL = re.compile("[^a-z0-9]+")


def clean_hostname(text: str) -> str:
    """Make a host name's first label one of RFC 1123: `Demo_GPU 01.example.com` becomes `demo-gpu-01`.

    Letters are lower case, anything that is no letter of ASCII and no digit becomes one hyphen, hyphens at the ends go;
    "" where nothing is left. NetBox takes every result as a `dns_name`. Cleaning twice changes nothing. The DHCP tap
    follows the same rule by itself (`_dhcp_tap/packet`).
    """
    label = text.partition("\0")[0].partition(".")[0].encode("ascii", "replace").decode("ascii").lower()
    return _NOT_IN_A_LABEL.sub("-", label)[:_LONGEST_LABEL].strip("-")
