'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Form } from '@/components/form';
import { Page } from '@/components/page';
import { ButtonLink } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Card } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read } from '@/lib/api';
import { address } from '@/lib/address';
import { keys } from '@/lib/query';
import { slug, z } from '@/lib/schema';

const schema = z.object({ name: z.string().trim().min(1, 'Give it a name.').max(200, 'Use at most 200 characters.'), slug });

/** "Città di Torino" → "citta-di-torino". */
export function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/ß/g, 'ss')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63)
    .replace(/-+$/, '');
}

export function OrganizationCreate() {
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const form = useForm({ resolver: zodResolver(schema), defaultValues: { name: '', slug: '' } });
  const chosen = useWatch({ control: form.control, name: 'slug' });
  const errors = form.formState.errors;
  const name = form.register('name', {
    onChange: (event: { target: { value: string } }) => {
      if (!form.formState.dirtyFields.slug) form.setValue('slug', slugOf(event.target.value));
    },
  });
  return (
    <Page title="Create organization" width="form">
      <Card className="p-5 sm:p-6">
        <Form
          form={form}
          submit="Create organization"
          pendingText="Creating…"
          aside={<ButtonLink look="quiet" href={address.organizations()}>Cancel</ButtonLink>}
          onSubmit={async (values) => {
            const created = await read(api.POST('/api/v1/orgs', { params: { header: { 'Idempotency-Key': idempotencyKey } }, body: values }));
            await queries.invalidateQueries({ queryKey: keys.organizations() });
            toast(`${created.name} was created`);
            router.push(address.overview(created.slug));
          }}
        >
          <Field label="Name" hint="People see it on the sign-in page." error={errors.name?.message}>
            <Input {...name} autoFocus autoComplete="off" />
          </Field>
          <Field
            label="Name in addresses"
            hint={
              <>
                Part of the issuer, <code className="font-mono">{`${window.location.origin}/${chosen || '…'}`}</code>. It cannot change later.
              </>
            }
            error={errors.slug?.message}
          >
            <Input {...form.register('slug')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
          </Field>
        </Form>
      </Card>
    </Page>
  );
}
