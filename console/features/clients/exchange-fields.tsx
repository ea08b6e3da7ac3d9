'use client';

import { Controller, type UseFormReturn } from 'react-hook-form';
import { CheckField } from '@/components/ui/choice';
import { Field, Textarea } from '@/components/ui/field';
import type { ClientValues } from './values';

/** What a service may exchange its callers' tokens for. Empty, it exchanges nothing. */
export function ExchangeFields({ form, disabled }: { form: UseFormReturn<ClientValues>; disabled?: boolean }) {
  const { errors } = form.formState;
  return (
    <>
      <Field label="Clients whose tokens it may exchange" optional hint="Client ids, one per line. With its own id it may exchange its own ID tokens, too." error={errors.token_exchange_clients?.message}>
        <Textarea {...form.register('token_exchange_clients')} rows={2} spellCheck={false} className="font-mono" />
      </Field>
      <Field label="Services it may call with what it gets" optional hint="Audiences, one per line: resource servers by their identifier, or other names." error={errors.token_exchange_audiences?.message}>
        <Textarea {...form.register('token_exchange_audiences')} rows={2} spellCheck={false} className="font-mono" />
      </Field>
      <Field label="Audiences of tokens that it takes" optional hint="One per line, besides the issuer and its own client id." error={errors.token_exchange_subjects?.message}>
        <Textarea {...form.register('token_exchange_subjects')} rows={2} spellCheck={false} className="font-mono" />
      </Field>
      <Controller
        control={form.control}
        name="token_exchange_delegation"
        render={({ field }) => (
          <CheckField
            label="It may name itself as actor"
            hint="Whoever gets the new token then sees who acts for the person (act)."
            checked={field.value}
            onChange={field.onChange}
            disabled={disabled}
          />
        )}
      />
    </>
  );
}
