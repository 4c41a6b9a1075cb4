# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Log lines `event=… key=value …`, in which no value can forge another or break the line."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z0-9_.:/,+-]+")


def log_line(event: str, **fields: object) -> str:
    """Format one line; a value that is not plain is quoted, with everything but printable ASCII escaped."""
    return " ".join([f"event={event}", *(f"{name}={_value(value)}" for name, value in fields.items())])


def _value(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
