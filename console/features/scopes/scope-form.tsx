'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Controller, useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { Choices } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { Organization, ScopeDefinition, Versioned } from '@/lib/api';
import { languages } from '@/lib/languages';
import { fieldOf, scopeOf, scopeSchema, scopeValues, standardScopes, withScope, type ScopeValues } from './values';

interface ScopeFormProps {
  organization: Versioned<Organization>;
  /** Undefined for a new one. */
  scope?: ScopeDefinition;
  /** One of OpenID Connect, whose name stays. */
  standard?: boolean;
  close: () => void;
}

export function ScopeForm({ organization, scope, standard, close }: ScopeFormProps) {
  const { policies } = organization.value;
  const { save, reload } = useOrganizationUpdate(organization);
  const taken = [...policies.scopes, ...standardScopes].map(({ name }) => name).filter((name) => name !== scope?.name);
  const before = scopeValues(scope);
  const form = useForm<ScopeValues>({ resolver: zodResolver(scopeSchema(taken)), defaultValues: before });
  const errors = form.formState.errors;
  const tags = Object.keys(before.description);
  const own = policies.claims.map(({ name }) => name);
  const groups = [...(own.length > 0 ? [{ label: 'Your own claims', claims: own }] : []), ...standardScopes.map(({ name, claims }) => ({ label: `Claims of ${name}`, claims }))];
  return (
    <Form
      form={form}
      submit={scope ? 'Save scope' : 'Add scope'}
      fieldOf={fieldOf}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        await save({ policies: withScope(policies, scope?.name, scopeOf(values)) }, `${values.name} is saved`);
        close();
      }}
    >
      {!standard && (
        <Field label="Name" hint={scope ? 'Applications ask for it by this name. After a change they have to ask for the new one.' : 'Applications ask for it by this name.'} error={errors.name?.message}>
          <Input {...form.register('name')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="work" />
        </Field>
      )}
      {tags.map((tag, index) => (
        <Field
          key={tag}
          label={`Description, ${languages.find((language) => language.tag === tag)?.label ?? tag}`}
          optional
          hint={index === 0 ? 'The consent page says it to people who are asked. English stands in for a language without one.' : undefined}
          error={errors.description?.[tag]?.message}
        >
          <Input {...form.register(`description.${tag}`)} autoComplete="off" lang={tag} />
        </Field>
      ))}
      <Controller
        control={form.control}
        name="claims"
        render={({ field }) => (
          <>
            {groups.map(({ label, claims }, index) => (
              <Choices
                key={label}
                label={label}
                columns
                options={claims.map((claim) => ({ value: claim, label: claim }))}
                value={field.value}
                onChange={field.onChange}
                error={index === 0 ? errors.claims?.message : undefined}
              />
            ))}
          </>
        )}
      />
    </Form>
  );
}
