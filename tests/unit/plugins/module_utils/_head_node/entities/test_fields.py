# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of field: what a user's value makes of what is stored, and how it is shown."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.api.errors import BcmConfigError, BcmNotFound
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.category import CATEGORY
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.device import DEVICE
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.fields import (
    HIDDEN,
    Choice,
    ImageProxy,
    KeyValues,
    Kind,
    Mac,
    Reference,
    Script,
    Secret,
    TextSet,
    Value,
    Xml,
    with_new_uuids,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import ZERO_UUID

from ....objects import make_category, make_context, make_proxy, make_references, uid

MODES = Choice(("", "AUTO", "FULL"), {"MINIMAL": "AUTO"})
LOADERS = Choice(("SYSLINUX", "GRUB"), {"grub2": "GRUB"})
NETWORK = Reference("networks")
DISKS = Xml("diskSetup")
XML = "<diskSetup><device a='1' b='2'>x</device></diskSetup>"
XML_SPACED = "<diskSetup>\n  <device b='2'   a='1'>x</device>\n</diskSetup>\n"
INTERNAL = uid("network/internalnet")

# kind, stored, wanted, merged
MERGED: dict[str, tuple[Kind, Any, Any, Any]] = {
    "a value replaces": (Value(), "a", "b", "b"),
    "an empty text clears": (Value(), "a", "", ""),
    "zero is a value": (Value(), 5, 0, 0),
    "false is a value": (Value(), True, False, False),
    "a choice": (MODES, "", "FULL", "FULL"),
    "MINIMAL is AUTO": (MODES, "FULL", "MINIMAL", "AUTO"),
    "grub2 is GRUB": (LOADERS, "SYSLINUX", "grub2", "GRUB"),
    "the empty choice": (MODES, "FULL", "", ""),
    "a MAC in lower case is kept": (Mac(), "02:00:00:00:00:AB", "02:00:00:00:00:ab", "02:00:00:00:00:AB"),
    "stored lower case is kept": (Mac(), "02:00:00:00:00:ab", "02-00-00-00-00-AB", "02:00:00:00:00:ab"),
    "another MAC is normalised": (Mac(), "02:00:00:00:00:AB", "0200.0000.00cd", "02:00:00:00:00:CD"),
    "a first MAC": (Mac(), "", "02:00:00:00:00:ab", "02:00:00:00:00:AB"),
    "order of words does not count": (TextSet(), ["b", "a"], ["a", "b"], ["b", "a"]),
    "other words are sorted": (TextSet(), ["b"], ["c", "a", "c"], ["a", "c"]),
    "no words clear": (TextSet(), ["b"], [], []),
    "no words stored": (TextSet(), None, [], None),
    "a script": (Script(), "", "#!/bin/sh\nexit 0\n", "#!/bin/sh\nexit 0\n"),
    "one command is a script": (Script(), "", "touch /localdisk/ready", "touch /localdisk/ready"),
    "an empty script clears": (Script(), "x\n", "", ""),
    "white space in XML does not count": (DISKS, XML, XML_SPACED, XML),
    "other XML": (DISKS, XML, "<diskSetup/>", "<diskSetup/>"),
    "XML over what is none": (DISKS, "rubbish <", XML, XML),
    "XML with a declaration": (DISKS, XML, f"<?xml version='1.0' encoding='UTF-8'?>{XML}", XML),
    "XML can be cleared": (DISKS, XML, "", ""),
    "a name becomes a uuid": (NETWORK, ZERO_UUID, "internalnet", INTERNAL),
    "a name that is stored is kept": (NETWORK, INTERNAL, "internalnet", INTERNAL),
    "an empty name clears": (NETWORK, INTERNAL, "", ZERO_UUID),
    "an image": (
        ImageProxy(),
        make_proxy("n", "default-image"),
        {"name": "other-image"},
        make_proxy("n", "other-image"),
    ),
    "the same image keeps its revision": (
        ImageProxy(),
        make_proxy("n", "default-image", 3),
        {"name": "default-image", "revision": None},
        make_proxy("n", "default-image", 3),
    ),
    "another image has no revision yet": (
        ImageProxy(),
        make_proxy("n", "default-image", 3),
        {"name": "other-image"},
        make_proxy("n", "other-image", -1),
    ),
    "the newest revision": (
        ImageProxy(),
        make_proxy("n", "default-image"),
        {"name": "default-image", "revision": 0},
        make_proxy("n", "default-image", 0),
    ),
    "no image of its own": (ImageProxy(), make_proxy("n", "default-image"), {"name": ""}, None),
    "a password": (Secret(), "old", "new", "new"),
    "keys of others stay": (KeyValues(), {"theirs": 1}, {"ours": 2}, {"theirs": 1, "ours": 2}),
    "null removes a key": (KeyValues(), {"theirs": None, "ours": 2}, {"ours": None}, {"theirs": None}),
    "removing what is not there": (KeyValues(), None, {"ours": None}, None),
    "first keys": (KeyValues(), None, {"ours": 0}, {"ours": 0}),
}


@pytest.mark.parametrize(("kind", "stored", "wanted", "merged"), MERGED.values(), ids=MERGED)
def test_a_wanted_value_is_merged_into_what_is_stored(kind: Kind, stored: Any, wanted: Any, merged: Any) -> None:
    before = copy.deepcopy(stored)

    assert kind.merge(stored, wanted, make_context()) == merged
    assert stored == before


@pytest.mark.parametrize(("kind", "stored", "wanted", "merged"), MERGED.values(), ids=MERGED)
def test_merging_the_same_again_changes_nothing(kind: Kind, stored: Any, wanted: Any, merged: Any) -> None:
    assert kind.merge(merged, wanted, make_context()) == merged
    assert kind.merge(stored, wanted, make_context()) == kind.merge(stored, wanted, make_context())


def test_a_first_image_of_its_own_gets_a_proxy_with_a_uuid() -> None:
    merged = ImageProxy().merge(None, {"name": "other-image", "revision": 2}, make_context())

    assert merged["baseType"] == "SoftwareImageProxy"
    assert merged["uuid"] not in ("", ZERO_UUID)
    assert (merged["parentSoftwareImage"], merged["revisionID"]) == (uid("image/other-image"), 2)


REFUSED: dict[str, tuple[Kind, Any, type[Exception], str]] = {
    "unknown choice": (MODES, "HALF", BcmConfigError, "'HALF' is not one of AUTO, FULL"),
    "no MAC": (Mac(), "02:00:00:00:00", BcmConfigError, "^not a MAC address: it takes 12"),
    "broken XML": (DISKS, "<diskSetup>", BcmConfigError, "not well-formed XML"),
    "another root": (DISKS, "<disks/>", BcmConfigError, "the root element is not <diskSetup>"),
    "unknown network": (NETWORK, "nonet", BcmNotFound, "network 'nonet' does not exist .*: internalnet, ipminet"),
    "unknown image": (
        ImageProxy(),
        {"name": "no-image"},
        BcmNotFound,
        "software image 'no-image' does not exist on the head node; existing: default-image, other-image",
    ),
    **{
        f"path {path}": (Script(), path, BcmConfigError, "looks like a path.*lookup")
        for path in (
            "/etc/finalize.sh",
            "./finalize.sh",
            "../scripts/finalize",
            "~/finalize.sh",
            "files/finalize.sh",
            "finalize.sh",
            "finalize.py\n",
            "/cm/local/apps/x",
        )
    },
}


@pytest.mark.parametrize(("kind", "wanted", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_cannot_be_meant_is_refused(kind: Kind, wanted: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        kind.merge(None, wanted, make_context())


# kind, stored, shown
SHOWN: dict[str, tuple[Kind, Any, Any]] = {
    "value": (Value(), "a", "a"),
    "words are sorted": (TextSet(), ["b", "a"], ["a", "b"]),
    "no words": (TextSet(), None, []),
    "reference": (NETWORK, INTERNAL, "internalnet"),
    "no reference": (NETWORK, ZERO_UUID, None),
    "a reference to nothing": (NETWORK, uid("gone"), uid("gone")),
    "image": (ImageProxy(), make_proxy("n", "default-image"), "default-image"),
    "revision": (ImageProxy(), make_proxy("n", "default-image", 3), "default-image, revision 3"),
    "no image": (ImageProxy(), None, None),
    "password": (Secret(), "secret", HIDDEN),
    "no password": (Secret(), "", ""),
}


@pytest.mark.parametrize(("kind", "stored", "shown"), SHOWN.values(), ids=SHOWN)
def test_what_is_stored_is_shown_in_the_words_of_the_options(kind: Kind, stored: Any, shown: Any) -> None:
    assert kind.show(stored, make_references()) == shown


def uuids_of(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["uuid"]] if "uuid" in value else []
        return own + [uid for item in value.values() for uid in uuids_of(item)]
    return [uid for item in value for uid in uuids_of(item)] if isinstance(value, list) else []


def test_a_clone_has_uuids_of_its_own_throughout_and_the_same_references() -> None:
    original = make_category()
    before = copy.deepcopy(original)

    clone = with_new_uuids(original, make_context())

    assert original == before
    assert not set(uuids_of(clone)) & set(uuids_of(original))
    assert len(set(uuids_of(clone))) == len(uuids_of(clone)) == 4
    assert clone["parent_uuid"] == clone["uuid"]
    assert clone["managementNetwork"] == original["managementNetwork"]
    assert clone["softwareImageProxy"]["parentSoftwareImage"] == uid("image/default-image")


@pytest.mark.parametrize("schema", [DEVICE, CATEGORY], ids=lambda schema: schema.entity)
def test_no_two_options_are_one_key(schema: Any) -> None:
    options = [field.option for field in schema.fields]
    keys = [field.key for field in schema.fields]

    assert len(set(options)) == len(options)
    assert len(set(keys)) == len(keys)
