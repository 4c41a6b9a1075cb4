"""Print what the running virtual rack says about its nodes; with --all-up, fail unless every one is UP."""

from __future__ import annotations

import json
import os
import sys
import urllib.request


def main() -> None:
    """Read the rack's admin API, which only the rack's owner has: it is no part of the head node."""
    with urllib.request.urlopen(f"{os.environ['VIRTUAL_RACK_ADMIN']}/nodes", timeout=10) as answer:  # noqa: S310
        nodes = json.load(answer)
    print(f"{'machine':<10}{'node':<10}{'status':<8}{'power':<7}{'power operations':<18}image")
    for node in nodes:
        image = (node["running_image"] or {}).get("name", "-")
        print(
            f"{node['name']:<10}{node['hostname'] or '-':<10}{node['status'] or '-':<8}{node['power']:<7}"
            f"{node['power_operations']:<18}{image}"
        )
    late = [node["name"] for node in nodes if node["status"] != "UP"]
    if "--all-up" in sys.argv and (late or not nodes):
        sys.exit(f"error: not up: {', '.join(late) or 'there is no node at all'}")


if __name__ == "__main__":
    main()
