"""The official Python client of the Model Context Protocol drives the product."""

import json

from mcp import Client, StdioServerParameters

TOOLS = ["agent_list", "task_submit", "task_status", "task_wait", "task_result", "task_cancel", "task_list"]


async def drive(checks, home, mode):
    """Lists tools, submits a survey, follows its progress, waits, reads the result."""
    server = StdioServerParameters(
        command=home.binary, args=["mcp"], cwd=str(home.project), env=home.environment(),
    )
    async with Client(server, mode=mode) as client:
        tools = (await client.list_tools()).tools
        checks.that([tool.name for tool in tools] == TOOLS, f"{mode}: tools {[tool.name for tool in tools]}")
        for tool in tools:
            checks.that(tool.title and tool.description, f"{mode}: {tool.name} has title and description")
            checks.that(tool.input_schema.get("additionalProperties") is False, f"{mode}: {tool.name} has a closed input")
            checks.that(tool.output_schema is not None, f"{mode}: {tool.name} has an output schema")
            checks.that(tool.annotations is not None, f"{mode}: {tool.name} has annotations")
        agents = await client.call_tool("agent_list", {})
        checks.fits("agent_list", agents.structured_content, f"{mode}: agent_list")

        submitted = await client.call_tool("task_submit", {"skill": "survey", "agent": "nexora"})
        checks.that(not submitted.is_error, f"{mode}: submit {words(submitted)}")
        task = submitted.structured_content
        checks.fits("task_summary", task, f"{mode}: task_submit")

        seen = []

        async def progress(value, total, message):
            seen.append((value, total, message))

        waited = await client.call_tool(
            "task_wait", {"ids": [task["id"]], "mode": "all", "wait_ms": 50_000}, progress_callback=progress,
        )
        checks.fits("task_wait", waited.structured_content, f"{mode}: task_wait")
        checks.that(waited.structured_content["pending"] == [], f"{mode}: nothing is pending {words(waited)}")
        state = waited.structured_content["tasks"][0]
        checks.that(state["state"] == "succeeded", f"{mode}: succeeded {state}")
        values = [value for value, _, _ in seen]
        checks.that(values == sorted(set(values)), f"{mode}: progress only rises {values}")
        checks.that(len(values) >= 1, f"{mode}: progress is told {values}")

        result = await client.call_tool("task_result", {"id": task["id"]})
        checks.fits("result", result.structured_content, f"{mode}: task_result")
        languages = result.structured_content["result"]["languages"]
        checks.that("Rust" in json.dumps(languages), f"{mode}: Rust is among the languages {languages}")
        checks.that(task["id"] in words(result), f"{mode}: the words carry the id")

        status = await client.call_tool("task_status", {"id": task["id"]})
        checks.fits("task_summary", status.structured_content, f"{mode}: task_status")
        shown = home.run("task", "status", task["id"], "--json")
        checks.that(
            json.loads(shown.stdout) == status.structured_content,
            f"{mode}: task_status and `task status --json` show one object: {shown.stdout} {status.structured_content}",
        )
        listed = await client.call_tool("task_list", {})
        checks.fits("task_list", listed.structured_content, f"{mode}: task_list")
        checks.that(
            task["id"] in [item["id"] for item in listed.structured_content["items"]], f"{mode}: the list has the task",
        )
        cancelled = await client.call_tool("task_cancel", {"ids": [task["id"]]})
        checks.fits("task_cancel", cancelled.structured_content, f"{mode}: task_cancel")
        checks.that(cancelled.structured_content["items"][0]["error"], f"{mode}: what has ended cannot be cancelled")
        for name, arguments, kind in [
            ("task_status", {"id": "task_ffffffffffffffffffffffffffffffff"}, "task_not_found"),
            ("task_submit", {"skill": "no-such-skill"}, "unknown_skill"),
            ("task_submit", {"agent": "nobody", "prompt": "x"}, "unknown_agent"),
        ]:
            refused = await client.call_tool(name, arguments)
            checks.that(
                refused.is_error and refused.structured_content is None and words(refused).startswith(kind),
                f"{mode}: {name} {arguments} is refused as {kind}: {words(refused)}",
            )


def words(result):
    """Returns the text of an answer."""
    return "\n".join(block.text for block in result.content if block.type == "text")
