import type { InitialAccessToken, InitialAccessTokenCreate } from '@/lib/api';
import type { Tone } from '@/components/ui/surface';
import { z } from '@/lib/schema';
import { dayAfter, dayStart } from '@/lib/time';

/** Whether a token still registers anything, in words. */
export function stateOf(token: InitialAccessToken, now: Date): { label: string; tone: Tone; usable: boolean } {
  if (token.revoked_at) return { label: 'Revoked', tone: 'neutral', usable: false };
  if (token.max_uses !== undefined && token.uses >= token.max_uses) return { label: 'Used up', tone: 'neutral', usable: false };
  if (new Date(token.expires_at) <= now) return { label: 'Expired', tone: 'neutral', usable: false };
  return { label: 'Active', tone: 'success', usable: true };
}

export const tokenSchema = z.object({
  name: z.string().trim().min(1, 'Say what it is for.').max(200, 'Use at most 200 characters.'),
  max_uses: z.union([z.literal(''), z.string().regex(/^[1-9]\d{0,5}$|^1000000$/, 'Choose between 1 and 1000000, or leave it empty for any number.')]),
  expires_on: z.string().refine((day) => dayStart(day) !== undefined, 'Choose a day.'),
});

export type TokenValues = z.infer<typeof tokenSchema>;

export function newToken(now: Date): TokenValues {
  return { name: '', max_uses: '', expires_on: dayAfter(now, 14) };
}

/** The token lives until the chosen day ends where the administrator is. */
export function bodyOf(values: TokenValues): InitialAccessTokenCreate {
  return { name: values.name, ...(values.max_uses && { max_uses: Number(values.max_uses) }), expires_at: dayStart(values.expires_on, 1)! };
}
