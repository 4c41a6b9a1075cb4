"""Give ansible-test the pip it puts into its environments, and that pip the user's own settings.

ansible-test makes environments without pip and fetches a script from a host of its own to install pip with. It takes
the script from its cache when it is there. The one written here installs the same version of pip from its wheel, so
no other host than the package index is ever needed and every sanity test runs.

It also starts pip without the caller's variables, and here with another home directory: settings such as the package
index or the certificates to trust reach it through the configuration file in that home.
"""

from __future__ import annotations

import ast
import configparser
import os
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
    for name in [name for name in sys.modules if name.split(".")[0] == "pip"]:
        del sys.modules[name]
    from pip._internal.cli.main import main

    # Options of the script that pip itself does not have.
    options = [option for option in sys.argv[1:] if option not in ("--no-setuptools", "--no-wheel")]
    sys.exit(main(["install", "--find-links", WHEELS, *options]))
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


def pip(*arguments: str) -> str:
    """Return the output of the environment's own pip."""
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout


def write_settings(path: Path) -> None:
    """Write what pip is configured to do here, by files and by variables, as one configuration file."""
    settings = configparser.RawConfigParser()
    settings["global"] = {"cache-dir": pip("cache", "dir").strip(), "quiet": "1"}
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    if certificates:
        settings["global"]["cert"] = certificates
    for line in pip("config", "list").splitlines():
        key, value = line.split("=", 1)
        section, option = key.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings[section][option] = str(ast.literal_eval(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8") as file:
        settings.write(file)


def main(home: Path) -> None:
    """Prepare the home directory that ansible-test will be run with."""
    version = wanted_pip()
    cache = home / ".ansible" / "test" / "cache"
    wheels = cache / "wheels"
    wheel = wheels / f"pip-{version}-py3-none-any.whl"
    if not wheel.exists():
        pip("download", "--no-deps", "--dest", str(wheels), f"pip=={version}")
    script = cache / f"get_pip_{version.replace('.', '_')}.py"
    script.write_text(BOOTSTRAP.format(wheels=str(wheels), wheel=str(wheel)), encoding="utf-8")
    write_settings(home / ".config" / "pip" / "pip.conf")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
