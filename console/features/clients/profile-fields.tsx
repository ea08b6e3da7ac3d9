'use client';

import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { CheckField } from '@/components/ui/choice';
import { Field, Select } from '@/components/ui/field';
import type { GrantType, ResponseType } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { clientProfiles } from '@/lib/client-profiles';
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
    <Field label="Profile" hint={effective?.hint ?? 'What the application may do.'} error={form.formState.errors.profile?.message}>
      <Select {...form.register('profile')}>
        <option value="">As the organization{inherited && `: ${inherited.label}`}</option>
        {clientProfiles.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
      </Select>
    </Field>
  );
}

const grants: { value: GrantType; label: string; hint: string }[] = [
  { value: 'authorization_code', label: 'Authorization code', hint: 'People sign in with the browser.' },
  { value: 'implicit', label: 'Implicit', hint: 'Tokens travel through the browser. Only for applications that know nothing else.' },
  { value: 'refresh_token', label: 'Refresh token', hint: 'Stays signed in without asking again; each use replaces the token.' },
  { value: 'client_credentials', label: 'Client credentials', hint: 'The client acts for itself.' },
];

/** The grant types and, where the profile or the client knows more than the code, the response types that go with them. */
export function GrantFields({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  const { errors } = form.formState;
  const { effective } = useProfile(form);
  const chosen = useWatch({ control: form.control, name: 'grant_types' });
  const older = effective?.value === 'oidc-legacy' || chosen.includes('implicit');
  const offered = older ? grants : grants.filter(({ value }) => value !== 'implicit');
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

interface ChoicesProps<T extends string> {
  label: string;
  options: { value: T; label: string; hint: string }[];
  value: T[];
  onChange: (value: T[]) => void;
  disabled?: boolean;
  error?: string;
}

/** Several of a few; what is wrong with the choice is said below it, and to whoever enters the group. */
function Choices<T extends string>({ label, options, value, onChange, disabled, error }: ChoicesProps<T>) {
  const id = useId();
  return (
    <div role="group" aria-label={label} aria-describedby={error ? id : undefined} className="grid gap-2.5">
      <p className="font-medium">{label}</p>
      {options.map((option) => (
        <CheckField
          key={option.value}
          label={option.label}
          hint={option.hint}
          disabled={disabled}
          checked={value.includes(option.value)}
          onChange={(on) => onChange(on ? [...value, option.value] : value.filter((other) => other !== option.value))}
        />
      ))}
      {error && (
        <p id={id} role="alert" className="text-danger">
          {error}
        </p>
      )}
    </div>
  );
}
