# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: BSD-2-Clause
"""Firmware images: their checksums before anything is sent, and their bytes piece by piece."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from .._https import errors as https
from .._https.client import HttpsClient
from .._https.exchange import Bounds, HttpRequest, Patience, Streamed
from .._https.retry import Retry
from .._https.tls import Tls
from .errors import RedfishApiError, RedfishConfigError
from .firmware import Image

_PIECE_BYTES = 256 * 1024
_GIB = 1024**3
_BOUNDS = Bounds(wire_bytes=16 * _GIB, body_bytes=16 * _GIB)
_PATIENCE = Patience(10.0, 60.0, 3600.0)


@dataclass(frozen=True)
class CheckedImage:
    """An image whose checksum was right; `stamp` is what changes when somebody changes the file."""

    image: Image
    stamp: tuple[int, int, int] = field(default=(0, 0, 0))

    def as_multipart(self, parameters: Mapping[str, Any]) -> tuple[str, Streamed]:
        """Return the content type and the body that sends it to a MultipartHttpPushUri (DSP0266, 12.6.2).

        Reading it raises RedfishApiError where the file is not the one that was checked any more.
        """
        boundary = f"firmware-{os.urandom(16).hex()}"
        name = "".join(each if each.isalnum() or each in "._-" else "_" for each in Path(self.image.file).name)
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="UpdateParameters"\r\n'
            "Content-Type: application/json\r\n\r\n"
            f"{json.dumps(parameters)}\r\n"
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="UpdateFile"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode("ascii")
        tail = f"\r\n--{boundary}--\r\n".encode("ascii")

        def pieces() -> Iterator[bytes]:
            yield head
            yield from self._pieces()
            yield tail

        size_bytes = len(head) + self.stamp[0] + len(tail)
        return f"multipart/form-data; boundary={boundary}", Streamed(size_bytes, pieces)

    def _pieces(self) -> Iterator[bytes]:
        try:
            with Path(self.image.file).expanduser().open("rb") as file:
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise RedfishApiError(f"{self.image.file} was changed since its checksum was verified")
                while piece := file.read(_PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise RedfishApiError(f"could not read {self.image.file}: {error.strerror}") from error


def check_images(images: Iterable[Image], tls: Tls) -> dict[Image, CheckedImage]:
    """Read each image once, whole but never in memory, and compare its checksum.

    Raises RedfishConfigError for one that can't be read or that is another one; nothing was sent to any BMC then.
    """
    return {image: _checked(image, tls) for image in dict.fromkeys(images)}


def _checked(image: Image, tls: Tls) -> CheckedImage:
    digest = hashlib.sha256()
    stamp = (0, 0, 0)
    if image.file:
        stamp = _read_file(image.file, digest.update)
    else:
        _read_url(image.url, tls, digest.update)
    if digest.hexdigest() != image.sha256:
        raise RedfishConfigError(
            f"the image {image.source} for {image.component} has the SHA-256 {digest.hexdigest()}, which is not the "
            "one that was given; nothing was sent to any BMC"
        )
    return CheckedImage(image, stamp)


def _read_file(path: str, take: Callable[[bytes], object]) -> tuple[int, int, int]:
    try:
        with Path(path).expanduser().open("rb") as file:
            stamp = _stamp(os.fstat(file.fileno()))
            while piece := file.read(_PIECE_BYTES):
                take(piece)
            return stamp
    except OSError as error:
        raise RedfishConfigError(f"could not read the image {path}: {error.strerror}") from error


def _stamp(found: os.stat_result) -> tuple[int, int, int]:
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def _read_url(url: str, tls: Tls, take: Callable[[bytes], object]) -> None:
    parts = urlsplit(url)
    try:
        base = f"{parts.scheme}://{parts.netloc}"
        client = HttpsClient(base, tls, patience=_PATIENCE, limits=_BOUNDS)
    except https.HttpsError as error:
        raise RedfishConfigError(f"could not use the url {url}: {error}") from error
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
    try:
        # What it sends is one image, unpacked by nobody.
        reply = client.send(HttpRequest("GET", path, "GET image", sink=take), Retry(), _PATIENCE)
    except https.NoAnswer as error:
        raise RedfishConfigError(f"could not read the image {url}: {error}; nothing was sent to any BMC") from error
    finally:
        client.close()
    if reply.status != 200:
        raise RedfishConfigError(f"could not read the image {url}: HTTP {reply.status}; nothing was sent to any BMC")
