import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import type { Caller } from "./access-token.js";

export const scopes = ["notes:read", "notes:write"] as const;

/** Notes of people, by their subject. In memory: replace it with your database. */
const notes = new Map<string, string[]>();

/** Makes the MCP server of one request: its tools act for the caller, within the scopes of the caller's token. */
export function notesServer(caller: Caller): McpServer {
  const server = new McpServer({ name: "notes", version: "0.1.0" });
  const own = notes.get(caller.subject) ?? [];

  server.registerTool("list_notes", { title: "List notes", description: "Lists the notes of the signed-in person." }, () =>
    allowed(caller, "notes:read", () => (own.length === 0 ? "There are no notes." : own.join("\n"))),
  );

  server.registerTool(
    "add_note",
    { title: "Add a note", description: "Adds a note for the signed-in person.", inputSchema: { text: z.string().min(1).max(1000) } },
    ({ text }) =>
      allowed(caller, "notes:write", () => {
        notes.set(caller.subject, [...own, text].slice(-100));
        return "Added.";
      }),
  );
  return server;
}

function allowed(caller: Caller, scope: (typeof scopes)[number], act: () => string): CallToolResult {
  if (!caller.scopes.includes(scope)) return { isError: true, content: [{ type: "text", text: `The access token lacks the scope ${scope}.` }] };
  return { content: [{ type: "text", text: act() }] };
}
