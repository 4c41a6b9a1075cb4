"""Give ansible-test the pip it puts into its environments, from the package index the user has configured.

ansible-test makes environments without pip and fetches a script from a host of its own to install pip with. It takes
the script from its cache when it is there. The one written here installs the same version of pip from its wheel, so
no other host than the package index is ever needed and every sanity test runs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

BOOTSTRAP = """\
import sys

WHEELS = {wheels!r}
WHEEL = {wheel!r}

if __name__ == "__main__":
    sys.path.insert(0, WHEEL)
    for name in [name for name in sys.modules if name.partition(".")[0] == "pip"]:
        del sys.modules[name]
    from pip._internal.cli.main import main

    # Options of the script that pip itself does not have.
    options = [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
    sys.exit(main(["install", "--no-index", "--find-links", WHEELS, *options]))
"""


def wanted_pip() -> str:
    """Return the version of pip that this environment's ansible-test installs."""
    spec = find_spec("ansible_test")
    if spec is None or spec.origin is None:
        sys.exit("error: ansible-test is not installed in this environment")
    source = Path(spec.origin).with_name("_internal") / "python_requirements.py"
    found = re.search(r"pip='([0-9.]+)'", source.read_text(encoding="utf-8"))
    if found is None:
        sys.exit("error: this ansible-test does not say which pip it wants; tests/tools/offer_pip.py must learn how")
    return found[1]


def main() -> None:
    """Write the script and fetch the wheel it installs, unless both are there."""
    version = wanted_pip()
    cache = Path.home() / ".ansible" / "test" / "cache"
    wheels = cache / "wheels"
    wheel = wheels / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        wheels.mkdir(parents=True, exist_ok=True)
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
        subprocess.run([*download, f"pip=={version}"], check=True, stderr=subprocess.DEVNULL)
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(BOOTSTRAP.format(wheels=str(wheels), wheel=str(wheel)), encoding="utf-8")


if __name__ == "__main__":
    main()
