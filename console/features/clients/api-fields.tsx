'use client';

import { useQuery } from '@tanstack/react-query';
import { Controller, type UseFormReturn } from 'react-hook-form';
import { Fixed } from '@/components/form';
import { Choices } from '@/components/ui/choice';
import { Field, Select, Textarea } from '@/components/ui/field';
import { useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { signingAlgorithms } from './metadata-values';
import { Encryption, Group, Options } from './signing-fields';
import type { ClientValues } from './values';

interface ApiFieldsProps {
  form: UseFormReturn<ClientValues>;
  disabled?: boolean;
  /** A document describes the client: only whom its tokens may be for is for an administrator to decide. */
  described: boolean;
}

/** Whom tokens may be for, what may be asked for in detail, and how the client is answered that asks about tokens. */
export function ApiFields({ form, disabled, described }: ApiFieldsProps) {
  const errors = form.formState.errors;
  const organization = useQuery(organizationQuery(useOrg()));
  const before = form.formState.defaultValues?.authorization_details_types?.filter((type) => type !== undefined) ?? [];
  const defined = (organization.data?.value.policies.authorization_details_types ?? []).map(({ type }) => type);
  return (
    <>
      <Field label="Resource servers" optional hint="Those that its tokens may be for, by their identifiers, one per line. Empty: all of the organization." error={errors.resources?.message}>
        <Textarea {...form.register('resources')} rows={2} spellCheck={false} className="font-mono text-12" />
      </Field>
      <Fixed when={described}>
        <Controller
          control={form.control}
          name="authorization_details_types"
          render={({ field }) => {
            const known = [...new Set([...defined, ...before])];
            return known.length === 0 ? (
              <p className="text-neutral-11">For permissions in detail (RFC 9396) the organization first defines types, under APIs.</p>
            ) : (
              <Choices
                label="Permissions in detail that it may ask for"
                options={known.map((type) => ({ value: type, label: type, hint: defined.includes(type) ? undefined : 'The organization does not define it any more.' }))}
                value={field.value}
                onChange={field.onChange}
                disabled={disabled || described}
                error={errors.authorization_details_types?.message}
              />
            );
          }}
        />
        <Group title="Answers about tokens">
          <Field label="Introspection signature" hint="Of answers about tokens that it asks for as a JWT (RFC 9701)." error={errors.introspection_signed_response_alg?.message}>
            <Select {...form.register('introspection_signed_response_alg')}>
              <Options values={signingAlgorithms} />
            </Select>
          </Field>
          <Encryption form={form} thing="introspection_encrypted_response" label="Introspection encryption" none="Not encrypted" hint="To a public key of the client, which it then needs." />
        </Group>
      </Fixed>
    </>
  );
}
