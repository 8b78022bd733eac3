// npm's `@modelcontextprotocol/sdk` drives the product. Started with the path of its packages, the
// binary and the project; prints one JSON object with what it saw, which the suite checks.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, binary, project] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const load = async (name) => import(pathToFileURL(require.resolve(name)).href);
const { Client } = await load("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = await load("@modelcontextprotocol/sdk/client/stdio.js");

const client = new Client({ name: "interop-node", version: "1.0.0" });
const transport = new StdioClientTransport({
  command: binary,
  args: ["mcp"],
  cwd: project,
  env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: "C.UTF-8", MODELSCAN_HOME: process.env.MODELSCAN_HOME },
});
await client.connect(transport);
const seen = { progress: [] };
seen.tools = (await client.listTools()).tools;
seen.submitted = await client.callTool({ name: "task_submit", arguments: { skill: "survey", input: "{\"path\": \".\"}" } });
const id = seen.submitted.structuredContent.id;
seen.waited = await client.callTool(
  { name: "task_wait", arguments: { ids: [id], wait_ms: 50000 } },
  undefined,
  { onprogress: (progress) => seen.progress.push(progress.progress) },
);
seen.result = await client.callTool({ name: "task_result", arguments: { id } });
seen.status = await client.callTool({ name: "task_status", arguments: { id } });
seen.listed = await client.callTool({ name: "task_list", arguments: {} });
seen.agents = await client.callTool({ name: "agent_list", arguments: {} });
seen.refused = await client.callTool({ name: "task_status", arguments: { id: "zzz" } });
seen.cancelled = await client.callTool({ name: "task_cancel", arguments: { ids: [id] } });
await client.close();
console.log(JSON.stringify(seen));
