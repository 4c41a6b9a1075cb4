# SPDX-License-Identifier: GPL-3.0-or-later
"""What the definitions for AWX must keep to, found without an AWX: each breach is one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

Raw = dict[str, Any]

ROOT = Path(__file__).parents[3]
DEFINITIONS = ROOT / "extensions/controller"
# The module of awx.awx that applies each list, whose arguments the entries are. Named as infra.aap_configuration does.
MODULES = {
    "aap_organizations": "organization",
    "controller_credential_types": "credential_type",
    "controller_execution_environments": "execution_environment",
    "controller_projects": "project",
    "controller_inventories": "inventory",
    "controller_credentials": "credential",
    "controller_inventory_sources": "inventory_source",
    "controller_notifications": "notification_template",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
}
# Playbooks that no job is started of: this one makes the templates.
WITHOUT_TEMPLATE = {"controller.yml", "build_validation_image.yml"}
# Variables of plays, with the type they have there.
_OF_PLAYS: dict[str, Raw] = {
    "bcm_target": {"type": "str"},
    "readmit_servers": {"type": "str"},
    "readmit_reason": {"type": "str"},
    "hardening_require_compliance": {"type": "bool", "default": False},
    "rotation_generation": {"type": "str"},
}
# What says which nodes or servers a job works on.
_WHICH = ("bcm_target", "readmit_servers")
# Nothing is changed by these, so that they may run on all nodes.
_READS_ONLY = {"preflight.yml", "status.yml", "audit.yml"}
# Leave to power or reboot.
_LEAVE = {"bcm_enable_power_action", "validation_enable_power_action", "hardening_allow_reboot"}
# The nodes of a workflow, as infra.aap_configuration names them.
NODES = "simplified_workflow_nodes"
_RELATED = ("success_nodes", "failure_nodes", "always_nodes")
_TYPES = {"int": "integer", "float": "float"}


class _Loader(yaml.SafeLoader):
    """Reads a text that Ansible must not take for a template as the text it is."""


def _read_unsafe(loader: yaml.SafeLoader, node: Any) -> Any:
    return loader.construct_scalar(node)


_Loader.add_constructor("!unsafe", _read_unsafe)


def read_definitions() -> Raw:
    """All lists of the definitions, by their names."""
    found: Raw = {}
    for path in sorted(DEFINITIONS.glob("*.yml")):
        found.update(yaml.load(path.read_text(encoding="utf-8"), _Loader))  # noqa: S506 - a SafeLoader
    return {name: entries for name, entries in found.items() if name.startswith(("controller_", "aap_"))}


@dataclass(frozen=True)
class Tree:
    """What the definitions are held against."""

    playbooks: frozenset[str]
    awx: Mapping[str, Mapping[str, Raw]]
    read_names: str  # the text of all that could read an injected name

    @classmethod
    def of_checkout(cls) -> Tree:
        texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "plugins").rglob("*.py"))]
        texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "roles").rglob("argument_specs.yml"))]
        texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "playbooks").glob("*.yml"))]
        known = json.loads((Path(__file__).parent / "awx_arguments.json").read_text(encoding="utf-8"))
        names = frozenset(path.name for path in (ROOT / "playbooks").glob("*.yml")) - WITHOUT_TEMPLATE
        return cls(names, known["modules"], "\n".join(texts))


def problems_of(definitions: Raw, tree: Tree) -> list[str]:
    """Every breach of the contract, one sentence each."""
    return [
        *_arguments(definitions, tree),
        *_playbooks(definitions, tree),
        *_references(definitions),
        *(each for template in definitions["controller_templates"] for each in _template(template)),
        *(each for each in _schedules(definitions)),
        *_injectors(definitions, tree),
        *(each for workflow in definitions["controller_workflows"] for each in _workflow(workflow, definitions)),
    ]


def _named(definitions: Raw, kind: str) -> dict[str, Raw]:
    return {entry["name"]: entry for entry in definitions[kind]}


def _arguments(definitions: Raw, tree: Tree) -> Iterator[str]:
    """What the modules of awx.awx would refuse."""
    for kind, entries in definitions.items():
        if kind not in MODULES:
            yield f"{kind}: nothing applies it"
            continue
        for entry in entries:
            given = {key: value for key, value in entry.items() if key != NODES}
            for problem in _of_module(given, tree.awx[MODULES[kind]]):
                yield f"{kind}: {entry.get('name')}: {problem}"
            for node in entry.get(NODES, []):
                for problem in _of_module(
                    {"workflow_job_template": "", **node}, tree.awx["workflow_job_template_node"]
                ):
                    yield f"{kind}: {entry.get('name')}: {node.get('identifier')}: {problem}"


def _of_module(given: Raw, spec: Mapping[str, Raw]) -> Iterator[str]:
    yield from (f"{key} is no argument" for key in given if key not in spec)
    yield from (f"{key} is missing" for key in spec if spec[key].get("required") and key not in given)
    for key, value in given.items():
        choices = spec.get(key, {}).get("choices")
        if choices and value not in choices and "{{" not in str(value):
            yield f"{key} can't be {value}"


def _playbooks(definitions: Raw, tree: Tree) -> Iterator[str]:
    used = [Path(template["playbook"]).name for template in definitions["controller_templates"]]
    yield from (f"playbook {name} has no template" for name in sorted(tree.playbooks - set(used)))
    yield from (f"template of {name}, which does not exist" for name in sorted(set(used) - tree.playbooks))
    yield from (f"playbook {name} has several templates" for name in sorted(set(used)) if used.count(name) > 1)


def _references(definitions: Raw) -> Iterator[str]:
    """Names of other objects that are not defined."""
    known = {kind: set(_named(definitions, kind)) for kind in MODULES}
    fields = {
        "organization": "aap_organizations",
        "project": "controller_projects",
        "source_project": "controller_projects",
        "inventory": "controller_inventories",
        "execution_environment": "controller_execution_environments",
        "default_environment": "controller_execution_environments",
        "credential": "controller_credentials",
        "credentials": "controller_credentials",
        "credential_type": "controller_credential_types",
        "unified_job_template": "controller_templates",
        "notification_templates_error": "controller_notifications",
        "notification_templates_approvals": "controller_notifications",
    }
    for kind, entries in definitions.items():
        for entry in entries:
            for field in fields.keys() & entry.keys():
                names = entry[field] if isinstance(entry[field], list) else [entry[field]]
                for name in names:
                    if name not in known[fields[field]] and "{{" not in name:
                        yield f"{kind}: {entry['name']}: {field} {name} is not defined"


def _template(template: Raw) -> Iterator[str]:
    name, playbook = template["name"], Path(template["playbook"]).name
    if template.get("job_type") != "check" or not template.get("ask_job_type_on_launch"):
        yield f"template {name}: its default must be a check, and a run be asked for"
    if template.get("job_slice_count", 1) != 1:
        yield f"template {name}: a job is not to be sliced"
    if template.get("limit") or template.get("ask_limit_on_launch"):
        yield f"template {name}: nodes are chosen by bcm_target, which can't be empty"
    specs = variables_of(playbook) if (ROOT / "playbooks" / playbook).exists() else {}
    questions = {question["variable"]: question for question in template["survey_spec"]["spec"]}
    for variable, question in questions.items():
        if variable not in specs:
            yield f"template {name}: nothing in {playbook} reads {variable}"
        else:
            yield from (f"template {name}: {variable}: {text}" for text in _question(question, specs[variable]))
    for variable in _WHICH:
        which = questions.get(variable)
        if variable in specs and not (which and which["required"] and which["min"] >= 1):
            yield f"template {name}: {variable} must be asked for and not be empty"
        elif which and which["default"] and playbook not in _READS_ONLY:
            yield f"template {name}: {variable} must have no default, because nodes may be changed"


def _question(question: Raw, spec: Raw) -> Iterator[str]:
    """How a question differs from the option that its answer becomes."""
    kind, choices = spec.get("type", "str"), spec.get("choices")
    if kind == "bool":
        choices = ["true", "false"]
    expected = ("multiplechoice",) if choices else (_TYPES[kind],) if kind in _TYPES else ("text", "textarea")
    if question["type"] not in expected:
        yield f"it is asked for as {question['type']}, and is {kind}"
    if choices and sorted(question.get("choices", [])) != sorted(choices):
        yield f"its choices are {question.get('choices')}, and must be {choices}"
    default = spec.get("default")
    default = str(default).lower() if isinstance(default, bool) else default
    if default is not None and question["default"] != default:
        yield f"its default is {question['default']}, and must be {default}"
    if question["default"] not in ("", None) and choices and question["default"] not in choices:
        yield f"its default {question['default']} is no choice"
    if question["type"] == "integer" and not question["min"] <= question["default"] <= question["max"]:
        yield "its default is out of its bounds"


@cache
def variables_of(playbook: str) -> dict[str, Raw]:
    """The variables of a playbook, with type, choices and default: those of its roles, its modules and its plays."""
    text = (ROOT / "playbooks" / playbook).read_text(encoding="utf-8")
    found: dict[str, Raw] = {name: spec for name, spec in _OF_PLAYS.items() if name in text}
    for role in re.findall(r"name: baremetal\.bcm\.(\w+)", text):
        specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
        for spec in specs["argument_specs"].values():
            found.update({name: option for name, option in spec["options"].items() if name not in found})
    for task in _tasks(yaml.safe_load(text)):
        for module, arguments in task.items():
            if module.startswith("baremetal.bcm.") and isinstance(arguments, dict):
                options = _options_of(module.rpartition(".")[2])
                for option, value in arguments.items():
                    variable = re.match(r"{{ (\w+)\b", str(value))
                    if variable:
                        # What the module does without the option, or what the play says where the variable is missing.
                        given = re.search(r"default\((true|false)\)", str(value))
                        default = {"default": given[1] == "true"} if given else {}
                        found.setdefault(variable[1], {**options[option], **default})
    for other in re.findall(r"import_playbook: (\w+\.yml)", text):
        set_here = set(re.findall(r"^    (bcm_\w+): ", text, re.MULTILINE))
        found.update({name: spec for name, spec in variables_of(other).items() if name not in set_here})
    if playbook == "power.yml":
        # A play without a role of its own for it: leave is a condition.
        found["bcm_enable_power_action"] = {"type": "bool", "default": False}
    return found


def _tasks(content: Any) -> Iterator[Raw]:
    if isinstance(content, list):
        for item in content:
            yield from _tasks(item)
    elif isinstance(content, dict):
        yield content
        for key in ("tasks", "block", "always", "rescue"):
            yield from _tasks(content.get(key) or [])


@cache
def _options_of(module: str) -> dict[str, Raw]:
    """The options of a module and of its fragments that are not lists of entities."""
    found: dict[str, Raw] = {}
    source = (ROOT / f"plugins/modules/{module}.py").read_text(encoding="utf-8")
    documentation = yaml.safe_load(re.search(r'^DOCUMENTATION = r"""\n(.*?)^"""', source, re.MULTILINE | re.DOTALL)[1])  # type: ignore[index]
    for fragment in documentation.get("extends_documentation_fragment", []):
        name = fragment.removeprefix("baremetal.bcm.").partition(".")[0]
        text = (ROOT / f"plugins/doc_fragments/{name}.py").read_text(encoding="utf-8")
        for part in re.findall(r'= r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL):
            found.update(yaml.safe_load(part).get("options", {}))
    return {**found, **documentation.get("options", {})}


def _schedules(definitions: Raw) -> Iterator[str]:
    templates = _named(definitions, "controller_templates")
    for schedule in definitions["controller_schedules"]:
        template = templates.get(schedule["unified_job_template"])
        if template is None:
            continue
        given = schedule.get("extra_data", {})
        questions = template["survey_spec"]["spec"]
        for question in questions:
            # Only a form fills in defaults: the API says variables_needed_to_start for each that is not given.
            if question["required"] and question["variable"] not in given:
                yield f"schedule {schedule['name']}: {question['variable']} is required and not given"
        asked = {question["variable"] for question in questions}
        yield from (f"schedule {schedule['name']}: {key} is not asked for" for key in given if key not in asked)


def _injectors(definitions: Raw, tree: Tree) -> Iterator[str]:
    for kind in definitions["controller_credential_types"]:
        fields = {field["id"] for field in kind["inputs"]["fields"]}
        injectors = kind["injectors"]
        for name in [*injectors.get("env", {}), *injectors.get("extra_vars", {})]:
            if not re.search(rf"\b{name}\b", tree.read_names):
                yield f"credential type {kind['name']}: nothing reads {name}"
        files = {f"tower.filename.{name.partition('.')[2]}" for name in injectors.get("file", {})}
        for part in injectors.values():
            for value in part.values():
                inside = value.strip("{} ")
                if inside not in fields | files:
                    yield f"credential type {kind['name']}: {inside} is no input"
        required = set(kind["inputs"].get("required", []))
        yield from (f"credential type {kind['name']}: {name} is no input" for name in sorted(required - fields))
        secret = {field["id"] for field in kind["inputs"]["fields"] if field.get("secret")}
        for name in fields & {"password", "token", "key"} - secret:
            yield f"credential type {kind['name']}: {name} must be secret"


def _workflow(workflow: Raw, definitions: Raw) -> Iterator[str]:
    name, nodes = workflow["name"], {node["identifier"]: node for node in workflow[NODES]}
    templates = _named(definitions, "controller_templates")
    graph: dict[str, set[str]] = {identifier: set() for identifier in nodes}
    asked = {question["variable"] for question in workflow["survey_spec"]["spec"]}
    for identifier, node in nodes.items():
        for after in (each for key in _RELATED for each in node.get(key, [])):
            if after not in nodes:
                yield f"workflow {name}: {identifier} leads to {after}, which does not exist"
            graph.setdefault(after, set()).add(identifier)
        if "approval_node" in node:
            continue
        template = templates.get(node.get("unified_job_template"))
        if template is None:
            yield f"workflow {name}: {identifier} is a job of {node.get('unified_job_template')}, which is not defined"
            continue
        given = node.get("extra_data", {})
        questions = {question["variable"]: question for question in template["survey_spec"]["spec"]}
        yield from (f"workflow {name}: {identifier}: {key} is not asked for" for key in given if key not in questions)
        for variable, question in questions.items():
            answered = variable in asked or variable in given or question["default"] not in ("", None)
            if question["required"] and not answered:
                yield f"workflow {name}: {identifier}: {variable} is required and not given"
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:
        yield f"workflow {name}: its jobs lead back to each other"
        return
    if len([node for node in order if not graph[node]]) != 1:
        yield f"workflow {name}: it must begin with one job"
    yield from _approved(workflow, nodes, graph)


def _approved(workflow: Raw, nodes: Mapping[str, Raw], graph: Mapping[str, set[str]]) -> Iterator[str]:
    """Whatever powers nodes for real has the approval of a person on each way to it."""

    def approved(identifier: str) -> bool:
        before = graph[identifier] & nodes.keys()
        return bool(before) and all("approval_node" in nodes[each] or approved(each) for each in before)

    for identifier, node in nodes.items():
        powers = _LEAVE & node.get("extra_data", {}).keys() and node.get("job_type") == "run"
        if powers and not approved(identifier):
            yield f"workflow {workflow['name']}: {identifier} powers nodes without approval"
