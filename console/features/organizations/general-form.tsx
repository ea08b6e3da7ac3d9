'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { Time } from '@/components/time';
import { Field, Input } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import type { Organization, Versioned } from '@/lib/api';
import { z } from '@/lib/schema';
import { useOrganizationUpdate } from '@/components/use-organization-update';

const schema = z.object({ name: z.string().trim().min(1, 'Give it a name.').max(200, 'Use at most 200 characters.') });

export function GeneralForm({ organization }: { organization: Versioned<Organization> }) {
  const { value } = organization;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const form = useForm({ resolver: zodResolver(schema), defaultValues: { name: value.name } });
  return (
    <div className="grid gap-6">
      <Section title="General">
        <div className="max-w-xl">
          <Form form={form} submit="Save" disabled={!editable} reload={reload} onSubmit={(values) => save(values)}>
            <Field label="Name" hint="People see it on the sign-in page." error={form.formState.errors.name?.message}>
              <Input {...form.register('name')} autoComplete="off" />
            </Field>
          </Form>
        </div>
      </Section>
      <Section title="Identifiers" description="What applications and scripts need to know.">
        <Facts>
          <Fact name="Issuer">
            <Copyable value={value.issuer} what="issuer" />
          </Fact>
          <Fact name="Name in addresses">
            <Copyable value={value.slug} what="name in addresses" />
          </Fact>
          <Fact name="Id">
            <Copyable value={value.id} what="id" />
          </Fact>
          <Fact name="Created">
            <Time reachable instant={value.created_at} />
          </Fact>
          <Fact name="Changed">
            <Time reachable instant={value.updated_at} />
          </Fact>
        </Facts>
      </Section>
    </div>
  );
}
