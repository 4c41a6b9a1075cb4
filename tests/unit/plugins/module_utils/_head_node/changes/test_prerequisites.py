# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.network_checks import (
    check_networks,
    check_taken_addresses,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.changes.prerequisites import (
    Findings,
    check_certificates,
    check_licence,
    check_provisioners,
    check_version,
)
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.licence import Licence
from ansible_collections.baremetal.bcm.plugins.module_utils._head_node.entities.references import Names, References

from ....objects import make_device, make_head_node, make_network, make_object, make_references, uid
from ..._https.certificates import make_certificate

Raw = dict[str, Any]
NOW_S, DAY_S = 1_700_000_000, 86_400


def node(number: int = 9, **values: Any) -> Raw:
    boot = {
        "name": "BOOTIF",
        "type": "physical",
        "bootable": True,
        "ip": f"10.141.0.{number}",
        "network": "internalnet",
    }
    return {"hostname": f"node{number:03d}", "category": "default", "interfaces": [boot], **values}


def said(findings: Findings) -> list[str]:
    return [*map(str, findings.problems), *findings.remarks, *findings.warnings, *findings.to_check]


# -- version, licence, certificates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["10", "10.25.03", "11.0", "12.1"])
def test_bcm_10_and_newer_are_accepted(version: str) -> None:
    assert said(check_version(version)) == []


@pytest.mark.parametrize("version", ["9.2", "8"])
def test_an_older_bcm_is_refused(version: str) -> None:
    problem = f"the head node runs BCM {version}; this collection needs BCM 10 or newer"

    assert check_version(version) == Findings(problems=check_version(version).problems)
    assert said(check_version(version)) == [problem]


@pytest.mark.parametrize("version", ["", "trunk"])
def test_a_version_that_is_not_known_is_to_be_checked_by_hand(version: str) -> None:
    assert check_version(version).to_check == ("BCM 10 or newer: cmsh -c 'main; versioninfo'",)


LIFE: dict[str, tuple[int, str]] = {
    "long": (31 * DAY_S, ""),
    "a second more than 30 days": (30 * DAY_S + 1, ""),
    "30 days": (30 * DAY_S, "warning: {} ends in 30 days"),
    "a day": (DAY_S + 5, "warning: {} ends in 1 day"),
    "hours": (3600, "warning: {} ends in 0 days"),
    "now": (0, "problem: {} ended today; renew it first"),
    "over": (-3 * DAY_S, "problem: {} ended 3 days ago; renew it first"),
}


def judged(findings: Findings) -> str:
    listed = [f"problem: {item}" for item in findings.problems] + [f"warning: {item}" for item in findings.warnings]
    return "; ".join(listed)


@pytest.mark.parametrize(("left_s", "expected"), LIFE.values(), ids=LIFE)
def test_a_licence_warns_for_30_days_and_refuses_when_it_has_ended(left_s: int, expected: str) -> None:
    found = check_licence(Licence(NOW_S + left_s, 10), {}, ["node009"], NOW_S)

    assert judged(found) == expected.format("the licence of the cluster")
    assert found.to_check == ()


@pytest.mark.parametrize(("left_s", "expected"), LIFE.values(), ids=LIFE)
def test_certificates_warn_for_30_days_and_refuse_when_they_have_ended(left_s: int, expected: str) -> None:
    end = datetime.datetime.fromtimestamp(NOW_S + left_s, tz=datetime.UTC)
    der = make_certificate("bcm-head", end).der

    assert judged(check_certificates({"the client certificate": [der]}, NOW_S)) == expected.format(
        "the client certificate"
    )


def test_of_several_authorities_in_one_file_the_longest_lived_counts() -> None:
    ends = [datetime.datetime.fromtimestamp(NOW_S + left_s, tz=datetime.UTC) for left_s in (-DAY_S, 99 * DAY_S)]
    ders = [make_certificate("bcm-head", end).der for end in ends]

    assert said(check_certificates({"the certificate authority (ca_path)": ders}, NOW_S)) == []


def test_a_certificate_that_can_not_be_read_is_a_remark() -> None:
    assert check_certificates({"it": [b"x"], "that": []}, NOW_S).remarks == (
        "how long it is valid can't be read",
        "how long that is valid can't be read",
    )


def test_a_licence_that_is_too_small_refuses_new_nodes_alone() -> None:
    devices = {"node001": make_device(), "head": make_head_node()}

    assert said(check_licence(Licence(NOW_S + 99 * DAY_S, 1), devices, ["node001"], NOW_S)) == []
    assert said(check_licence(Licence(NOW_S + 99 * DAY_S, 2), devices, ["node002"], NOW_S)) == []
    assert said(check_licence(Licence(NOW_S + 99 * DAY_S, 1), devices, ["node001", "node002"], NOW_S)) == [
        "the licence covers 1 node, BCM has 1 and 1 node would be added: node002"
    ]


@pytest.mark.parametrize(
    "licence",
    [None, Licence(), Licence.from_api({"endTime": "soon", "licensedNodes": 0}), Licence.from_api({"endTime": True})],
)
def test_a_licence_that_can_not_be_read_refuses_nothing_and_is_to_be_checked_by_hand(licence: Licence | None) -> None:
    found = check_licence(licence, {}, ["node009"], NOW_S)

    assert found.problems == ()
    assert [text.partition(": ")[0] for text in found.to_check] == [
        "the licence is valid",
        "the licence covers the nodes",
    ]


# -- provisioning nodes ----------------------------------------------------------------------------------------------

DEFAULT, OTHER = uid("image/default-image"), uid("image/other-image")


def entry(images: list[str] | None, *, old: tuple[str, ...] = (), drained: bool = False, node: str = "head") -> Raw:
    states = [image not in old for image in images or []]
    values = {"slotsCapacity": 10, "slotsUsed": 0, "drained": drained}
    return {"ref_node_uuid": uid(f"device/{node}"), "ref_image_uuids": images, "upToDate": states, **values}


def serving(*entries: Raw) -> Raw:
    return {"provisioningNodeStatusList": list(entries)}


def head_with_role(**role: Any) -> Raw:
    return {**make_head_node(), "roles": [make_object("Role", "ProvisioningRole", "role", **role)]}


IMAGES: dict[str, tuple[Raw, Raw, Raw, list[str]]] = {
    # the node, what the provisioning nodes report, the head node, what is wrong
    "all are there": (node(), serving(entry([DEFAULT, OTHER])), make_head_node(), []),
    "the category's is missing": (node(), serving(entry([OTHER])), make_head_node(), ["no default-image"]),
    "the node's own is missing": (
        node(software_image="other-image"),
        serving(entry([DEFAULT])),
        make_head_node(),
        ["no other-image"],
    ),
    "another one has it": (node(), serving(entry([OTHER]), entry([DEFAULT], node="node001")), make_head_node(), []),
    "a drained one does not count": (
        node(),
        serving(entry([OTHER]), entry([DEFAULT], node="node001", drained=True)),
        make_head_node(),
        ["no default-image"],
    ),
    "a role for all": (node(), serving(entry([])), head_with_role(allImages="LOCALDISK"), []),
    "a role for this one": (node(), serving(entry([])), head_with_role(allImages="NO", localImages=[DEFAULT]), []),
    "a shared one": (node(), serving(entry([])), head_with_role(allImages="NO", sharedImages=[DEFAULT]), []),
    "a role for another": (
        node(),
        serving(entry([])),
        head_with_role(allImages="NO", localImages=[OTHER]),
        ["no default-image"],
    ),
    "nothing is known": (node(), serving(entry(None)), make_head_node(), []),
    "an old copy": (node(), serving(entry([DEFAULT], old=(DEFAULT,))), make_head_node(), ["old default-image"]),
    "an old copy of another": (node(), serving(entry([DEFAULT, OTHER], old=(OTHER,))), make_head_node(), []),
    "an unknown category": (node(category="no"), serving(entry([OTHER])), make_head_node(), []),
    "no provisioning node": (node(), serving(), make_head_node(), []),
    "to be removed": (node(state="absent"), serving(entry([OTHER])), make_head_node(), []),
}


@pytest.mark.parametrize(("wanted", "status", "head", "expected"), IMAGES.values(), ids=IMAGES)
def test_a_provisioning_node_has_each_image_up_to_date(
    wanted: Raw, status: Raw, head: Raw, expected: list[str]
) -> None:
    devices = {"head": head, "node001": make_device()}
    texts = {
        "no default-image": "no provisioning node has software image 'default-image', which node009 would get; "
        "add it to the images of a provisioning role",
        "no other-image": "no provisioning node has software image 'other-image', which node009 would get; "
        "add it to the images of a provisioning role",
        "old default-image": "the copy of software image 'default-image' on head is not up to date, and serves no node "
        "while it is refreshed: cmsh -c 'softwareimage; updateprovisioners'",
    }

    assert said(check_provisioners([wanted], status, devices, make_references())) == [texts[word] for word in expected]


def test_a_known_node_gets_its_own_image_unless_that_is_taken_away() -> None:
    own = make_device(softwareImageProxy={"parentSoftwareImage": OTHER, "revisionID": -1})
    status, devices = serving(entry([DEFAULT])), {"node001": own}

    assert len(check_provisioners([{"hostname": "node001"}], status, devices, make_references()).problems) == 1
    cleared = [{"hostname": "node001", "software_image": ""}]
    assert check_provisioners(cleared, status, devices, make_references()).problems == ()


# -- networks and addresses ------------------------------------------------------------------------------------------


def with_network(**values: Any) -> References:
    known = make_references()
    return replace(known, networks=Names.from_api("network", [make_network("internalnet", "10.141.0.0", **values)]))


NETWORKS: dict[str, tuple[Raw, str]] = {
    "in order": ({}, ""),
    "nobody boots from it": ({"bootable": False}, "is not one that nodes may boot from: set bootable"),
    "not for management": ({"management": False}, "is not a management network: set management"),
    "no domain": ({"domainName": ""}, "has no domain, so that its nodes are not in DNS"),
    "no zone": ({"generateDNSZone": "NEITHER"}, "has no DNS zone generated for it: set generatednszone"),
    "no range": (
        {"dynamicRangeStart": "0.0.0.0", "dynamicRangeEnd": "0.0.0.0"},
        "has no dynamic range: a node that BCM does not know by its MAC address gets no address",
    ),
}


@pytest.mark.parametrize(("values", "lacks"), NETWORKS.values(), ids=NETWORKS)
def test_what_a_network_that_nodes_boot_from_lacks_is_a_remark(values: Raw, lacks: str) -> None:
    expected = [f"network 'internalnet', which node009 boot from, {lacks}"] if lacks else []

    assert said(check_networks([node()], {}, with_network(**values))) == expected


@pytest.mark.parametrize(
    ("start", "end"), [("10.141.0.9", "10.141.0.1"), ("10.142.0.1", "10.142.0.9"), ("10.141.0.9", "10.142.0.9")]
)
def test_a_range_that_is_no_part_of_its_network_is_a_problem(start: str, end: str) -> None:
    found = check_networks([node()], {}, with_network(dynamicRangeStart=start, dynamicRangeEnd=end))

    assert said(found) == [f"the dynamic range {start} to {end} of network 'internalnet' is no part of 10.141.0.0/16"]


def test_an_address_that_dhcp_hands_out_is_a_problem_for_a_node_that_does_not_have_it_yet() -> None:
    references = with_network(dynamicRangeStart="10.141.0.1", dynamicRangeEnd="10.141.0.20")
    bmc = {"name": "ipmi0", "type": "bmc", "ip": "10.141.0.3"}
    nodes = [node(1), node(9), {**node(30), "interfaces": [*node(30)["interfaces"], bmc]}]

    [problem] = said(check_networks(nodes, {"node001": make_device()}, references))

    assert problem == (
        "addresses in the dynamic range 10.141.0.1 to 10.141.0.20 of network 'internalnet', which DHCP hands out to "
        "others: 10.141.0.9 of node009"
    )


BOOTS_FROM: dict[str, tuple[Raw, bool]] = {
    "by its interface": (node(), True),
    "by its management network": (node(interfaces=[], management_network="internalnet"), True),
    "by its category": (node(interfaces=[]), True),
    "another": (node(interfaces=[], management_network="ipminet"), False),
    "an unknown one": (node(interfaces=[], management_network="no"), False),
    "as it is stored": ({"hostname": "node001"}, True),
    "to be removed": (node(state="absent"), False),
}


@pytest.mark.parametrize(("wanted", "concerned"), BOOTS_FROM.values(), ids=BOOTS_FROM)
def test_only_networks_that_nodes_of_the_run_boot_from_are_looked_at(wanted: Raw, concerned: bool) -> None:
    found = check_networks([wanted], {"node001": make_device()}, with_network(domainName=""))

    assert bool(found.remarks) is concerned


def with_ip(address: str, **values: Any) -> list[Raw]:
    return [{"name": "BOOTIF", "type": "physical", "ip": address, **values}]


OF_NODE001 = "node009: IP address {} belongs to device node001 in BCM"
TAKEN: dict[str, tuple[list[Raw], list[str]]] = {
    "free": ([node()], []),
    "its own": ([node(1)], []),
    "a node's": (
        [node(interfaces=with_ip("10.141.0.1"))],
        [OF_NODE001.format("10.141.0.1")],
    ),
    "a BMC's": (
        [node(interfaces=with_ip("10.148.0.1"))],
        [OF_NODE001.format("10.148.0.1")],
    ),
    "the head node's": (
        [node(interfaces=with_ip("10.141.255.254"))],
        ["node009: IP address 10.141.255.254 belongs to device head in BCM"],
    ),
    "not set": ([node(interfaces=with_ip("0.0.0.0"))], []),
    "goes": ([node(interfaces=with_ip("10.141.0.1", state="absent"))], []),
    "given up for another": ([node(1, interfaces=with_ip("10.141.0.5")), node(interfaces=with_ip("10.141.0.1"))], []),
    "given up with the interface": (
        [node(1, interfaces=with_ip("10.141.0.1", state="absent")), node(interfaces=with_ip("10.141.0.1"))],
        [],
    ),
    "given up with the node": (
        [{"hostname": "node001", "state": "absent"}, node(interfaces=with_ip("10.141.0.1"))],
        [],
    ),
    "given up by purging": (
        [{"hostname": "node001", "interfaces": [], "purge_interfaces": True}, node(interfaces=with_ip("10.141.0.1"))],
        [],
    ),
    "not given up": (
        [{"hostname": "node001"}, node(interfaces=with_ip("10.141.0.1"))],
        [OF_NODE001.format("10.141.0.1")],
    ),
}


@pytest.mark.parametrize(("nodes", "problems"), TAKEN.values(), ids=TAKEN)
def test_an_address_of_another_device_is_a_problem_unless_the_run_takes_it_away(
    nodes: list[Raw], problems: list[str]
) -> None:
    head = {**make_head_node(), "interfaces": [{"name": "eth0", "ip": "10.141.255.254"}]}
    devices = {"head": head, "node001": make_device()}

    assert said(check_taken_addresses(nodes, devices)) == problems
