# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites for the tests. The tests of a class share one, and check the runs that its fixture made on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from ansible_collections.baremetal.bcm.tests.integration.support.rack import RackFile
from ansible_collections.baremetal.bcm.tests.integration.support.site import Site, site


class OpenSite(Protocol):
    """Opens a site that ends with the test or the class; see `support.site`."""

    def __call__(self, rack_file: RackFile, *, inventory: str = "") -> Site:
        """Open one."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a class on one worker; otherwise each worker would make its runs anew.

    Classes called TestEvery… make their runs once for each value of their parameter.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415 - may be absent

    class StoryScheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            scope, _colons, test = nodeid.rpartition("::")
            return f"{scope}{test.rpartition('[')[2]}" if "::TestEvery" in scope else scope

    return StoryScheduling(config, log)


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[OpenSite]:
    """Open sites that end with the test."""
    yield from _opener(tmp_path)


@pytest.fixture(scope="class")
def open_class_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSite]:
    """Open sites that end with the class."""
    yield from _opener(tmp_path_factory.mktemp("site"))


def _opener(directory: Path) -> Iterator[OpenSite]:
    with contextlib.ExitStack() as stack:
        count = 0

        def open_one(rack_file: RackFile, *, inventory: str = "") -> Site:
            nonlocal count
            count += 1
            return stack.enter_context(site(rack_file, directory / str(count), inventory=inventory))

        yield open_one
