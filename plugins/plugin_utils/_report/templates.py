# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fills the templates beside this file; the only place that declares a text to be markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.baremetal.bcm.plugins.module_utils._values.duration import format_duration
from ansible_collections.baremetal.bcm.plugins.module_utils._values.names import count
from ansible_collections.baremetal.bcm.plugins.module_utils._values.text import cut, printable


def _finalize(value: Any) -> Any:
    """Take out of every text what moves a cursor or turns the direction of writing; it is escaped after that."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters.update(counted=count, cut=cut, duration=format_duration)


def render(template: str, **values: object) -> Markup:
    """Fill a template; every value is escaped, but markup that another template made."""
    return Markup(_ENVIRONMENT.get_template(template).render(values))  # noqa: S704 - the environment escapes
