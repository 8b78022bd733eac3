"""Drives the built product with clients and agents that others wrote.

Each part has a data folder and a project of its own. The suite fails if a check did not hold, or if
fewer clients ran than are pinned here.
"""

import argparse
import asyncio
import sys
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import acp_python  # noqa: E402
import entries  # noqa: E402
import mcp_node  # noqa: E402
import mcp_python  # noqa: E402
import minimal_agent  # noqa: E402
from support import Checks, Home, become_subreaper, fail  # noqa: E402

CLIENTS = 5
ENTRIES = 4


def main():
    """Runs all parts and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--node-modules", required=True, type=Path)
    options = parser.parse_args()
    if not options.binary.is_file():
        fail(f"{options.binary} is not built: run `cargo build --workspace --all-targets` first")
    become_subreaper()
    checks = Checks()
    found = {"entries": 0}

    async def mounted(home):
        found["entries"] = await entries.drive(checks, home)

    parts = [
        ("MCP, Python SDK, default mode", True, lambda home: asyncio.run(mcp_python.drive(checks, home, "auto"))),
        ("MCP, Python SDK, legacy mode", True, lambda home: asyncio.run(mcp_python.drive(checks, home, "legacy"))),
        ("MCP, TypeScript SDK", True, lambda home: mcp_node.drive(checks, home, options.node_modules)),
        ("ACP, Python package as client", True, lambda home: asyncio.run(acp_python.drive(checks, home))),
        ("ACP, Python package as agent", True, lambda home: minimal_agent.drive(checks, home)),
        ("entries of other programs", False, lambda home: asyncio.run(mounted(home))),
    ]
    for name, is_client, part in parts:
        print(f"-- {name}", flush=True)
        home = Home(options.binary)
        before = len(checks.failed)
        try:
            part(home)
        except Exception:
            traceback.print_exc()
            checks.that(False, f"{name}: ended with an exception")
        home.close(checks)
        if is_client and len(checks.failed) == before:
            checks.ran.append(name)
    print(f"clients and agents of others: {len(checks.ran)} of {CLIENTS}")
    print(f"entries of other programs: {found['entries']} of {ENTRIES}")
    complete = len(checks.ran) == CLIENTS and found["entries"] == ENTRIES
    print(f"interop: {checks.passed} passed, {len(checks.failed)} failed")
    sys.exit(0 if complete and not checks.failed else 1)


if __name__ == "__main__":
    main()
