'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { api, read, type InitialAccessToken } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { dayAfter } from '@/lib/time';
import { bodyOf, newToken, tokenSchema, type TokenValues } from './token-values';

export interface Issued {
  token: InitialAccessToken;
  value: string;
}

/** Says what a new token is for and how far it reaches. */
export function TokenForm({ onIssued, onCancel }: { onIssued: (issued: Issued) => void; onCancel: () => void }) {
  const org = useOrg();
  const queries = useQueryClient();
  const [now] = useState(() => new Date());
  const [idempotencyKey, setIdempotencyKey] = useState(() => crypto.randomUUID());
  const form = useForm<TokenValues>({ resolver: zodResolver(tokenSchema), defaultValues: newToken(now) });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit="Issue token"
      pendingText="Issuing…"
      fieldOf={(field) => (field === 'expires_at' ? 'expires_on' : field)}
      aside={<Button look="quiet" onClick={onCancel}>Cancel</Button>}
      onSubmit={async (values) => {
        const answer = await read(api.POST('/api/v1/orgs/{org}/initial-access-tokens', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: bodyOf(values) }));
        await queries.invalidateQueries({ queryKey: keys.initialAccessTokens(org) });
        if (!answer.value) {
          setIdempotencyKey(crypto.randomUUID());
          throw new Error(`The token “${answer.initial_access_token.name}” was issued, but its value got lost on the way here and cannot be shown again. Revoke it and issue another one.`);
        }
        onIssued({ token: answer.initial_access_token, value: answer.value });
      }}
    >
      <Field label="What is it for?" hint="Administrators see it in the list." error={errors.name?.message}>
        <Input {...form.register('name')} autoComplete="off" placeholder="Partner portal" />
      </Field>
      <Field label="How many clients" optional hint="So many may be registered with it. Empty: any number." error={errors.max_uses?.message}>
        <Input {...form.register('max_uses')} inputMode="numeric" autoComplete="off" />
      </Field>
      <Field label="Last day" hint="It expires when this day ends; within a year." error={errors.expires_on?.message}>
        <Input {...form.register('expires_on')} type="date" min={dayAfter(now, 0)} max={dayAfter(now, 365)} />
      </Field>
    </Form>
  );
}
