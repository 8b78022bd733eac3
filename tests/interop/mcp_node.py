"""The client of npm's `@modelcontextprotocol/sdk` drives the product; what it saw is checked here."""

import json
import subprocess

from mcp_python import TOOLS
from support import ROOT


def drive(checks, home, node_modules):
    """Lists tools, submits a survey, follows its progress, waits, reads the result."""
    ran = subprocess.run(
        ["node", str(ROOT / "tests" / "interop" / "node" / "client.mjs"), str(node_modules), home.binary, str(home.project)],
        env=home.environment(), capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
    )
    if not checks.that(ran.returncode == 0, f"node: the client ran {ran.stderr[-2000:]}"):
        return
    seen = json.loads(ran.stdout)
    checks.that([tool["name"] for tool in seen["tools"]] == TOOLS, "node: the tools")
    for name, schema in [
        ("submitted", "task_summary"), ("waited", "task_wait"), ("result", "result"), ("status", "task_summary"),
        ("listed", "task_list"), ("agents", "agent_list"), ("cancelled", "task_cancel"),
    ]:
        checks.that(not seen[name].get("isError"), f"node: {name} is no error {seen[name].get('content')}")
        checks.fits(schema, seen[name].get("structuredContent"), f"node: {name}")
    checks.that(seen["waited"]["structuredContent"]["pending"] == [], "node: nothing is pending")
    checks.that(seen["status"]["structuredContent"]["state"] == "succeeded", "node: it succeeded")
    checks.that("Rust" in json.dumps(seen["result"]["structuredContent"]["result"]), "node: the result names Rust")
    checks.that(seen["progress"] == sorted(set(seen["progress"])), f"node: progress only rises {seen['progress']}")
    checks.that(len(seen["progress"]) >= 1, "node: progress is told")
    refused = seen["refused"]
    checks.that(refused["isError"] and "structuredContent" not in refused, "node: a failure carries text alone")
