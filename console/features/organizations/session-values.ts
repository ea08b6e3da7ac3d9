import type { Policies } from '@/lib/api';
import { z } from '@/lib/schema';

const limit = 'Choose a number from 0 to 100; 0 sets no limit.';

/** The rules of sessions in a form of an organization's policies. */
export const sessionSchema = {
  sessions_per_person: z.number({ error: limit }).int(limit).min(0, limit).max(100, limit),
};

export type SessionValues = z.infer<z.ZodObject<typeof sessionSchema>>;

export function sessionValues({ sessions_per_person }: Pick<Policies, keyof SessionValues>): SessionValues {
  return { sessions_per_person };
}
