import { hkdfSync } from "node:crypto";
import { EncryptJWT, jwtDecrypt, type JWTPayload } from "jose";

/**
 * What a sealed value is for. Each purpose has a key of its own, so a value made for one
 * cannot be presented as another.
 */
export type Purpose = "session-cookie" | "session-record" | "login" | "problem";

/** Encrypts and authenticates a value (JWE, `dir` with A256GCM) until `lifetime` seconds from now. */
export async function seal(purpose: Purpose, payload: JWTPayload, secret: string, lifetime: number): Promise<string> {
  return new EncryptJWT(payload)
    .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + lifetime)
    .encrypt(keyFor(purpose, secret));
}

/** Opens a sealed value. Anything forged, altered, expired or made for another purpose is `undefined`. */
export async function unseal(purpose: Purpose, sealed: string, secret: string): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtDecrypt(sealed, keyFor(purpose, secret), {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
      requiredClaims: ["exp"],
    });
    return payload;
  } catch {
    return undefined;
  }
}

function keyFor(purpose: Purpose, secret: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, "", `sealed value: ${purpose}`, 32));
}
