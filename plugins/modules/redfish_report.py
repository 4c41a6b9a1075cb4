#!/usr/bin/python
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Report on an audit of servers as a table, a file and a page."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_report
short_description: Report on an audit of servers as a table, a file and a page
version_added: 0.1.0
description:
  - Prints what M(baremetal.bcm.redfish_audit) found and is not met as a table, with a summary.
  - Writes JSON, JUnit XML, and a page of HTML with servers by controls that needs no script and no other file.
  - Talks to no server.
author:
  - The baremetal.bcm contributors (!UNKNOWN)
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
    details: The files are written in check mode too. An audit is a check, and they are its result.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: N/A
    details: Changes nothing.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
options:
  servers:
    description: RV(baremetal.bcm.redfish_audit#module:servers) of an audit.
    type: dict
    required: true
  before:
    description: The same of an earlier audit. The page marks what has another state since.
    type: dict
    default: {}
  heading:
    description: Heading of the page.
    type: str
    default: Hardening of servers
  path:
    description: File to write the audit to as JSON. Directories on the way are made.
    type: path
  junit:
    description: File to write the audit to as JUnit XML, with a suite for each server and a case for each control.
    type: path
  html:
    description: File to write the page to.
    type: path
seealso:
  - module: baremetal.bcm.redfish_audit
"""

EXAMPLES = r"""
- name: Write what an audit found
  baremetal.bcm.redfish_report:
    servers: "{{ audit.servers }}"
    path: report.json
    junit: report.xml
    html: report.html
"""

RETURN = r"""
table:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample: ["SERVER  CONTROL        STATE", "dgx-05  ipmi_over_lan  drift"]
"""
