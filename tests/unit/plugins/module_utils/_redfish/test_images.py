# SPDX-License-Identifier: GPL-3.0-or-later
"""Firmware images: large ones are never in memory, whatever becomes of them."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._https.tls import Tls
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.connection import BmcLogin
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.errors import RedfishConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.firmware import BIOS, Image, wanted_of
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.images import check_images
from ansible_collections.baremetal.bcm.plugins.module_utils._redfish.session import Redfish
from ansible_collections.baremetal.bcm.tests.netbox.fake.server import on_loopback
from ansible_collections.baremetal.bcm.tests.unit.plugins.fake_clock import FakeClock
from ansible_collections.baremetal.bcm.tests.unit.plugins.served_files import files_in

MIB = 1024 * 1024


def image_of(content: bytes, *, file: str = "", url: str = "") -> Image:
    return Image(BIOS, wanted_of(">=2", BIOS), file=file, url=url, sha256=hashlib.sha256(content).hexdigest())


class Drain(httpx.BaseTransport):
    """A BMC that reads what comes and keeps its size and sum."""

    def __init__(self) -> None:
        self.size, self.sum, self.headers = 0, hashlib.sha256(), httpx.Headers()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.headers = request.headers
        for piece in request.stream:  # type: ignore[union-attr]
            self.size += len(piece)
            self.sum.update(piece)
        return httpx.Response(202, json={})


def test_an_image_of_many_mebibytes_is_checked_and_sent_in_little_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "bios.bin", 96 * MIB
    with path.open("wb") as file:
        file.truncate(size)
    digest = hashlib.sha256()
    for _mib in range(96):
        digest.update(bytes(MIB))
    image = Image(BIOS, wanted_of(">=2", BIOS), file=str(path), sha256=digest.hexdigest())
    drain = Drain()
    login = BmcLogin("server", "https://10.0.0.1", "user", "password")
    redfish = Redfish(login, FakeClock(), deadline_s=600, read_only=False, http_transport=drain)

    tracemalloc.start()
    try:
        checked = check_images([image], Tls())[image]
        content_type, content = checked.as_multipart({"Targets": []})
        redfish.push("/redfish/v1/push", content_type, content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * MIB
    assert drain.size == len(content) > size
    assert drain.headers["content-length"] == str(drain.size)
    assert "transfer-encoding" not in drain.headers


@pytest.fixture
def files(tmp_path: Path) -> Iterator[str]:
    """A server of files on loopback."""

    with on_loopback(files_in(tmp_path)) as url:
        yield url


def test_an_image_by_url_is_read_for_its_checksum_in_little_memory(files: str, tmp_path: Path) -> None:
    content = b"firmware" * (2 * MIB)
    (tmp_path / "bios.bin").write_bytes(content)
    image = image_of(content, url=f"{files}/bios.bin")
    del content

    tracemalloc.start()
    try:
        check_images([image, image], Tls())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 8 * MIB


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({"url": "{files}/none.bin"}, "HTTP 404; nothing was sent"),
        ({"url": "{files}/bios.bin"}, "which is not the one that was given; nothing was sent"),
        ({"file": "{path}/none.bin"}, "could not read the image"),
        ({"url": "http://127.0.0.1:9/bios.bin"}, "could not read the image"),
    ],
)
def test_an_image_that_can_not_be_had_or_is_another_one_is_refused(
    files: str, tmp_path: Path, where: dict[str, str], said: str
) -> None:
    (tmp_path / "bios.bin").write_bytes(b"another")
    image = image_of(b"ours", **{key: value.format(files=files, path=tmp_path) for key, value in where.items()})

    with pytest.raises(RedfishConfigError, match=said):
        check_images([image], Tls())
