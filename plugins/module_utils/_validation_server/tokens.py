# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""The token of one boot, and the signatures made with it. Pure: randomness is given.

A machine gets 256 random bits. The key of its signatures is their SHA-256, and that is all the server keeps: HMAC needs
the key on both sides, so that a copy of the store could sign for the runs that are under way, but it holds nothing of
what machines were given, and nothing that outlives these runs.
"""

from __future__ import annotations

import hashlib
import hmac

TOKEN_BYTES = 32


def key_of(token: bytes) -> bytes:
    """Return the key of signatures made with a token."""
    return hashlib.sha256(token).digest()


def sign(key: bytes, method: str, path: str, sequence: int, body: bytes) -> str:
    """Return the signature of a request in hexadecimal digits; `path` is as it stands in the request."""
    text = f"{method}\n{path}\n{sequence}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()


def is_signed(signature: str, key: bytes, method: str, path: str, sequence: int, body: bytes) -> bool:
    """Return whether this is the signature; takes as long for a wrong one as for the right one."""
    wanted = sign(key, method, path, sequence, body).encode()
    return hmac.compare_digest(wanted, signature.encode("utf-8", "replace"))
