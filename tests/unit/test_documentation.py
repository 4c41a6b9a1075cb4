# SPDX-License-Identifier: GPL-3.0-or-later
"""What is cited is there: pages, sections of docs/bcm-api.md, and its list of what the code assumes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
INTERFACE = ROOT / "docs" / "bcm-api.md"
# A page of the repository is cited by its name, with or without its folder; one page is made by a release only.
PAGE = re.compile(r"(?<![\w./-])(?:[\w.-]+/)*[\w.-]*\w\.md\b(?!\()")
MADE_BY_A_RELEASE = "CHANGELOG.md"
# Names pages of other projects, from which facts were taken.
ORIGINS = ROOT / "tests" / "conformance" / "samples" / "README.md"
CITED_SECTIONS = re.compile(r"bcm-api\.md(?: section)?\s+(?:#\s+)?(\d+(?:\.\d+)?(?:(?:,| to| and) \d+(?:\.\d+)?)*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEXTS = {"", ".cfg", ".css", ".j2", ".json", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
needs_all_of_the_repository = pytest.mark.skipif(
    not (ROOT / "virtual_rack").is_dir(), reason="ansible-test's copy has no virtual_rack"
)


def texts() -> Iterator[Path]:
    """Every file of the repository that is written by hand, and none that a tool has put into the checkout."""
    for folder, below, names in os.walk(ROOT):
        below[:] = [
            name
            for name in below
            if name == ".ci" or (not name.startswith((".", "__")) and not name.endswith(".egg-info"))
        ]
        if Path(folder) == ROOT / "tests":
            below[:] = [name for name in below if name != "output"]
        yield from (path for path in (Path(folder) / name for name in names) if path.suffix in TEXTS)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def exists(cited: str, citing: Path) -> bool:
    places = (citing.parent / cited, ROOT / cited, ROOT / "docs" / cited)
    return Path(cited).name == MADE_BY_A_RELEASE or any(place.is_file() for place in places)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def assumptions_below(folder: str) -> set[str]:
    """The files below a folder that have a place marked as assumed."""
    root = ROOT / folder
    return {path.relative_to(root).as_posix() for path in root.rglob("*.py") if "ASSUMED:" in read(path)}


def listed_under(line: str) -> set[str]:
    """The files in the first column of the table of docs/bcm-api.md whose heading names a folder."""
    table = read(INTERFACE).partition(f"| file below `{line}` |")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))


@needs_all_of_the_repository
def test_every_picture_is_small_and_shown_by_a_page() -> None:
    pages = "".join(read(path) for path in (ROOT / "docs").glob("*.md"))
    pictures = list((ROOT / "docs/images").iterdir())

    assert pictures
    assert [
        path.name for path in pictures if path.stat().st_size > 60_000 or f"(images/{path.name})" not in pages
    ] == []


@needs_all_of_the_repository
def test_no_file_cites_a_page_that_the_repository_does_not_have() -> None:
    cited = {(name, path) for path in texts() if path != ORIGINS for name in PAGE.findall(read(path))}

    assert len(cited) > 20
    assert {(name, path.relative_to(ROOT).as_posix()) for name, path in cited if not exists(name, path)} == set()


@needs_all_of_the_repository
def test_every_link_inside_the_repository_leads_to_a_file_and_a_heading() -> None:
    links = {
        (link, path) for path in texts() if path.suffix == ".md" for link in LINK.findall(read(path)) if ":" not in link
    }
    lost = set()
    for link, path in links:
        name, _hash, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.add((link, path.relative_to(ROOT).as_posix()))

    assert len(links) > 20
    assert lost == set()


def test_every_section_of_the_interface_that_is_cited_is_there() -> None:
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)", read(INTERFACE), re.MULTILINE))
    cited = {
        (section, path.relative_to(ROOT).as_posix())
        for path in texts()
        for several in CITED_SECTIONS.findall(read(path))
        for section in re.findall(r"\d+(?:\.\d+)?", several)
    }

    assert len(cited) > 20
    assert {each for each in cited if each[0] not in sections} == set()


@pytest.mark.parametrize("folder", ["plugins/module_utils/", "virtual_rack/src/virtual_rack/"])
def test_every_file_that_assumes_something_is_listed_with_what_would_settle_it(folder: str) -> None:
    if not (ROOT / folder).is_dir():
        pytest.skip("ansible-test's copy has no virtual_rack")

    assert listed_under(folder) == assumptions_below(folder) != set()


def test_the_artifact_leaves_no_documentation_out() -> None:
    ignored = yaml.safe_load(read(ROOT / "galaxy.yml"))["build_ignore"]

    assert not [path.name for path in (ROOT / "docs").iterdir() for pattern in ignored if path.match(pattern)]
    assert "docs" not in ignored


CITED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def promises_of(page: Path) -> dict[str, list[tuple[str, str]]]:
    """The tests by promise, of a page's tables whose last column is what holds it."""
    rows = [line.strip("| \n").split(" | ") for line in read(page).splitlines() if line.startswith("|")]
    begins = [number for number, row in enumerate(rows) if row[-1] == "held by"]
    found: dict[str, list[tuple[str, str]]] = {}
    for begin in begins:
        for row in rows[begin + 2 :]:
            if "held by" in row[-1] or len(row) != len(rows[begin]):
                break
            found[row[0]] = CITED_TEST.findall(row[-1])
    return found


@needs_all_of_the_repository
@pytest.mark.parametrize("name", ["SECURITY.md", "docs/promises.md"])
def test_every_promise_names_tests_that_there_are(name: str) -> None:
    promises = promises_of(ROOT / name)

    assert len(promises) > 20
    assert [promise for promise, tests in promises.items() if not tests] == []
    cited = {test for tests in promises.values() for test in tests}
    missing = [f"{path}::{test}" for path, test in sorted(cited) if f"def {test}(" not in read_or_empty(ROOT / path)]
    assert missing == [], "\n".join(missing)


def read_or_empty(path: Path) -> str:
    return read(path) if path.is_file() else ""
