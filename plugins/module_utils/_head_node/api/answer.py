# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""What a head node answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An answer: the HTTP status and the decoded JSON. A body that is not JSON is in `text`, and `value` is None."""

    status: int
    value: Any
    is_json: bool
    text: str = field(repr=False, default="")

    @property
    def is_login_page(self) -> bool:
        """Return whether it is the page that asks a browser to log in."""
        return not self.is_json and self.status == 200 and "<html" in self.text[:2000].lower()
