/**
 * Keeps one value per process. Next.js evaluates a module once per bundle and again at every
 * reload in development; what must exist once (a cache, a lock) therefore lives on `globalThis`.
 */
export function onGlobal<T>(name: string, make: () => T): T {
  const symbol = Symbol.for(`app.${name}`);
  const holder = globalThis as { [key: symbol]: T | undefined };
  return (holder[symbol] ??= make());
}
