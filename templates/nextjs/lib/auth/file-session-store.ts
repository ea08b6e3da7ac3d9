import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SessionStore, StoredSession } from "./session-store";
import { seal, unseal } from "./sealed";

const PURGE_INTERVAL = 60 * 60 * 1000;
const SUFFIX = ".session";

/**
 * Keeps each session in an encrypted file, so that it survives a reload and a restart of the
 * development server and a stolen disk gives no token away. For one process on one machine.
 */
export class FileSessionStore implements SessionStore {
  readonly #directory: string;
  readonly #secret: string;
  readonly #queues = new Map<string, Promise<unknown>>();
  #purgedAt = 0;

  constructor(directory: string, secret: string) {
    this.#directory = path.resolve(/* turbopackIgnore: true */ process.cwd(), directory);
    this.#secret = secret;
  }

  async read(id: string): Promise<StoredSession | undefined> {
    return this.#open(this.#file(id));
  }

  async write(id: string, session: StoredSession): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await this.#purgeNowAndThen();
    const lifetime = Math.max(1, Math.ceil((session.endsAt - Date.now()) / 1000));
    const sealed = await seal("session-record", { session }, this.#secret, lifetime);
    // Written aside and renamed: a reader sees the old session or the new one, never half of one.
    const draft = path.join(this.#directory, `${randomUUID()}.draft`);
    await writeFile(draft, sealed, { mode: 0o600 });
    await rename(draft, this.#file(id));
  }

  async remove(id: string): Promise<void> {
    await rm(this.#file(id), { force: true });
  }

  async exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#queues.set(id, settled);
    try {
      return await mine;
    } finally {
      if (this.#queues.get(id) === settled) this.#queues.delete(id);
    }
  }

  /** The name is a hash, so that the folder's listing does not tell session identifiers. */
  #file(id: string): string {
    return path.join(this.#directory, createHash("sha256").update(id).digest("hex") + SUFFIX);
  }

  async #open(file: string): Promise<StoredSession | undefined> {
    let sealed: string;
    try {
      sealed = await readFile(file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const payload = await unseal("session-record", sealed, this.#secret);
    return payload?.session as StoredSession | undefined;
  }

  async #purgeNowAndThen(): Promise<void> {
    if (Date.now() - this.#purgedAt < PURGE_INTERVAL) return;
    this.#purgedAt = Date.now();
    for (const name of await readdir(this.#directory)) {
      const file = path.join(this.#directory, name);
      if (name.endsWith(SUFFIX) && (await this.#open(file)) === undefined) await rm(file, { force: true });
    }
  }
}
