'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Controller, useForm } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { Form } from '@/components/form';
import { ProfileDemands } from '@/components/profile-demands';
import { TokenPolicyFields } from '@/components/token-policy-fields';
import { CheckField, OptionCards } from '@/components/ui/choice';
import { Field, Select, Textarea } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import type { Organization, PoliciesPatch, Versioned } from '@/lib/api';
import { clientProfiles } from '@/lib/client-profiles';
import { changes, z } from '@/lib/schema';
import { tokenPolicyOf, tokenPolicySchema, tokenPolicyValues } from '@/lib/token-policy';
import { SessionFields } from './session-fields';
import { sessionSchema, sessionValues } from './session-values';
import { useOrganizationUpdate } from '@/components/use-organization-update';

const seconds = (min: number, max: number, words: string) => z.number({ error: words }).int(words).min(min, words).max(max, words);

const schema = z
  .object({
    ...sessionSchema,
    session_idle_lifetime_seconds: seconds(60, 2_592_000, 'Choose between 1 minute and 30 days.'),
    session_absolute_lifetime_seconds: seconds(300, 7_776_000, 'Choose between 5 minutes and 90 days.'),
    access_token_lifetime_seconds: seconds(30, 86_400, 'Choose between 30 seconds and 1 day.'),
    refresh_token_lifetime_seconds: seconds(60, 31_536_000, 'Choose between 1 minute and 365 days.'),
    profile: z.enum(['oauth2.1', 'oidc-legacy', 'fapi2-security', 'fapi2-message-signing', 'fapi-ciba']),
    require_bound_tokens: z.boolean(),
    require_dpop_nonce: z.boolean(),
    token_policy: tokenPolicySchema,
    client_certificate_authorities: z.string().max(65_536, 'Use at most 64 KiB.'),
    default_locale: z.string(),
  })
  .refine((values) => values.session_idle_lifetime_seconds <= values.session_absolute_lifetime_seconds, {
    path: ['session_idle_lifetime_seconds'],
    message: 'This cannot be longer than the time after which a session ends in any case.',
  })
  .refine((values) => values.remembered_session_idle_lifetime_seconds <= values.remembered_session_absolute_lifetime_seconds, {
    path: ['remembered_session_idle_lifetime_seconds'],
    message: 'This cannot be longer than the time after which a session ends in any case.',
  });

type PolicyValues = z.infer<typeof schema>;

export function PoliciesForm({ organization }: { organization: Versioned<Organization> }) {
  const { policies } = organization.value;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const before: PolicyValues = {
    ...sessionValues(policies),
    session_idle_lifetime_seconds: policies.session_idle_lifetime_seconds,
    session_absolute_lifetime_seconds: policies.session_absolute_lifetime_seconds,
    access_token_lifetime_seconds: policies.access_token_lifetime_seconds,
    refresh_token_lifetime_seconds: policies.refresh_token_lifetime_seconds,
    profile: policies.profile,
    require_bound_tokens: policies.require_bound_tokens,
    require_dpop_nonce: policies.require_dpop_nonce,
    token_policy: tokenPolicyValues(policies.token_policy),
    client_certificate_authorities: policies.client_certificate_authorities ?? '',
    default_locale: policies.default_locale ?? '',
  };
  const form = useForm<PolicyValues>({ resolver: zodResolver(schema), defaultValues: before });
  const errors = form.formState.errors;
  const durations = [
    ['session_idle_lifetime_seconds', 'A session ends when unused for', 'Whoever comes back later signs in again.'],
    ['session_absolute_lifetime_seconds', 'A session ends in any case after', 'However much it is used.'],
    ['access_token_lifetime_seconds', 'Access tokens live', 'Short is safer: a stolen one is worth little. Clients may differ.'],
    ['refresh_token_lifetime_seconds', 'Refresh tokens live unused', 'Each use begins the time anew. Clients may differ.'],
  ] as const;
  return (
    <Form
      form={form}
      submit="Save policies"
      disabled={!editable}
      reload={reload}
      fieldOf={(field) => field.replace(/^policies\./, '')}
      onSubmit={async (values) => {
        const changed = changes(before, values);
        if (!changed) return;
        const { token_policy: tokens, ...others } = changed;
        const patch: PoliciesPatch = { ...others, ...(tokens && { token_policy: tokenPolicyOf(tokens) }) };
        if (changed.default_locale === '') patch.default_locale = null;
        await save({ policies: patch });
      }}
    >
      <Section title="Lifetimes">
        <div className="grid gap-5 md:grid-cols-2">
          {durations.map(([name, label, hint]) => (
            <Field key={name} label={label} hint={hint} error={errors[name]?.message}>
              <Controller control={form.control} name={name} render={({ field }) => <DurationInput label={label} value={field.value} onChange={field.onChange} />} />
            </Field>
          ))}
        </div>
      </Section>
      <Section title="Sessions">
        <SessionFields editable={editable} />
      </Section>
      <Section title="Tokens">
        <div className="grid gap-5">
          <TokenPolicyFields />
        </div>
      </Section>
      <Section title="Bound tokens">
        <div className="grid max-w-xl gap-5">
          <Controller
            control={form.control}
            name="require_bound_tokens"
            render={({ field }) => (
              <CheckField label="Bound access tokens only" hint="Every application binds its access tokens to a key (DPoP) or to its TLS certificate, so that nobody can use one that they found. An application that sends neither gets none." checked={field.value} disabled={!editable} onChange={field.onChange} />
            )}
          />
          <Controller
            control={form.control}
            name="require_dpop_nonce"
            render={({ field }) => (
              <CheckField label="DPoP proofs need a nonce" hint="Proofs contain a value that we gave out a few minutes ago, so that nobody can make them for later. Applications need one more request now and then." checked={field.value} disabled={!editable} onChange={field.onChange} />
            )}
          />
          <Field label="Authorities of client certificates" optional hint="Certificates in PEM of those whose TLS certificates applications may prove themselves with." error={errors.client_certificate_authorities?.message}>
            <Textarea {...form.register('client_certificate_authorities')} rows={4} spellCheck={false} autoComplete="off" className="font-mono text-12" />
          </Field>
        </div>
      </Section>
      <Section title="Profile and language">
        <div className="grid max-w-xl gap-5">
          <Controller
            control={form.control}
            name="profile"
            render={({ field }) => (
              <div className="grid gap-3">
                <OptionCards label="What clients may do" options={clientProfiles} value={field.value} onChange={field.onChange} disabled={!editable} />
                <ProfileDemands profile={field.value} followers={field.value !== before.profile} />
              </div>
            )}
          />
          <Field label="Language of the pages" hint="Used when the browser asks for no language that exists." error={errors.default_locale?.message}>
            <Select {...form.register('default_locale')}>
              <option value="">As the browser wishes, else English</option>
              <option value="en">English</option>
              <option value="de">Deutsch</option>
              <option value="fr">Français</option>
              <option value="it">Italiano</option>
              <option value="es">Español</option>
              <option value="nl">Nederlands</option>
            </Select>
          </Field>
        </div>
      </Section>
    </Form>
  );
}
