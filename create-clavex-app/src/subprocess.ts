import { spawn, type ChildProcess } from "node:child_process";

export interface Finished {
  /** `undefined` when the program is not there. */
  readonly code: number | null | undefined;
  /** The end of what it wrote, both streams together. */
  readonly output: string;
}

const KEPT = 8000;
/** How long a program may take to stop before it is killed, in milliseconds. */
const PATIENCE = 1000;
const isWindows = process.platform === "win32";

/**
 * Runs a program to its end. When `signal` fires the program is told to stop and waited for,
 * so that nothing writes into a folder that is about to be removed.
 */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal },
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      // npm, pnpm and yarn are scripts on Windows, which only a shell can start. All arguments are our own words.
      shell: isWindows,
      // A process group of its own: what is called npm is often a wrapper, and stopping that alone stops nothing.
      detached: !isWindows,
    });
    let output = "";
    const keep = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);

    let insistence: NodeJS.Timeout | undefined;
    const stop = () => {
      signalGroup(child, "SIGTERM");
      insistence = setTimeout(() => {
        signalGroup(child, "SIGKILL");
      }, PATIENCE);
    };
    const finish = (code: Finished["code"]) => {
      clearTimeout(insistence);
      options.signal?.removeEventListener("abort", stop);
      resolve({ code, output });
    };
    child.once("error", () => {
      finish(undefined);
    });
    child.once("close", finish);
    if (options.signal?.aborted) stop();
    options.signal?.addEventListener("abort", stop, { once: true });
  });
}

function signalGroup(child: ChildProcess, name: "SIGTERM" | "SIGKILL"): void {
  if (child.pid === undefined) return;
  try {
    if (isWindows) child.kill(name);
    else process.kill(-child.pid, name);
  } catch {
    // It ended by itself in the meantime.
  }
}
