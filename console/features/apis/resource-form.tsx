'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { Controller, useForm } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { api, read, type Resource } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { createBody, patchOf, resourceSchema, valuesOf, type ResourceValues } from './resource-values';
import { tagOf } from '@/components/use-records';

interface ResourceFormProps {
  /** Undefined for a new one. */
  resource?: Resource;
  changed: (words: string) => Promise<void>;
  reload: () => void;
  close: () => void;
}

export function ResourceForm({ resource, changed, reload, close }: ResourceFormProps) {
  const org = useOrg();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const form = useForm<ResourceValues>({ resolver: zodResolver(resourceSchema), defaultValues: valuesOf(resource) });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit={resource ? 'Save resource server' : 'Register'}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      fieldOf={(field) => field.replace(/\[.*$/, '')}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        if (!resource) {
          await read(api.POST('/api/v1/orgs/{org}/resources', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: createBody(values) }));
        } else {
          const body = patchOf(resource, values);
          if (body) await read(api.PATCH('/api/v1/orgs/{org}/resources/{resource_id}', { params: { path: { org, resource_id: resource.id }, header: { 'If-Match': tagOf(resource) } }, body }));
        }
        await changed(`${values.name} is ${resource ? 'saved' : 'registered'}`);
        close();
      }}
    >
      <Field label="Name" hint="People read it when they are asked for their consent." error={errors.name?.message}>
        <Input {...form.register('name')} autoComplete="off" placeholder="Payments" />
      </Field>
      <Field
        label="Identifier"
        hint={resource ? 'What was granted for another one is worth nothing for a new one.' : 'Usually its address. Applications name it as resource, and its tokens have it as aud.'}
        error={errors.identifier?.message}
      >
        <Input {...form.register('identifier')} type="url" autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="https://api.example.com/payments" />
      </Field>
      <Field label="Scopes of its own" optional hint="Separated by spaces. Tokens for other resource servers do not carry them." error={errors.scopes?.message}>
        <Input {...form.register('scopes')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="payments:read payments:write" />
      </Field>
      <Controller
        control={form.control}
        name="published"
        render={({ field }) => <CheckField label="Publish it" hint="The metadata of the organization lists it (RFC 9728), for everybody to read." checked={field.value} onChange={field.onChange} />}
      />
      <Folded title="Tokens" hint="How long they live, who may ask about them" faulty={Boolean(errors.access_token_lifetime_seconds ?? errors.introspection_clients)}>
        <Field label="Access tokens live at most" optional hint="Empty: as long as those of each client." error={errors.access_token_lifetime_seconds?.message}>
          <Controller control={form.control} name="access_token_lifetime_seconds" render={({ field }) => <DurationInput label="Access tokens live at most" value={field.value} onChange={field.onChange} />} />
        </Field>
        <Field label="Clients that may ask about its tokens" optional hint="Client ids, one per line: that of the API itself, mostly." error={errors.introspection_clients?.message}>
          <Textarea {...form.register('introspection_clients')} rows={2} spellCheck={false} className="font-mono text-12" />
        </Field>
      </Folded>
    </Form>
  );
}
