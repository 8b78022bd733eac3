#!/usr/bin/env python3
"""A small agent for ModelScan, and for any client of the Agent Client Protocol.

It counts the words of the files whose names it is given. Start from it: replace `work` by what your agent does.
Needs `pip install agent-client-protocol`. In config.toml:

    [agents.minimal]
    driver = "acp"
    command = "python3"
    args = ["/path/to/minimal.py"]
"""

import asyncio
import pathlib

import acp
from acp.schema import Implementation


class Minimal(acp.Agent):
    def on_connect(self, conn):
        self.client = conn
        self.folders = {}
        self.turns = {}

    async def initialize(self, protocol_version, client_capabilities=None, client_info=None, **_):
        name = Implementation(name="minimal", version="1.0.0")
        return acp.InitializeResponse(protocol_version=acp.PROTOCOL_VERSION, agent_info=name)

    async def new_session(self, cwd, mcp_servers=None, **_):
        session = f"session-{len(self.folders) + 1}"
        self.folders[session] = pathlib.Path(cwd)
        return acp.NewSessionResponse(session_id=session)

    async def prompt(self, session_id, prompt, **_):
        words = " ".join(block.text for block in prompt if block.type == "text")
        turn = self.turns[session_id] = asyncio.ensure_future(self.work(session_id, words))
        try:
            await turn
        except asyncio.CancelledError:
            return acp.PromptResponse(stop_reason="cancelled")
        return acp.PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id, **_):
        if turn := self.turns.get(session_id):
            turn.cancel()

    async def tell(self, session, update):
        await self.client.session_update(session_id=session, update=update)

    async def work(self, session, words):
        """What is said as text is the task's result; each tool call is on record."""
        files = [path for word in words.split() if (path := self.folders[session] / word).is_file()]
        for number, path in enumerate(files):
            call = f"read-{number}"
            await self.tell(session, acp.start_read_tool_call(call, f"Reading {path.name}", str(path)))
            count = len(path.read_text(errors="replace").split())
            await self.tell(session, acp.update_tool_call(call, status="completed", raw_output={"words": count}))
            await self.tell(session, acp.update_agent_message_text(f"{path.name}: {count} words\n"))
        if not files:
            await self.tell(session, acp.update_agent_message_text(f"You said: {words}"))


if __name__ == "__main__":
    asyncio.run(acp.run_agent(Minimal()))
