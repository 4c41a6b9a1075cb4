# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret in the wrong place is not printed: planted in every position of every module that there is."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..action.acting import Actions
from ..fake_head_node import FakeHeadNode
from ..running import CONNECTION, MODULES, Modules

Options = dict[str, Any]
Spec = Mapping[str, Mapping[str, Any]]

PLANT = "pl4nted-s3cret"
PLUGINS = Path(__file__).parents[4] / "plugins"
NAMES = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
ACTIONS = {path.stem for path in (PLUGINS / "action").glob("*.py")}
# What is planted: a text, and the text inside of what should have been one, and the other way round.
SHAPES: tuple[Any, ...] = (PLANT, f"user={PLANT} {PLANT}={PLANT}", f"{{{PLANT}", [PLANT], {"x": PLANT}, [{"x": PLANT}])
# Values that fit, beside what is planted: names by which an element is known.
GOOD = {"str": "good", "path": "good", "int": 1, "float": 1.0, "bool": True, "list": [], "dict": {}, "raw": "good"}


class SpecSeenError(Exception):
    """Ends a module once its spec is known."""


def spec_of(name: str) -> Spec:
    """The options that a module takes, whatever its base class is."""
    if name in ACTIONS:
        action = importlib.import_module(f"ansible_collections.baremetal.bcm.plugins.action.{name}").ActionModule
        return {**action.CONNECTION, **action.SPEC}
    seen: list[Spec] = []

    def note(_self: AnsibleModule, argument_spec: Spec, *_arguments: Any, **_options: Any) -> None:
        seen.append(argument_spec)
        raise SpecSeenError

    with mock.patch.object(AnsibleModule, "__init__", note), pytest.raises(SpecSeenError):
        importlib.import_module(f"{MODULES}.{name}").main()
    return seen[0]


def filled(spec: Spec) -> Options:
    """Options with all that is required."""
    return {
        name: option["choices"][0] if option.get("choices") else GOOD[option.get("type", "str")]
        for name, option in spec.items()
        if option.get("required")
    }


def planted(spec: Spec) -> Iterator[tuple[str, Options]]:
    """Options with something planted in one position, for each position and shape, and the path to it."""
    for name, option in spec.items():
        for shape in SHAPES:
            yield name, {**filled(spec), name: shape}
        yield f"{name[:-1]}_", {**filled(spec), f"{name[:-1]}_": PLANT}
        if option.get("options"):
            for path, inner in planted(option["options"]):
                yield f"{name}.{path}", {**filled(spec), name: [inner] if option["type"] == "list" else inner}


def everywhere(spec: Spec) -> Options:
    """Options with the plant wherever a text may stand that is no name and no choice."""
    found = filled(spec)
    for name, option in spec.items():
        if option.get("options"):
            inner = everywhere(option["options"])
            found[name] = [inner] if option["type"] == "list" else inner
        elif option.get("type", "str") == "str" and not option.get("choices") and not option.get("required"):
            found[name] = PLANT
        elif option.get("type") == "list" and option.get("elements") == "str":
            found[name] = [PLANT]
    return found


class Print:
    """Runs modules and actions, and holds all that left them: result, lines, warnings and what goes to syslog."""

    def __init__(self, head: FakeHeadNode, capsys: pytest.CaptureFixture[str]) -> None:
        self._modules, self._actions = Modules(head, capsys), Actions(head, capsys)

    def of(self, name: str, options: Options) -> tuple[bool, str]:
        """Whether it failed, and what it printed."""
        log: list[str] = []
        clean = {key: value for key, value in options.items() if value is not None}
        with mock.patch.object(AnsibleModule, "log", lambda _self, line, **_options: log.append(str(line))):
            if name in ACTIONS:
                result = self._actions.run(name, **self._connected(name, clean))
                printed = [json.dumps(result, default=str), *self._actions.said]
            else:
                result = self._modules.run(name, verbosity=4, **self._connected(name, clean))
                printed = [self._modules.printed]
        return bool(result.get("failed")), "\n".join([*printed, *log])

    def _connected(self, name: str, options: Options) -> Options:
        return options if name.startswith("bcm_") else {**dict.fromkeys(CONNECTION), **options}


@pytest.fixture
def prints(head: FakeHeadNode, capsys: pytest.CaptureFixture[str]) -> Print:
    return Print(head, capsys)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_given_is_quoted_where_something_is_wrong(name: str, prints: Print) -> None:
    leaks = []
    for path, options in planted(spec_of(name)):
        # Beside it a key that no module has, so that nothing is ever sent.
        failed, printed = prints.of(name, {**options, "no_such_key": PLANT})
        assert failed, path
        assert "no option 'no_such_key'" in printed
        if PLANT in printed:
            leaks.append((path, printed))

    assert leaks == []


@pytest.mark.parametrize("name", NAMES)
def test_what_fits_is_not_quoted_either_where_another_option_does_not_fit(name: str, prints: Print) -> None:
    spec = spec_of(name)

    failed, printed = prints.of(name, {**everywhere(spec), "no_such_key": 1})

    assert failed
    assert PLANT not in printed


def plant_secrets(spec: Spec) -> Options:
    """Options with the plant wherever a credential belongs."""
    found = filled(spec)
    for name, option in spec.items():
        if option.get("options"):
            inner = plant_secrets(option["options"])
            found[name] = [inner] if option["type"] == "list" else inner
        elif option.get("no_log") or (name == "username" and "password" in spec):
            found[name] = PLANT
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_credential_is_shown_by_a_module_that_runs(name: str, prints: Print) -> None:
    options = plant_secrets(spec_of(name))
    if "url" in spec_of(name):
        options["url"] = "https://127.0.0.1:9"

    _failed, printed = prints.of(name, options)

    assert PLANT not in printed


ROLES = sorted(path.parents[1].name for path in (PLUGINS.parent / "roles").glob("*/meta/argument_specs.yml"))


@pytest.mark.parametrize("role", ROLES)
def test_what_ansible_says_of_a_roles_variables_quotes_nothing_from_inside_of_a_structure(role: str) -> None:
    text = (PLUGINS.parent / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8")
    for spec in yaml.safe_load(text)["argument_specs"].values():
        options = spec["options"]
        for name in (
            name for name, option in options.items() if option["type"] in ("dict", "list") or "no_log" in option
        ):
            for shape in SHAPES:
                validated = ArgumentSpecValidator(options).validate({name: shape})
                assert PLANT not in " ".join(validated.error_messages)
