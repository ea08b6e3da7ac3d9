import type { PackageManager } from "./options.ts";
import { run } from "./subprocess.ts";

const ARGUMENTS: Readonly<Record<PackageManager, readonly string[]>> = {
  npm: ["install", "--no-audit", "--no-fund", "--loglevel=error"],
  pnpm: ["install"],
  yarn: ["install"],
};

/** The outcome of an installation; `problem` says in words why it did not work. */
export interface Installation {
  readonly problem: string | undefined;
}

/** Installs the dependencies of the application in `folder`. */
export async function installDependencies(folder: string, manager: PackageManager, signal: AbortSignal): Promise<Installation> {
  // In production mode the type checker and its types would be left out.
  const env = { ...process.env, NODE_ENV: "development" };
  const { code, output } = await run(manager, ARGUMENTS[manager], { cwd: folder, env, signal });
  signal.throwIfAborted();
  if (code === 0) return { problem: undefined };
  if (code === undefined) return { problem: `${manager} is not installed` };
  return { problem: lastLines(output) || `${manager} ended with code ${code}` };
}

function lastLines(output: string): string {
  return output
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^npm warn|^\s+at /.test(line))
    .slice(-8)
    .join("\n");
}
