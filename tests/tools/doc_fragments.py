"""Write the doc fragments of options that take a list of entities, from the documentation of the entity's own module.

An element of such a list has the options of the module, one level deeper. Ansible shares options between plugins, but
not suboptions, so that the fragment is a copy, and this makes it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"

PAGE = '''\
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Written by `make doc-fragments` from the documentation of {module}: change it there.
"""The option that takes many {option}."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  {option}:
    description: {description}, each with the options of M(baremetal.bcm.{module}).
    type: list
    elements: dict
    suboptions:
{suboptions}
"""
'''


@dataclass(frozen=True)
class Fragment:
    """A fragment to write: the option it documents, and the module whose options the elements have."""

    name: str
    option: str
    description: str
    module: str

    @property
    def path(self) -> Path:
        return PLUGINS / "doc_fragments" / f"{self.name}.py"

    def text(self) -> str:
        """Return what the file must hold."""
        options = options_of(self.module)
        # What one option says of another must name it where it is now.
        inside = re.sub(r"\bO\((?=[\w.\[\]]+\))", f"O({self.option}[].", options)
        suboptions = textwrap.indent(inside, " " * 4)
        return PAGE.format(module=self.module, option=self.option, description=self.description, suboptions=suboptions)


FRAGMENTS = (
    Fragment("category_list", "categories", "Categories", "bcm_category"),
    Fragment("device_list", "devices", "The nodes", "bcm_device"),
)


def options_of(module: str) -> str:
    """Return the options that a module's own documentation has, those of its fragments left out, as they stand."""
    source = (PLUGINS / "modules" / f"{module}.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DOCUMENTATION":
            documentation: str = ast.literal_eval(node.value)
            return documentation.partition("\noptions:\n")[2].rstrip("\n")
    raise LookupError(f"{module} has no DOCUMENTATION")


CONNECTION_PAGE = '''\
# SPDX-FileCopyrightText: The baremetal.bcm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# Written by `make doc-fragments` from the fragment connection: change it there.
"""Options of the connection to a head node, for plugins, whose documentation declares the environment variables."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
{options}
requirements:
  - httpx
"""
'''


@dataclass(frozen=True)
class ConnectionFragment:
    """The fragment connection, with each environment variable that a description names declared as Ansible wants it."""

    path: Path = PLUGINS / "doc_fragments" / "connection_of_plugin.py"

    def text(self) -> str:
        """Return what the file must hold."""
        source = (PLUGINS / "doc_fragments" / "connection.py").read_text(encoding="utf-8")
        options = source.partition("\noptions:\n")[2].partition("\nrequirements:\n")[0]
        declared = []
        for option in re.split(r"\n(?=  \w)", options):
            variable = re.search(r"E\((\w+)\)", option)
            declared.append(f"{option}\n    env:\n      - name: {variable[1]}" if variable else option)
        return CONNECTION_PAGE.format(options="\n".join(declared))


if __name__ == "__main__":
    for fragment in (*FRAGMENTS, ConnectionFragment()):
        fragment.path.write_text(fragment.text(), encoding="utf-8")
        print(fragment.path.relative_to(PLUGINS.parent))
