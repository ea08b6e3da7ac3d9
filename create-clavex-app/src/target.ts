import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import path from "node:path";
import { ExitCode, Failure } from "./failure.ts";

/** Where the application will be. */
export interface Target {
  readonly folder: string;
  readonly name: string;
  /** The folder is there already, empty. */
  readonly exists: boolean;
}

const LONGEST_NAME = 100;
const RESERVED = new Set(["node_modules", "favicon.ico", "package.json"]);

const fail = (message: string, ...advice: string[]): Failure => new Failure(ExitCode.target, message, advice);

/** Tells what is wrong with a name for an application, which is also its package name and folder. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "The name is missing.";
  if (name.length > LONGEST_NAME) return `The name is longer than ${LONGEST_NAME} characters.`;
  if (RESERVED.has(name)) return `“${name}” means something else already.`;
  if (/^[a-z0-9](?:[a-z0-9._-]*[a-z0-9_-])?$/.test(name)) return undefined;
  return `“${name}” does not work as a name. Use small letters, digits, hyphens, and begin with a letter or digit.`;
}

/** Looks whether the application can be made there. Changes nothing. */
export async function examineTarget(typed: string, cwd: string): Promise<Target> {
  const folder = path.resolve(cwd, typed);
  const name = path.basename(folder);
  const fault = nameFault(name);
  if (fault) throw fail(fault, "Example: npx create-clavex-app my-app");
  try {
    const found = await stat(folder);
    if (!found.isDirectory()) throw fail(`${folder} is a file.`, "Choose another name, or move the file away.");
    const entries = await readdir(folder);
    if (entries.length > 0) {
      const some = entries.slice(0, 3).join(", ") + (entries.length > 3 ? " …" : "");
      throw fail(`The folder ${folder} is not empty (${some}). Nothing in it was touched.`, "Choose another name, or an empty folder.");
    }
    return { folder, name, exists: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { folder, name, exists: false };
    throw asTargetFailure(error, folder);
  }
}

/**
 * A place beside the target where the application takes shape, so that the target is either
 * not there or whole. It stands on the same file system, which makes the last step a rename.
 */
export class Staging {
  readonly folder: string;
  readonly #target: Target;
  readonly #firstNewParent: string | undefined;

  private constructor(folder: string, target: Target, firstNewParent: string | undefined) {
    this.folder = folder;
    this.#target = target;
    this.#firstNewParent = firstNewParent;
  }

  static async open(target: Target): Promise<Staging> {
    const parent = path.dirname(target.folder);
    try {
      const firstNewParent = await mkdir(parent, { recursive: true });
      // Not mkdtemp: that makes a folder closed to everybody else, and this one becomes the application's.
      const folder = path.join(parent, `.create-clavex-app-${randomUUID()}`);
      await mkdir(folder);
      return new Staging(folder, target, firstNewParent);
    } catch (error) {
      throw asTargetFailure(error, parent);
    }
  }

  /** Makes the application appear at its target. All or nothing. */
  async commit(): Promise<void> {
    try {
      if (this.#target.exists) await this.#moveInto();
      else await rename(this.folder, this.#target.folder);
    } catch (error) {
      throw asTargetFailure(error, this.#target.folder);
    }
  }

  /** Removes everything that was made. */
  async discard(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    if (!this.#firstNewParent) return;
    // Folders made on the way, innermost first; one that somebody else uses by now stays.
    for (let at = path.dirname(this.#target.folder); at.startsWith(this.#firstNewParent); at = path.dirname(at)) {
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }

  /** An existing folder stays the same one: somebody's shell may stand in it. */
  async #moveInto(): Promise<void> {
    const moved: string[] = [];
    if ((await readdir(this.#target.folder)).length > 0) throw fail(`The folder ${this.#target.folder} is not empty any more.`);
    try {
      for (const entry of await readdir(this.folder)) {
        await rename(path.join(this.folder, entry), path.join(this.#target.folder, entry));
        moved.push(entry);
      }
    } catch (error) {
      for (const entry of moved) await rename(path.join(this.#target.folder, entry), path.join(this.folder, entry));
      throw error;
    }
    await rmdir(this.folder);
  }
}

function asTargetFailure(error: unknown, folder: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return fail(`You may not write to ${folder}.`, "Choose a folder of your own.");
    case "ENOTDIR":
      return fail(`A part of ${folder} is a file, not a folder.`);
    case "EEXIST":
    case "ENOTEMPTY":
      return fail(`${folder} appeared in the meantime. It was not touched.`, "Choose another name.");
    case "ENOSPC":
      return fail("There is no space left on the disk.");
    case "ENAMETOOLONG":
      return fail(`The path ${folder} is too long.`);
    default:
      return error;
  }
}
