'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { Controller, useForm } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { CheckField, Choices, OptionCards } from '@/components/ui/choice';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { api, read, type TrustedIssuer } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { algorithms, assertionTypes, createBody, fieldOf, issuerSchema, patchOf, subjectMatches, valuesOf, type IssuerValues } from './issuer-values';
import { tagOf } from '@/components/use-records';

interface IssuerFormProps {
  /** Undefined for a new one. */
  issuer?: TrustedIssuer;
  changed: (words: string) => Promise<void>;
  reload: () => void;
  close: () => void;
}

export function IssuerForm({ issuer, changed, reload, close }: IssuerFormProps) {
  const org = useOrg();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const before = valuesOf(issuer);
  const form = useForm<IssuerValues>({ resolver: zodResolver(issuerSchema), defaultValues: before });
  const errors = form.formState.errors;
  const types = [...assertionTypes, ...before.assertion_types.filter((type) => !assertionTypes.some(({ value }) => value === type)).map((type) => ({ value: type, label: type, hint: 'Not known to this console.' }))];
  return (
    <Form
      form={form}
      submit={issuer ? 'Save issuer' : 'Trust issuer'}
      fieldOf={fieldOf}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        if (!issuer) {
          await read(api.POST('/api/v1/orgs/{org}/trusted-issuers', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: createBody(values) }));
        } else {
          const body = patchOf(issuer, values);
          const path = { org, trusted_issuer_id: issuer.id };
          if (body) await read(api.PATCH('/api/v1/orgs/{org}/trusted-issuers/{trusted_issuer_id}', { params: { path, header: { 'If-Match': tagOf(issuer) } }, body }));
        }
        await changed(`${values.name} is ${issuer ? 'saved' : 'trusted'}`);
        close();
      }}
    >
      <Field label="Name" hint="What people call it." error={errors.name?.message}>
        <Input {...form.register('name')} autoComplete="off" placeholder="Partner" />
      </Field>
      <Field label="Issuer" hint="Exactly what stands in its assertions as iss." error={errors.issuer?.message}>
        <Input {...form.register('issuer')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="https://idp.partner.example" />
      </Field>
      <Field label="Address of its public keys (jwks_uri)" hint="A key set that is fetched when it is needed, by https and from public addresses." error={errors.jwks_uri?.message}>
        <Input {...form.register('jwks_uri')} type="url" autoComplete="off" placeholder="https://" />
      </Field>
      <Field label="Or the keys themselves (jwks)" hint={<>Public keys only, as {'{"keys": [ … ]}'}.</>} error={errors.jwks?.message}>
        <Textarea {...form.register('jwks')} rows={4} spellCheck={false} autoComplete="off" autoCapitalize="off" className="font-mono text-12" />
      </Field>
      <Controller control={form.control} name="subject_match" render={({ field }) => <OptionCards label="How its people are found here" options={subjectMatches} value={field.value} onChange={field.onChange} />} />
      <Field label="Clients that may present its assertions" hint="Client ids, one per line. Each needs the grant type JWT bearer too." error={errors.clients?.message}>
        <Textarea {...form.register('clients')} rows={2} spellCheck={false} className="font-mono text-12" />
      </Field>
      <Field label="Scopes" optional hint="What tokens may contain at most, separated by spaces." error={errors.scopes?.message}>
        <Input {...form.register('scopes')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
      </Field>
      <Field label="Resource servers" optional hint="For whom tokens may be at most, by their identifiers, one per line. Empty: the issuer of the organization alone." error={errors.resources?.message}>
        <Textarea {...form.register('resources')} rows={2} spellCheck={false} className="font-mono text-12" />
      </Field>
      {issuer && (
        <Controller
          control={form.control}
          name="active"
          render={({ field }) => <CheckField label="Its word is taken" hint="Without this, every token that it vouched for ends at once." checked={field.value} onChange={field.onChange} />}
        />
      )}
      <Folded
        title="Assertions"
        hint="Their claim, type, signature and life"
        faulty={Boolean(errors.subject_claim ?? errors.assertion_types ?? errors.algorithms ?? errors.maximum_lifetime_seconds)}
      >
        <Field label="Claim that names the person" optional hint="Empty: sub, or email when people are found by that." error={errors.subject_claim?.message}>
          <Input {...form.register('subject_claim')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
        </Field>
        <Field label="They live at most" error={errors.maximum_lifetime_seconds?.message}>
          <Controller control={form.control} name="maximum_lifetime_seconds" render={({ field }) => <DurationInput label="They live at most" value={field.value} onChange={field.onChange} />} />
        </Field>
        <Controller
          control={form.control}
          name="assertion_types"
          render={({ field }) => <Choices label="Types" options={types} value={field.value} onChange={field.onChange} error={errors.assertion_types?.message} />}
        />
        <Controller
          control={form.control}
          name="algorithms"
          render={({ field }) => <Choices label="Signed by" columns options={algorithms.map((value) => ({ value, label: value }))} value={field.value} onChange={field.onChange} error={errors.algorithms?.message} />}
        />
      </Folded>
    </Form>
  );
}
