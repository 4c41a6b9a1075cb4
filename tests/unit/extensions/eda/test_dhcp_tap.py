# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source, run as ansible-rulebook runs it: by its path, its `main` awaited until it is cancelled."""

from __future__ import annotations

import asyncio
import inspect
import json
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap import spool as spool_module
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.sighting import Sighting
from ansible_collections.baremetal.bcm.plugins.module_utils._dhcp_tap.spool import Spool
from ansible_collections.baremetal.bcm.tests.unit.child_process import started, with_sigint_ignored

_ROOT = Path(str(spool_module.__file__)).parents[3]
_SOURCE = _ROOT / "extensions/eda/plugins/event_source/dhcp_tap.py"
_SCHEMA = _SOURCE.parent / "schemas/dhcp_tap.json"
_PATIENCE_S = 60
A = Sighting(mac="02:00:00:00:00:0a", ip="192.0.2.10")


@pytest.fixture(name="source")
def _source(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    # Without ansible-test's loader of collections, which the rule engine does not have: runpy would ask it.
    with monkeypatch.context() as context:
        context.setattr(sys, "path_hooks", [FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))])
        context.setattr(sys, "path_importer_cache", {})
        return runpy.run_path(str(_SOURCE))


@pytest.fixture(name="args")
def _args(tmp_path: Path) -> dict[str, Any]:
    """A spool with a waiting row, and an interface that is not there."""
    with Spool(tmp_path / "spool") as spool:
        spool.offer(A)
    return {"interfaces": ["no-such-nic0"], "spool": str(tmp_path / "spool")}


def _run(main: Callable[..., Any], args: dict[str, Any], until: Callable[[asyncio.Queue[Any]], Any]) -> Any:
    """Await the source beside `until`, whose answer is given; the source must not end before it is cancelled."""

    async def both() -> Any:
        events: asyncio.Queue[Any] = asyncio.Queue(maxsize=1)
        running = asyncio.create_task(main(events, args))
        waiting = asyncio.create_task(until(events))
        await asyncio.wait([running, waiting], timeout=_PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        answer = await waiting
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, _PATIENCE_S)
        return answer

    return asyncio.run(both())


async def _first(events: asyncio.Queue[Any]) -> Any:
    return await events.get()


def test_its_main_is_what_the_rule_engine_awaits(source: dict[str, Any]) -> None:
    assert inspect.iscoroutinefunction(source["main"])


def test_rows_from_before_are_notified_although_the_interface_is_missing(
    source: dict[str, Any], args: dict[str, Any]
) -> None:
    event = _run(source["main"], args, _first)
    assert event["waiting"] == 1
    assert event["spool"] == args["spool"]
    assert event["dhcp"]["first_waiting"] == 1
    assert json.loads(json.dumps(event)) == event


def test_the_feedback_queue_of_the_rule_engine_is_no_option_of_ours(
    source: dict[str, Any], args: dict[str, Any]
) -> None:
    assert _run(source["main"], {**args, "eda_feedback_queue": object()}, _first)


def test_a_bug_does_not_end_the_rulebook(
    source: dict[str, Any], args: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    inside = source["main"].__globals__
    run, failures = inside["_run"], iter([True, True])

    async def fail_twice(*arguments: Any) -> None:
        if next(failures, False):
            raise RuntimeError("a bug")
        await run(*arguments)

    inside.update(_run=fail_twice, _AGAIN_AFTER_A_BUG_S=0)
    assert _run(source["main"], args, _first)["waiting"] == 1
    assert [record.message for record in caplog.records if "event=bug" in record.message] == [
        "event=bug then=starting_again"
    ] * 2


def test_a_busy_rule_engine_gets_the_newest_notification_and_every_alarm(source: dict[str, Any]) -> None:
    async def take() -> list[Any]:
        notifications: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for number in range(3):
            notifications.put_nowait({"dhcp": {}, "waiting": number})
        notifications.put_nowait({"dhcp": {"alarm": "spool_full"}, "waiting": 3})
        notifications.put_nowait({"dhcp": {}, "waiting": 4})
        return [source["_newest"](await notifications.get(), notifications)["waiting"] for _time in range(2)]

    assert asyncio.run(take()) == [3, 4]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"interfaces": None}, "needs the options interfaces and spool"),
        ({"interfaces": []}, "needs the options interfaces and spool"),
        ({"spool": ""}, "needs the options interfaces and spool"),
        ({"interfaces": "eth1"}, "interfaces must be a list of texts"),
        ({"interfaces": [1]}, "interfaces must be a list of texts"),
        ({"only_vendors": "dell"}, "only_vendors must be a list of texts"),
        ({"only_vendors": [" "]}, "an element of the list is empty"),
        ({"max_rows": 0}, "max_rows must be a positive number"),
        ({"again_seconds": "soon"}, "again_seconds must be a positive number"),
        ({"again_seconds": "inf"}, "again_seconds must be a positive number"),
        ({"every_seconds": True}, "every_seconds must be a positive number"),
        ({"interface": "eth1"}, "has no option interface"),
    ],
)
def test_arguments_that_can_not_be_used_are_refused_at_the_start(
    source: dict[str, Any], args: dict[str, Any], changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        asyncio.run(source["main"](asyncio.Queue(), {**args, **changed}))


def test_numbers_may_come_as_texts_from_templates(source: dict[str, Any], args: dict[str, Any]) -> None:
    given = {**args, "max_rows": "7", "gather_seconds": "0.5", "every_seconds": 2, "again_seconds": 9.5}
    settings = source["settings_from"](given)
    assert (settings.max_rows, settings.gather_s, settings.every_s, settings.again_s) == (7, 0.5, 2, 9.5)


def test_documentation_schema_and_code_know_the_same_options_and_defaults(
    source: dict[str, Any], args: dict[str, Any]
) -> None:
    documented = yaml.safe_load(source["DOCUMENTATION"])["options"]
    schema = json.loads(_SCHEMA.read_text())
    assert set(documented) == set(schema["properties"])
    assert {name for name, option in documented.items() if option.get("required")} == set(schema["required"])
    defaults = {name: option["default"] for name, option in documented.items() if "default" in option}
    assert defaults == {name: option["default"] for name, option in schema["properties"].items() if "default" in option}
    as_given = source["settings_from"]({**args, **defaults})
    assert as_given == source["settings_from"](args)


def test_its_examples_are_arguments_it_takes(source: dict[str, Any]) -> None:
    for example in yaml.safe_load(source["EXAMPLES"]):
        assert source["settings_from"](example["baremetal.bcm.dhcp_tap"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_by_itself_it_prints_what_the_rule_engine_would_get_and_ends_when_asked_even_in_the_background(
    args: dict[str, Any], tmp_path: Path, number: signal.Signals
) -> None:
    # Isolated, without site packages, from elsewhere: no loader of collections, nothing but the files beside it.
    command = [sys.executable, "-I", "-S", str(_SOURCE), args["spool"], *args["interfaces"]]
    pipe = subprocess.PIPE
    with started(with_sigint_ignored(command), stdout=pipe, stderr=pipe, cwd=tmp_path) as running:
        assert running.stdout is not None
        printed = running.stdout.readline()
        running.send_signal(number)
        _rest, errors = running.communicate(timeout=_PATIENCE_S)
    assert running.returncode == 0
    assert "Traceback" not in errors
    assert "'waiting': 1" in printed
