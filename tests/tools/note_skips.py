"""Note the tests that a run skipped, for the closing lines: note_skips.py JUNIT.xml... (STEP_NAME= says of what)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_MOST_NAMED = 3


def skips(report: Path) -> Iterator[tuple[str, str]]:
    """Read a report; give the reason and the test of every skip. Tests that are expected to fail were not skipped."""
    for case in ET.parse(report).iter("testcase"):
        for skip in case.iter("skipped"):
            if skip.get("type") != "pytest.xfail":
                name = f"{case.get('classname')}.{case.get('name')}".strip(".").removeprefix("tests.")
                yield reason_of(skip), name


def reason_of(skip: ET.Element) -> str:
    """Give why: of a whole file that was skipped only the text says it."""
    whole_file = re.search(r"Skipped: (.*?)['\"]\)?$", (skip.text or "").strip(), re.DOTALL)
    if skip.get("message") == "collection skipped" and whole_file:
        return whole_file[1]
    return " ".join((skip.get("message") or "no reason given").split())


def main() -> None:
    """Group by reason: few tests by name, many by number."""
    tests: dict[str, list[str]] = defaultdict(list)
    for report in sys.argv[1:]:
        for reason, name in skips(Path(report)):
            tests[reason].append(name)
    for reason, names in tests.items():
        named = ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} tests, {names[0]} the first"
        sentence = f"{os.environ.get('STEP_NAME', 'tests')}: {named}: {reason}"
        subprocess.run([Path(__file__).with_name("leave-out"), sentence], check=True)


if __name__ == "__main__":
    main()
