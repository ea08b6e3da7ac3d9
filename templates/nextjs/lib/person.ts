type ClaimSet = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined => (typeof value === "string" && value.trim() !== "" ? value.trim() : undefined);

/** What to call a person: the best of the names the identity server gave. */
export function displayName(claims: ClaimSet): string {
  return text(claims.name) ?? text(claims.preferred_username) ?? text(claims.email) ?? text(claims.sub) ?? "Unnamed";
}

/** One or two letters to stand for a person. */
export function initials(claims: ClaimSet): string {
  const words = displayName(claims).split(/[\s@.]+/u).filter(Boolean);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => (word ? [...word][0] : ""));
  return letters.join("").toUpperCase();
}
