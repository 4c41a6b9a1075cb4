# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.baremetal.bcm.plugins.module_utils._ansible.arguments import CONNECTION, NETBOX, connections_of
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.options import (
    CATEGORY,
    DEVICE,
    wanted_of,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.plan import plan_present
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities import category, device
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.schema import Schema

from ...objects import make_category, make_context, make_device
from ...running import MODULES

Spec = dict[str, Any]
ENTITIES = [(DEVICE, device.DEVICE, make_device()), (CATEGORY, category.CATEGORY, make_category())]
# Steer the module and are never sent.
STEERING = {"state": "present"}


def options_of(spec: Spec, path: str = "", suboptions: str = "options") -> Iterator[tuple[str, Spec]]:
    for name, option in spec.items():
        yield f"{path}{name}", option
        yield from options_of(option.get(suboptions, {}), f"{path}{name}.", suboptions)


ALL = [*options_of(DEVICE, "device."), *options_of(CATEGORY, "category.")]


@pytest.mark.parametrize(("path", "option"), ALL, ids=[path for path, _option in ALL])
def test_no_option_of_an_entity_has_a_default_that_is_sent(path: str, option: Spec) -> None:
    name = path.rsplit(".", maxsplit=1)[-1]
    expected = False if name.startswith("purge_") else STEERING.get(name)

    assert option.get("default") == expected
    assert "fallback" not in option


@pytest.mark.parametrize(("path", "option"), [*ALL, *options_of(CONNECTION)])
def test_a_secret_is_kept_from_the_log(path: str, option: Spec) -> None:
    assert bool(option.get("no_log")) is (path.rsplit(".", maxsplit=1)[-1] == "password")


@pytest.mark.parametrize(("spec", "schema", "stored"), ENTITIES, ids=["device", "category"])
def test_options_that_are_not_given_change_nothing(spec: Spec, schema: Schema, stored: dict[str, Any]) -> None:
    validated = ArgumentSpecValidator(spec).validate({schema.name_option: schema.name_of(stored)})

    assert not validated.error_messages
    assert plan_present(schema, stored, wanted_of(validated.validated_parameters), make_context()).is_empty


@pytest.mark.parametrize(("spec", "schema", "_stored"), ENTITIES, ids=["device", "category"])
def test_every_option_is_a_field_and_every_field_an_option(spec: Spec, schema: Schema, _stored: dict[str, Any]) -> None:
    steering = {"state", "clone_from", "software_image_revision", *(name for name in spec if name.startswith("purge_"))}

    assert set(spec) - steering == {field.option for field in schema.fields if not field.ours}


def test_only_provisioning_sets_the_record_and_the_mode_of_one_boot() -> None:
    assert {field.option for field in device.DEVICE.fields if field.ours} == {"extra_values", "next_boot_install_mode"}
    assert not {field.option for field in category.CATEGORY.fields if field.ours}


def said(options: Spec, suboptions: str) -> dict[str, Spec]:
    """What argument spec and documentation must agree in, option by option, those inside of others included."""
    keys = ("type", "elements", "required", "default")
    return {
        path: {
            **{key: option[key] for key in keys if key in option},
            "choices": sorted(option.get("choices", [])),
        }
        for path, option in options_of(options, suboptions=suboptions)
    }


@pytest.mark.parametrize(("spec", "module"), [(DEVICE, "bcm_device"), (CATEGORY, "bcm_category")])
def test_the_documentation_of_an_entity_has_its_options_and_says_the_same_of_each(spec: Spec, module: str) -> None:
    documentation = importlib.import_module(f"{MODULES}.{module}").DOCUMENTATION

    assert said(yaml.safe_load(documentation)["options"], "suboptions") == said(spec, "options")


@pytest.mark.parametrize(
    ("options", "needed"),
    [
        ({"software_image": None, "software_image_revision": 3}, "needs software_image"),
        ({"roles": None, "purge_roles": True}, "purge_roles needs roles"),
    ],
)
def test_an_option_without_the_one_it_needs_is_refused(options: dict[str, Any], needed: str) -> None:
    with pytest.raises(BcmConfigError, match=needed):
        wanted_of(options)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"roles": None}, {"roles": None}),
        ({"roles": []}, {"roles": {"elements": [], "purge": True}}),
        ({"roles": [1], "purge_roles": False}, {"roles": {"elements": [1], "purge": False}}),
        ({"roles": [1], "purge_roles": True}, {"roles": {"elements": [1], "purge": True}}),
        ({"software_image": ""}, {"software_image": {"name": "", "revision": None}}),
        ({"software_image": "i", "software_image_revision": 0}, {"software_image": {"name": "i", "revision": 0}}),
    ],
)
def test_options_become_what_is_wanted(options: dict[str, Any], wanted: dict[str, Any]) -> None:
    before = dict(options)

    assert wanted_of(options).items() >= wanted.items()
    assert options == before


def validate(options: dict[str, Any]) -> Any:
    return ArgumentSpecValidator(CONNECTION).validate(options)


def test_the_connection_comes_from_options() -> None:
    options = {"head_node": "h", "username": "u", "password": "p", "port": 9000, "tls_server_name": "n"}

    (connection,) = connections_of(validate(options).validated_parameters)

    assert (connection.url, connection.tls_server_name) == ("https://h:9000", "n")
    assert connection.validate_certs is True


def test_every_option_of_the_connection_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "HEAD_NODE": "h",
        "PORT": "9000",
        "USERNAME": "u",
        "PASSWORD": "p",
        "CLIENT_CERT": "/c",
        "CLIENT_KEY": "/k",
        "CA_PATH": "/a",
        "VALIDATE_CERTS": "no",
        "TLS_SERVER_NAME": "n",
        "TLS_FINGERPRINT": "f",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"BCM_{name}", value)

    (connection,) = connections_of(validate({}).validated_parameters)

    assert (connection.head_node, connection.port, connection.username, connection.password) == ("h", 9000, "u", "p")
    assert (connection.client_cert, connection.client_key, connection.ca_path) == ("/c", "/k", "/a")
    assert (connection.validate_certs, connection.tls_server_name, connection.tls_fingerprint) == (False, "n", "f")


@pytest.mark.parametrize("given", [["a", "b"], "a,b", " a , b ,", ["a", "b", "a"]])
def test_several_head_nodes_have_a_connection_each(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"username": "u", "password": "p"}
    by_option = connections_of(validate({"head_node": given, **options}).validated_parameters)
    monkeypatch.setenv("BCM_HEAD_NODE", given if isinstance(given, str) else ",".join(given))
    by_environment = connections_of(validate(options).validated_parameters)

    assert [each.head_node for each in by_option] == ["a", "b"]
    assert by_option == by_environment


def test_one_fingerprint_is_not_that_of_several_head_nodes() -> None:
    options = {"head_node": ["a", "b"], "username": "u", "password": "p", "tls_fingerprint": "00"}

    with pytest.raises(BcmConfigError, match="several head nodes take ca_path"):
        connections_of(validate(options).validated_parameters)


@pytest.mark.parametrize(("spec", "variable"), [(CONNECTION, "BCM_DEBUG_CALLS"), (NETBOX, "NETBOX_DEBUG_CALLS")])
def test_calls_are_shown_only_where_that_is_switched_on(
    spec: Spec, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    validator = ArgumentSpecValidator(spec)
    assert validator.validate({}).validated_parameters["debug_calls"] is False

    monkeypatch.setenv(variable, "yes")

    assert validator.validate({}).validated_parameters["debug_calls"] is True


def test_options_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCM_HEAD_NODE", "other")

    assert validate({"head_node": "h"}).validated_parameters["head_node"] == ["h"]
