"""The host drives the example agent, which stands on the agent side of PyPI's package."""

import json
import sys

from support import ROOT


def drive(checks, home):
    """A task for the example agent, from a configuration as a user would write it."""
    agent = ROOT / "examples" / "agents" / "minimal.py"
    (home.data / "config.toml").write_text(
        "[agents.minimal]\n"
        f"command = {json.dumps(sys.executable)}\n"
        f"args = [{json.dumps(str(agent))}]\n"
        'description = "The example agent"\n'
    )
    listed = json.loads(home.run("agent", "list", "--json").stdout)
    checks.that("minimal" in [item["name"] for item in listed["items"]], f"minimal: it is listed {listed}")
    ran = home.run("task", "submit", "--agent", "minimal", "--wait", "--json", "say hello to the suite")
    checks.that(ran.returncode == 0, f"minimal: the task succeeded {ran.returncode} {ran.stdout} {ran.stderr}")
    task = json.loads(home.run("task", "show", "@last", "--json").stdout)
    checks.fits("task_show", task, "minimal: task show")
    checks.that(task["task"]["state"] == "succeeded", f"minimal: {task['task']['state']}")
    checks.that(task["task"]["result"]["text"], "minimal: its words are the result")
    messages = json.loads(home.run("message", "list", "--task", task["task"]["id"], "--json").stdout)
    checks.fits("message_list", messages, "minimal: message list")
    checks.that(messages["items"], "minimal: what it said is on record")
