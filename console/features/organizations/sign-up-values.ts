import type { AccountDeletionPolicy, EmailChangePolicy, IdentifierFirstPolicy, MagicLinkPolicy, PasskeyPolicy, PasswordRecovery, Policies, PoliciesPatch, ProofOfWorkPolicy, SignInNotices, SignUpPolicy } from '@/lib/api';
import { changes, lines, z } from '@/lib/schema';
import { secondFactorFields, secondFactorPolicies, secondFactorValues, type roleRules } from './second-factor-values';

export const signUps: { value: SignUpPolicy; label: string; hint: string }[] = [
  { value: 'closed', label: 'Administrators', hint: 'People get their accounts from you.' },
  { value: 'open', label: 'People themselves, too', hint: 'Whoever proves an email address has an account. Applications may ask for that (prompt=create).' },
];

export const recoveries: { value: PasswordRecovery; label: string; hint: string }[] = [
  { value: 'mail', label: 'They choose another one by mail', hint: 'A code goes to the address of the account. Everything signed in with the old password ends.' },
  { value: 'closed', label: 'They ask an administrator', hint: 'Who makes a one-time link on the page of the user.' },
];

export const emailChanges: { value: EmailChangePolicy; label: string; hint: string }[] = [
  { value: 'open', label: 'Whoever proves the other one', hint: 'With a code that goes to the other address. The former one is told, and can undo it for three days.' },
  { value: 'closed', label: 'Only administrators', hint: 'On the page of the user.' },
];

export const accountDeletions: { value: AccountDeletionPolicy; label: string; hint: string }[] = [
  { value: 'open', label: 'Whoever has one', hint: 'On the pages of their account. It is erased after the days below, unless they sign in and keep it.' },
  { value: 'closed', label: 'Only administrators', hint: 'On the page of the user.' },
];

export const proofsOfWork: { value: ProofOfWorkPolicy; label: string; hint: string }[] = [
  { value: 'off', label: 'Nobody', hint: 'Limits and growing waits slow programs down.' },
  { value: 'on_suspicion', label: 'Whoever is suspicious', hint: 'After many failures or mails within an hour, by name, browser or network. The audit log says why.' },
  { value: 'always', label: 'Everybody', hint: 'It takes a second, on an old phone a few. Without JavaScript people wait half a minute.' },
];

export const magicLinks: { value: MagicLinkPolicy; label: string; hint: string }[] = [
  { value: 'off', label: 'Not by mail', hint: 'A mailbox alone signs nobody in.' },
  { value: 'on', label: 'Also by mail', hint: 'With a link or code that goes to the address of the account. A second factor is asked for as after a password.' },
];

export const identifierFirst: { value: IdentifierFirstPolicy; label: string; hint: string }[] = [
  { value: 'off', label: 'One form', hint: 'Email address or username, and password.' },
  { value: 'on', label: 'Identifier first', hint: 'Then a page that shows first by what the person signs in best. Nobody learns who has an account.' },
];

export const passkeys: { value: PasskeyPolicy; label: string; hint: string }[] = [
  { value: 'on', label: 'Passwords and passkeys', hint: 'People make passkeys on the pages of their account, and sign in with them alone. On which devices they may be stands under Authenticators.' },
  { value: 'off', label: 'No passkeys', hint: 'Nobody makes one. Those that exist stay, and do not sign in.' },
];

export const signInNotices: { value: SignInNotices; label: string; hint: string }[] = [
  { value: 'on', label: 'They get a mail', hint: 'About a browser or a country that is new to their account. Countries need a database (geoip_file).' },
  { value: 'off', label: 'The audit log says so', hint: 'Nobody is told.' },
];

const domainPattern = /^(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

export const signUpSchema = z.object({
  sign_up: z.enum(['closed', 'open']),
  password_recovery: z.enum(['mail', 'closed']),
  email_change: z.enum(['open', 'closed']),
  account_deletion: z.enum(['open', 'closed']),
  proof_of_work: z.enum(['off', 'on_suspicion', 'always']),
  account_deletion_grace_days: z.string().refine((text) => /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 90, 'Choose a number from 1 to 90.'),
  invitation_lifetime_days: z.string().refine((text) => /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= 30, 'Choose a number from 1 to 30.'),
  magic_links: z.enum(['off', 'on']),
  identifier_first: z.enum(['off', 'on']),
  sign_in_notices: z.enum(['on', 'off']),
  passkeys: z.enum(['on', 'off']),
  ...secondFactorFields,
  password_minimum_length: z.string().refine((text) => /^\d{1,2}$/.test(text) && Number(text) >= 8 && Number(text) <= 64, 'Choose a number from 8 to 64.'),
  sign_up_email_domains: z.string().superRefine((text, context) => {
    const wrong = lines(text).find((line) => !domainPattern.test(line));
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: `${wrong} is not a domain in small letters, such as acme.example or *.acme.example.` });
  }),
});

export type SignUpValues = z.infer<typeof signUpSchema>;

export function valuesOf({ sign_up, sign_up_email_domains, password_recovery, password_minimum_length, email_change, account_deletion, account_deletion_grace_days, proof_of_work, magic_links, identifier_first, sign_in_notices, passkeys, ...others }: Policies): SignUpValues {
  return {
    sign_up, password_recovery, email_change, account_deletion, proof_of_work, magic_links, identifier_first, sign_in_notices, passkeys,
    ...secondFactorValues(others),
    account_deletion_grace_days: String(account_deletion_grace_days),
    password_minimum_length: String(password_minimum_length),
    sign_up_email_domains: sign_up_email_domains.join('\n'),
    invitation_lifetime_days: String(others.invitation_lifetime_days),
  };
}

function withoutRoles<T extends Pick<SignUpValues, (typeof roleRules)[number]['name']>>({ second_factor_administrators: _a, second_factor_auditors: _b, second_factor_platform: _c, ...others }: T) {
  return others;
}

/** What differs, as a merge patch; undefined when nothing does. */
export function patchOf(policies: Policies, values: SignUpValues): PoliciesPatch | undefined {
  const written = ({ sign_up_email_domains, password_minimum_length, account_deletion_grace_days, invitation_lifetime_days, ...others }: SignUpValues) => ({
    ...withoutRoles(others),
    ...secondFactorPolicies(others),
    invitation_lifetime_days: Number(invitation_lifetime_days),
    password_minimum_length: Number(password_minimum_length),
    account_deletion_grace_days: Number(account_deletion_grace_days),
    sign_up_email_domains: lines(sign_up_email_domains),
  });
  return changes(written(valuesOf(policies)), written(values));
}
