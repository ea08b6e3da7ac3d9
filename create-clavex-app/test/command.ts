import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject, onTestFinished } from "vitest";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** A folder of the test's own, outside every repository. */
export async function scratch(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "create-clavex-app-test-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the packed command as a child process, without a terminal. */
export function start(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return launch(process.execPath, [path.join(inject("unpacked"), "dist/create-clavex-app.js"), ...args], cwd, env);
}

export const run = (cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> => start(cwd, args, env).ended;

export function launch(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<Ended>((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { child, ended };
}

/** An `npm` that does what `script` says; returns the PATH that finds it. */
export async function fakeNpm(script: string): Promise<string> {
  const folder = path.join(await scratch(), "bin");
  await mkdir(folder);
  await writeFile(path.join(folder, "npm"), `#!/bin/sh\n${script}\n`);
  await chmod(path.join(folder, "npm"), 0o755);
  return `${folder}${path.delimiter}${process.env.PATH ?? ""}`;
}

export const listing = (folder: string): Promise<string[]> => readdir(folder).then((names) => names.sort());
