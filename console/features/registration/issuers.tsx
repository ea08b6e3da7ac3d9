'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Confirm } from '@/components/danger';
import { Entries, Entry } from '@/components/entries';
import { Form } from '@/components/form';
import { Empty } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { Organization, SoftwareStatementIssuer, Versioned } from '@/lib/api';
import { fieldOf, issuerOf, issuerSchema, patchOf, valuesOf, type IssuerValues } from './issuer-values';

/** Whose software statements are believed. */
export function Issuers({ organization }: { organization: Versioned<Organization> }) {
  const { editable, save } = useOrganizationUpdate(organization);
  const [editing, setEditing] = useState<{ issuer?: SoftwareStatementIssuer }>();
  const [removing, setRemoving] = useState<SoftwareStatementIssuer>();
  const issuers = organization.value.policies.registration_rules.software_statement_issuers ?? [];
  return (
    <>
      <Section
        title="Trusted issuers"
        description="A software statement is a signed JWT in which somebody you trust says what an application is. It stands above what the application says of itself, and opens no door: who may register, the policy decides."
        action={
          editable && (
            <Button data-create onClick={() => setEditing({})}>
              <Plus aria-hidden />
              Add issuer
            </Button>
          )
        }
      >
        {issuers.length === 0 ? (
          <Empty title="No trusted issuers">Statements of anybody are refused until you name whom you trust.</Empty>
        ) : (
          <Entries label="Trusted issuers">
            {issuers.map((issuer) => (
              <Entry
                key={issuer.issuer}
                title={issuer.issuer}
                actions={
                  editable && (
                    <>
                      <Button size="small" aria-label={`Edit ${issuer.issuer}`} onClick={() => setEditing({ issuer })}>
                        Edit
                      </Button>
                      <Button size="small" look="danger-outline" aria-label={`Remove ${issuer.issuer}`} onClick={() => setRemoving(issuer)}>
                        Remove
                      </Button>
                    </>
                  )
                }
              >
                <p className="break-all text-neutral-11">{issuer.jwks_uri ? `Keys at ${issuer.jwks_uri}` : keysInWords(issuer)}</p>
              </Entry>
            ))}
          </Entries>
        )}
      </Section>
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.issuer ? 'Edit issuer' : 'Add issuer'}
        description="Its signature has to hold with one of these keys."
      >
        {editing && <IssuerForm organization={organization} issuer={editing.issuer} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title="Remove this issuer?"
        consequence={`Applications can no longer register with a statement of ${removing?.issuer ?? 'this issuer'}. Those that did stay.`}
        button="Remove issuer"
        pendingText="Removing…"
        onConfirm={() => save({ policies: patchOf(issuers, removing!.issuer, undefined) }, 'The issuer is removed')}
      />
    </>
  );
}

function keysInWords({ jwks }: SoftwareStatementIssuer): string {
  const count = jwks?.keys.length ?? 0;
  return count === 1 ? '1 key, pasted here' : `${count} keys, pasted here`;
}

function IssuerForm({ organization, issuer, close }: { organization: Versioned<Organization>; issuer?: SoftwareStatementIssuer; close: () => void }) {
  const { save, reload } = useOrganizationUpdate(organization);
  const issuers = organization.value.policies.registration_rules.software_statement_issuers ?? [];
  const others = issuers.map((each) => each.issuer).filter((name) => name !== issuer?.issuer);
  const form = useForm<IssuerValues>({ resolver: zodResolver(issuerSchema(others)), defaultValues: valuesOf(issuer) });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit={issuer ? 'Save issuer' : 'Add issuer'}
      fieldOf={fieldOf}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        await save({ policies: patchOf(issuers, issuer?.issuer, issuerOf(values)) }, `${values.issuer} is trusted`);
        close();
      }}
    >
      <Field label="Issuer" hint="Exactly what stands in its statements as iss." error={errors.issuer?.message}>
        <Input {...form.register('issuer')} autoComplete="off" autoCapitalize="off" spellCheck={false} placeholder="https://trust.example" />
      </Field>
      <Field label="Address of its public keys (jwks_uri)" hint="A key set that is fetched when it is needed, by https and from public addresses." error={errors.jwks_uri?.message}>
        <Input {...form.register('jwks_uri')} type="url" autoComplete="off" placeholder="https://" />
      </Field>
      <Field label="Or the keys themselves (jwks)" hint={<>Public keys only, as {'{"keys": [ … ]}'}.</>} error={errors.jwks?.message}>
        <Textarea {...form.register('jwks')} rows={6} spellCheck={false} autoComplete="off" autoCapitalize="off" className="font-mono text-12" />
      </Field>
    </Form>
  );
}
