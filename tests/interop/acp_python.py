"""PyPI's `agent-client-protocol` as client drives Nexora, as any editor of that protocol would."""

import asyncio
import json

import acp
from acp.schema import ClientCapabilities


class Editor(acp.Client):
    """Collects what the agent tells; allows nothing."""

    def __init__(self):
        self.updates = []
        self.told = asyncio.Event()

    async def session_update(self, session_id, update, **kwargs):
        self.updates.append(update)
        self.told.set()

    async def request_permission(self, session_id, tool_call, options, **kwargs):
        raise acp.RequestError.method_not_found("session/request_permission")

    async def ext_method(self, method, params):
        raise acp.RequestError.method_not_found(method)

    async def ext_notification(self, method, params):
        return None

    def on_connect(self, conn):
        self.agent = conn


async def survey(checks, home):
    """A survey by its prompt, in an editor that knows nothing of our extensions."""
    editor = Editor()
    async with acp.spawn_agent_process(
        editor, home.binary, "nexora", env=home.environment(), cwd=str(home.project),
    ) as (agent, child):
        hello = await agent.initialize(protocol_version=1, client_capabilities=ClientCapabilities())
        checks.that(hello.protocol_version == 1, "acp: version 1 is agreed")
        checks.that(hello.agent_info is not None and hello.agent_info.name, "acp: the agent says its name")
        session = await agent.new_session(cwd=str(home.project), mcp_servers=[])
        answer = await agent.prompt(session_id=session.session_id, prompt=[acp.text_block("/survey")])
        checks.that(answer.stop_reason == "end_turn", f"acp: the turn ended {answer.stop_reason}")
        kinds = [update.session_update for update in editor.updates]
        checks.that("tool_call" in kinds and "tool_call_update" in kinds, f"acp: steps are shown {set(kinds)}")
        said = "".join(
            update.content.text for update in editor.updates if update.session_update == "agent_message_chunk"
        )
        checks.that("Rust" in said, f"acp: the report is said {said[:200]}")
        refused = await agent.prompt(session_id=session.session_id, prompt=[acp.text_block("please write a poem")])
        said = "".join(
            update.content.text for update in editor.updates if update.session_update == "agent_message_chunk"
        )
        checks.that("survey" in said and "model" in said, "acp: without a model it says what it can do")
        checks.that(refused.stop_reason in ("refusal", "end_turn"), f"acp: and ends the turn {refused.stop_reason}")
    checks.that(child.returncode is not None, "acp: the agent ends when its stdin does")


async def cancel(checks, home):
    """A cancel in the middle of a step that would take minutes."""
    home.skill("linger", {
        "plan": 1, "effects": "write",
        "steps": [{"id": "wait", "tool": "bash", "arguments": {"command": "echo begun; sleep 600"}}],
        "result": {"done": True}, "result_schema": {"type": "object"},
    })
    editor = Editor()
    async with acp.spawn_agent_process(
        editor, home.binary, "nexora", env=home.environment(), cwd=str(home.project),
    ) as (agent, _child):
        await agent.initialize(protocol_version=1, client_capabilities=ClientCapabilities())
        session = await agent.new_session(cwd=str(home.project), mcp_servers=[])
        turn = asyncio.create_task(
            agent.prompt(session_id=session.session_id, prompt=[acp.text_block("/linger " + json.dumps({}))])
        )
        while not any(update.session_update == "tool_call" for update in editor.updates):
            told = asyncio.create_task(editor.told.wait())
            done, _ = await asyncio.wait({told, turn}, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            if told not in done:
                told.cancel()
                checks.that(False, f"acp: the step is told before the turn ends {turn} {editor.updates}"[:500])
                return
            editor.told.clear()
        await agent.cancel(session_id=session.session_id)
        answer = await asyncio.wait_for(turn, 30)
        checks.that(answer.stop_reason == "cancelled", f"acp: the turn is cancelled {answer.stop_reason}")


async def drive(checks, home):
    """A survey and a cancel."""
    await survey(checks, home)
    await cancel(checks, home)
