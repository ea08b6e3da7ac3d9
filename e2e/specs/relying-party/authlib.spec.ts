import { spawn, type ChildProcessByStdio } from "node:child_process";
import path from "node:path";
import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";
import { CallbackServer } from "../../fixtures/callback-server.ts";
import { demo, issuerOf } from "../../fixtures/environment.ts";
import { expect, test } from "../../fixtures/test.ts";

/** The lines of JSON that the application prints, one at a time. */
function listen(application: ChildProcessByStdio<Writable, Readable, Readable>): () => Promise<Record<string, unknown>> {
  let complaints = "";
  application.stderr.on("data", (text: Buffer) => (complaints += text.toString()));
  const lines = createInterface({ input: application.stdout })[Symbol.asyncIterator]();
  return async () => {
    const line = await lines.next();
    if (line.done) throw new Error(`the application ended:\n${complaints}`);
    return JSON.parse(line.value) as Record<string, unknown>;
  };
}

test("Authlib registers itself, signs Ada in, renews, and gives up what it got", async ({ page, hosted }) => {
  const issuer = issuerOf(demo.slug);
  const callback = await CallbackServer.start();
  const program = path.resolve(import.meta.dirname, "../../fixtures/authlib-relying-party.py");
  const application = spawn("/usr/bin/python3", [program, issuer, callback.redirectUri], { stdio: ["pipe", "pipe", "pipe"] });
  const says = listen(application);

  const url = new URL((await says()).url as string);
  await page.goto(url.href);
  await hosted.signIn(demo.ada);
  await hosted.allow.click();
  await expect(page.getByRole("heading", { name: "Back at the application" })).toBeVisible();
  application.stdin.end(`${callback.answer(url.searchParams.get("state") ?? "")?.href ?? ""}\n`);
  const learned = await says();
  expect(learned).toMatchObject({ renewed: true, active: true, active_after_revocation: false, userinfo: { sub: learned.sub, name: demo.ada.name } });
  await callback.stop();
});
