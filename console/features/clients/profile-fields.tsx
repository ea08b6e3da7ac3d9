'use client';

import { useQuery } from '@tanstack/react-query';
import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { ProfileDemands } from '@/components/profile-demands';
import { Choices } from '@/components/ui/choice';
import { Field, Select } from '@/components/ui/field';
import type { ResponseType } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { clientProfiles } from '@/lib/client-profiles';
import { grantTypes } from '@/lib/grant-types';
import { organizationQuery } from '@/lib/organization';
import { needs, responseTypes, responseTypesFor, type ClientValues } from './values';

type ClientForm = UseFormReturn<ClientValues>;

/** The profile that the form amounts to: the client's own, else the organization's. */
function useProfile(form: ClientForm) {
  const organization = useQuery(organizationQuery(useOrg()));
  const own = useWatch({ control: form.control, name: 'profile' });
  const inherited = clientProfiles.find(({ value }) => value === organization.data?.value.policies.profile);
  return { own, inherited, effective: clientProfiles.find(({ value }) => value === own) ?? inherited };
}

export function ProfileField({ form }: { form: ClientForm }) {
  const { inherited, effective } = useProfile(form);
  return (
    <div className="grid gap-3">
      <Field label="Profile" hint={effective?.hint ?? 'What the application may do.'} error={form.formState.errors.profile?.message}>
        <Select {...form.register('profile')}>
          <option value="">As the organization{inherited && `: ${inherited.label}`}</option>
          {clientProfiles.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
        </Select>
      </Field>
      {effective && <ProfileDemands profile={effective.value} />}
    </div>
  );
}

/** The grant types and, where the profile or the client knows more than the code, the response types that go with them. */
export function GrantFields({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  const { errors } = form.formState;
  const { effective } = useProfile(form);
  const chosen = useWatch({ control: form.control, name: 'grant_types' });
  const older = effective?.value === 'oidc-legacy' || chosen.includes('implicit');
  const offered = older ? grantTypes : grantTypes.filter(({ value }) => value !== 'implicit');
  const possible = responseTypes.filter((type) => needs(type).every((grant) => chosen.includes(grant)));
  return (
    <>
      <Controller
        control={form.control}
        name="grant_types"
        render={({ field }) => <Choices label="Grant types" options={offered} value={field.value} onChange={field.onChange} disabled={disabled} error={errors.grant_types?.message} />}
      />
      {((older && possible.length > 1) || errors.response_types) && (
        <Controller
          control={form.control}
          name="response_types"
          render={({ field }) => (
            <Choices
              label="Response types"
              options={possible.map((value) => ({ value, label: responseTypeWords[value], hint: value }))}
              value={responseTypesFor(chosen, field.value)}
              onChange={field.onChange}
              disabled={disabled}
              error={errors.response_types?.message}
            />
          )}
        />
      )}
    </>
  );
}

const responseTypeWords: Record<ResponseType, string> = {
  code: 'A code only',
  'code id_token': 'A code and an ID token',
  'code token': 'A code and an access token',
  'code id_token token': 'A code and both tokens',
  id_token: 'An ID token',
  'id_token token': 'Both tokens',
  token: 'An access token',
  none: 'Nothing but whether it worked',
};
