'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { ClaimDefinition, Organization, Versioned } from '@/lib/api';
import { claimSchema, fieldOf, withClaim, type ClaimValues } from './values';

export function ClaimForm({ organization, claim, close }: { organization: Versioned<Organization>; claim?: ClaimDefinition; close: () => void }) {
  const { policies } = organization.value;
  const { save, reload } = useOrganizationUpdate(organization);
  const taken = policies.claims.map(({ name }) => name).filter((name) => name !== claim?.name);
  const form = useForm<ClaimValues>({ resolver: zodResolver(claimSchema(taken)), defaultValues: claim ?? { name: '', attribute: '' } });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit={claim ? 'Save claim' : 'Add claim'}
      fieldOf={fieldOf}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        await save({ policies: withClaim(policies, claim?.name, values) }, `${values.name} is saved`);
        close();
      }}
    >
      <Field label="Name" hint="Applications read it under this name, in the ID token or from userinfo." error={errors.name?.message}>
        <Input {...form.register('name')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="department" />
      </Field>
      <Field label="Attribute" hint="The name of the attribute of people that it is made of, in small and capital letters as written there." error={errors.attribute?.message}>
        <Input {...form.register('attribute')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="department" />
      </Field>
    </Form>
  );
}
