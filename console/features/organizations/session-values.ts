import type { Policies } from '@/lib/api';
import { z } from '@/lib/schema';

const limit = 'Choose a number from 0 to 100; 0 sets no limit.';
const lifetime = 'Choose between 5 minutes and 365 days.';
const seconds = z.number({ error: lifetime }).int(lifetime).min(300, lifetime).max(31_536_000, lifetime);

/** The rules of sessions in a form of an organization's policies. */
export const sessionSchema = {
  sessions_per_person: z.number({ error: limit }).int(limit).min(0, limit).max(100, limit),
  remember_me: z.enum(['off', 'offered']),
  remembered_session_idle_lifetime_seconds: seconds,
  remembered_session_absolute_lifetime_seconds: seconds,
  session_binding: z.enum(['off', 'browser']),
};

export type SessionValues = z.infer<z.ZodObject<typeof sessionSchema>>;

export function sessionValues(policies: Pick<Policies, keyof SessionValues>): SessionValues {
  return {
    sessions_per_person: policies.sessions_per_person,
    remember_me: policies.remember_me,
    remembered_session_idle_lifetime_seconds: policies.remembered_session_idle_lifetime_seconds,
    remembered_session_absolute_lifetime_seconds: policies.remembered_session_absolute_lifetime_seconds,
    session_binding: policies.session_binding,
  };
}

export const rememberMe = [
  { value: 'off', label: 'Nobody stays signed in', hint: 'A sign-in ends with the browser, or after the times above.' },
  { value: 'offered', label: 'People may stay signed in', hint: 'A box of the sign-in forms: whoever ticks it is still signed in when the browser was closed, for the times below.' },
];

export const sessionBindings = [
  { value: 'browser', label: 'The browser', hint: 'A cookie that turns up in another kind of browser or system is not taken, and the audit log says so. Versions and network addresses do not matter; what cannot be told is not judged.' },
  { value: 'off', label: 'Nothing but the cookie', hint: 'Whoever has the cookie is signed in.' },
];
