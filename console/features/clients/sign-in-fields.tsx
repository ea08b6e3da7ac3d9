'use client';

import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { CheckField, OptionCards } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import type { ClientValues } from './values';

const subjects = [
  { value: 'public', label: 'The same everywhere (public)', hint: 'All applications know a person by one identifier.' },
  { value: 'pairwise', label: 'Its own (pairwise)', hint: 'Applications of different sectors cannot tell that they know the same person. People’s identifiers change with it.' },
];

/** By what the application knows people, and what it wants to hear of their sign-in. */
export function SignInFields({ form, disabled }: { form: UseFormReturn<ClientValues>; disabled?: boolean }) {
  const errors = form.formState.errors;
  const [subject, sector] = useWatch({ control: form.control, name: ['subject_type', 'sector_identifier_uri'] });
  return (
    <>
      <Controller
        control={form.control}
        name="subject_type"
        render={({ field }) => <OptionCards label="Identifier of a person (sub)" options={subjects} value={field.value} onChange={field.onChange} disabled={disabled} />}
      />
      {(subject === 'pairwise' || sector !== '' || errors.sector_identifier_uri) && (
        <Field
          label="Sector identifier URI"
          optional
          hint="A document that lists the redirect URIs of all applications of the sector. Without one, the host of the redirect URIs is the sector."
          error={errors.sector_identifier_uri?.message}
        >
          <Input {...form.register('sector_identifier_uri')} type="url" autoComplete="off" placeholder="https://" />
        </Field>
      )}
      <Field label="A sign-in is good for" optional hint="Whoever signed in longer ago signs in again, unless a request says otherwise (default_max_age)." error={errors.default_max_age?.message}>
        <Controller control={form.control} name="default_max_age" render={({ field }) => <DurationInput label="A sign-in is good for" min={0} value={field.value} onChange={field.onChange} />} />
      </Field>
      <Controller
        control={form.control}
        name="require_auth_time"
        render={({ field }) => <CheckField label="Say when people signed in" hint="Every ID token holds auth_time." checked={field.value} disabled={disabled} onChange={field.onChange} />}
      />
      <Field label="Authentication contexts (default_acr_values)" optional hint="Wished for unless a request says otherwise, separated by spaces, the best first." error={errors.default_acr_values?.message}>
        <Input {...form.register('default_acr_values')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
      </Field>
    </>
  );
}
