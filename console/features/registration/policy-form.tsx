'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Controller, useForm } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { Choices, OptionCards } from '@/components/ui/choice';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { Organization, Versioned } from '@/lib/api';
import { grantTypes } from '@/lib/grant-types';
import { documentPolicies, fieldOf, patchOf, policySchema, registrations, valuesOf, type PolicyValues } from './policy-values';

// What tokens may be exchanged an administrator writes down for each client, so none registers for it.
// What an administrator has to allow besides is of no use to a client that registers itself.
const grants = grantTypes.filter(({ value }) => value !== 'urn:ietf:params:oauth:grant-type:token-exchange' && value !== 'urn:ietf:params:oauth:grant-type:jwt-bearer').map((grant) => (grant.value === 'client_credentials' ? { ...grant, hint: 'The client acts for itself. It also needs an initial access token.' } : grant));

/** Who may register, and what applications may say of themselves. */
export function PolicyForm({ organization }: { organization: Versioned<Organization> }) {
  const { policies, issuer } = organization.value;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const form = useForm<PolicyValues>({ resolver: zodResolver(policySchema), defaultValues: valuesOf(policies) });
  const errors = form.formState.errors;
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
      <Form
        form={form}
        submit="Save registration"
        disabled={!editable}
        reload={reload}
        fieldOf={fieldOf}
        onSubmit={async (values) => {
          const patch = patchOf(policies, values);
          if (patch) await save({ policies: patch });
        }}
      >
        <Section title="Who may register">
          <Controller
            control={form.control}
            name="registration"
            render={({ field }) => <OptionCards label="Who may register clients at the registration endpoint" options={registrations} value={field.value} onChange={field.onChange} disabled={!editable} />}
          />
        </Section>
        <Section title="Documents" description="Applications that nobody registered, such as MCP clients, publish a document that describes them (Client ID Metadata Documents).">
          <div className="grid gap-5">
            <Controller
              control={form.control}
              name="client_id_metadata_documents"
              render={({ field }) => <OptionCards label="Documents that describe clients" options={documentPolicies} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            <Field label="Hosts of documents" optional hint="One per line: client.example.com, or *.example.com for every host below. Empty: any host." error={errors.client_id_metadata_document_hosts?.message}>
              <Textarea {...form.register('client_id_metadata_document_hosts')} rows={3} spellCheck={false} autoCapitalize="off" className="font-mono text-12" />
            </Field>
          </div>
        </Section>
        <Section title="Rules" description="What applications may say of themselves when they register or in their documents. Clients that administrators create are not bound by them.">
          <div className="grid gap-5">
            <Field label="Hosts of redirect URIs" optional hint="One per line: app.example.com, or *.example.com for every host below. Empty: any host." error={errors.redirect_hosts?.message}>
              <Textarea {...form.register('redirect_hosts')} rows={3} spellCheck={false} autoCapitalize="off" className="font-mono text-12" />
            </Field>
            <Field label="Scopes" optional hint="Separated by spaces. Empty: those of OpenID Connect." error={errors.scopes?.message}>
              <Input {...form.register('scopes')} spellCheck={false} autoComplete="off" autoCapitalize="off" className="font-mono" />
            </Field>
            <Controller
              control={form.control}
              name="grant_types"
              render={({ field }) => <Choices label="Grant types" options={grants} value={field.value} onChange={field.onChange} disabled={!editable} error={errors.grant_types?.message} />}
            />
          </div>
        </Section>
      </Form>
      <Section title="Address" description="Applications send their metadata there. The discovery document names it unless registration is closed.">
        <Facts>
          <Fact name="Registration endpoint">
            <Copyable value={`${issuer}/register`} what="registration endpoint" />
          </Fact>
        </Facts>
      </Section>
    </div>
  );
}
