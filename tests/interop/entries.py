"""The entries of `examples/clients`: parsed, and the command of each started and listed by a client."""

import json
import tomllib

from mcp import Client, StdioServerParameters

from mcp_python import TOOLS
from support import ROOT

FOLDER = ROOT / "examples" / "clients"


def entries():
    """Returns name, command and arguments of each entry, in the words of its client."""
    found = []
    code = json.loads((FOLDER / "claude-code" / ".mcp.json").read_text())["mcpServers"]["modelscan"]
    found.append(("claude-code", code["command"], code["args"]))
    vscode = json.loads((FOLDER / "vscode" / "mcp.json").read_text())["servers"]["modelscan"]
    assert vscode["type"] == "stdio"
    found.append(("vscode", vscode["command"], vscode["args"]))
    zed = json.loads((FOLDER / "zed" / "settings.json").read_text())
    found.append(("zed", zed["context_servers"]["modelscan"]["command"], zed["context_servers"]["modelscan"]["args"]))
    codex = tomllib.loads((FOLDER / "codex" / "config.toml").read_text())["mcp_servers"]["modelscan"]
    found.append(("codex", codex["command"], codex["args"]))
    return found


async def drive(checks, home):
    """Starts each as its client would and lists the tools."""
    count = 0
    for name, command, arguments in entries():
        checks.that(command == "modelscan", f"{name}: the command is the program's name")
        server = StdioServerParameters(
            command=home.binary, args=arguments, cwd=str(home.project), env=home.environment(),
        )
        async with Client(server, mode="legacy") as client:
            tools = (await client.list_tools()).tools
            if checks.that([tool.name for tool in tools] == TOOLS, f"{name}: the tools are listed"):
                count += 1
    return count
