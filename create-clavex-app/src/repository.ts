import { run } from "./subprocess.ts";

/** Begins a git repository, unless git is missing or the folder belongs to one already. Tells whether it did. */
export async function initializeRepository(folder: string, signal: AbortSignal): Promise<boolean> {
  // Inside a git hook these variables point at the hook's repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const git = (...args: string[]) => run("git", args, { cwd: folder, env, signal });

  const inside = await git("rev-parse", "--is-inside-work-tree");
  if (inside.code === undefined || inside.code === 0) return false;
  const { code } = await git("init", "--quiet", "--initial-branch=main");
  return code === 0;
}
