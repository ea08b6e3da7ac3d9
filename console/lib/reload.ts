const key = 'clavex.reloaded-at';

/** During a rolling upgrade a page of the old release may ask for a file that only the old one had. */
export function isMissingChunk(error: unknown): boolean {
  return error instanceof Error && (error.name === 'ChunkLoadError' || /loading (css )?chunk|failed to load chunk|dynamically imported module/i.test(error.message));
}

/** Reloads, but not again within a minute: a file that stays missing must not make a loop. Reports whether it did. */
export function reloadOnce(now = Date.now(), reload = () => window.location.reload()): boolean {
  try {
    if (now - Number(sessionStorage.getItem(key)) < 60_000) return false;
    sessionStorage.setItem(key, String(now));
  } catch {
    return false;
  }
  reload();
  return true;
}
