import type { EmailCodePolicy, Policies, PoliciesPatch, SecondFactorPolicy } from '@/lib/api';
import { z } from '@/lib/schema';

export const secondFactors: { value: SecondFactorPolicy; label: string; hint: string }[] = [
  { value: 'optional', label: 'Whoever has one proves it', hint: 'People add an authenticator app or make passkeys on the pages of their account.' },
  { value: 'required', label: 'Everybody proves one', hint: 'Who has none adds one while signing in. Sessions without one ask for it.' },
  { value: 'off', label: 'Nobody is asked', hint: 'Also those who have one, unless a role or an application asks.' },
];

/** What is asked of people with a role; empty: what is asked of everybody. */
const ofRole = z.enum(['', 'optional', 'required']);

export const emailCodes: { value: EmailCodePolicy; label: string; hint: string }[] = [
  { value: 'off', label: 'Apps and passkeys only', hint: 'Who has neither adds an app where a second factor is demanded.' },
  { value: 'on', label: 'A code by mail, too', hint: 'For people with a verified address who have neither. It can be phished, and whoever reads their mail has it.' },
];

export const roleRules = [
  { name: 'second_factor_administrators', role: 'organization-administrator', label: 'Second factor of administrators' },
  { name: 'second_factor_auditors', role: 'organization-auditor', label: 'Second factor of auditors' },
  { name: 'second_factor_platform', role: 'platform-administrator', label: 'Second factor of platform administrators' },
] as const;

export const roleChoices = [
  { value: '', label: 'As everybody' },
  { value: 'optional', label: 'At least: whoever has one proves it' },
  { value: 'required', label: 'Everybody with the role proves one' },
] as const;

export const secondFactorFields = {
  second_factor: z.enum(['off', 'optional', 'required']),
  second_factor_administrators: ofRole,
  second_factor_auditors: ofRole,
  second_factor_platform: ofRole,
  second_factor_email_codes: z.enum(['off', 'on']),
  remembered_device_days: z.string().refine((text) => /^\d{1,2}$/.test(text) && Number(text) <= 90, 'Choose a number from 0 to 90.'),
};

type SecondFactorValues = { [name in keyof typeof secondFactorFields]: z.infer<(typeof secondFactorFields)[name]> };

type Ruled = 'second_factor' | 'second_factor_roles' | 'remembered_device_days' | 'second_factor_email_codes';

export function secondFactorValues({ second_factor, second_factor_roles, remembered_device_days, second_factor_email_codes }: Pick<Policies, Ruled>): SecondFactorValues {
  const ofRole = (role: keyof typeof second_factor_roles) => {
    const policy = second_factor_roles[role];
    return policy === undefined || policy === 'off' ? '' : policy; // off demands nothing
  };
  return {
    second_factor,
    second_factor_email_codes,
    second_factor_administrators: ofRole('organization-administrator'),
    second_factor_auditors: ofRole('organization-auditor'),
    second_factor_platform: ofRole('platform-administrator'),
    remembered_device_days: String(remembered_device_days),
  };
}

/** The values as policies; the fields that are no policies themselves are gone. */
export function secondFactorPolicies(values: SecondFactorValues): Required<Pick<PoliciesPatch, Ruled>> {
  const ruled = roleRules.filter(({ name }) => values[name] !== '');
  return {
    second_factor: values.second_factor,
    second_factor_email_codes: values.second_factor_email_codes,
    remembered_device_days: Number(values.remembered_device_days),
    second_factor_roles: Object.fromEntries(ruled.map(({ name, role }) => [role, values[name]])),
  };
}
