# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Removal of secrets from texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

BLANK = "********"


def blank(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text by asterisks, as it is and as JSON writes it; empty secrets are ignored."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            text = text.replace(form, BLANK)
    return text


def blank_words(text: str, words: Iterable[str]) -> str:
    """Replace words in a text by asterisks, only where they stand alone: names that may be part of others."""
    for word in filter(None, words):
        text = re.sub(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", BLANK, text)
    return text
