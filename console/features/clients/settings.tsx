'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Fixed, Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { Time } from '@/components/time';
import { Field, Input } from '@/components/ui/field';
import { Notice, Section } from '@/components/ui/surface';
import type { Client, Versioned } from '@/lib/api';
import { ConsentField, LogoutField, RedirectFields, SecondFactorField } from './advanced';
import { ClientFolds } from './folds';
import { ClientSecretDialog } from './secret-dialog';
import { useClientUpdate } from './use-client';
import { clientSchema, fieldOf, patchOf, signsPeopleIn, valuesOf, type ClientValues } from './values';

export function ClientSettings({ client, editable }: { client: Versioned<Client>; editable: boolean }) {
  const { value } = client;
  const { save, reload } = useClientUpdate(client);
  const [made, setMade] = useState<{ client: Client; secret: string; show: () => void }>();
  const form = useForm<ClientValues>({ resolver: zodResolver(clientSchema), defaultValues: valuesOf(value) });
  const errors = form.formState.errors;
  const described = value.origin === 'metadata_document';
  const grants = useWatch({ control: form.control, name: 'grant_types' });
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr]">
      <Section title="Settings">
        {value.built_in && (
          <div className="mb-5">
            <Notice tone="info" role="note">
              The console itself signs in with this client, so it cannot be changed.
            </Notice>
          </div>
        )}
        {described && (
          <div className="mb-5">
            <Notice tone="info" role="note">
              The document at its client id describes this client, and only its owner can change what that says. For you to decide are the profile, how long tokens live and what they look like, the resource servers and token exchange. Disable or delete the client in the danger zone.
            </Notice>
          </div>
        )}
        {value.origin === 'dynamic' && editable && (
          <div className="mb-5">
            <Notice tone="info" role="note">
              This client registered itself and may change what it says of itself. What you decide about its tokens, resource servers and token exchange stays.
            </Notice>
          </div>
        )}
        <Form
          form={form}
          submit="Save settings"
          disabled={!editable}
          reload={reload}
          fieldOf={(field) => fieldOf(field, form.getValues())}
          onSubmit={async (values) => {
            const patch = patchOf(value, values);
            if (!patch) return;
            const saved = await save(patch);
            if (saved.secret) setMade({ client: saved.client, secret: saved.secret, show: saved.show });
            else saved.show();
          }}
        >
          <Fixed when={described}>
            <Field label="Name" hint="People see it on the consent page." error={errors.client_name?.message}>
              <Input {...form.register('client_name')} autoComplete="off" />
            </Field>
            {signsPeopleIn(grants) && (
              <>
                <RedirectFields form={form} />
                <LogoutField form={form} />
                <ConsentField form={form} disabled={!editable || described || value.origin === 'dynamic'} />
              </>
            )}
          </Fixed>
          {grants.some((grant) => grant !== 'client_credentials') && <SecondFactorField form={form} disabled={!editable} />}
          <ClientFolds form={form} disabled={!editable} described={described} />
        </Form>
      </Section>
      <Section title="Identifiers">
        <Facts>
          <Fact name="Client id">
            <Copyable value={value.client_id} what="client id" />
          </Fact>
          <Fact name="Record">
            <Copyable value={value.id} what="record id" />
          </Fact>
          {value.software_statement && <Fact name="Vouched for by">{issuerOf(value.software_statement)}</Fact>}
          <Fact name="Created">
            <Time reachable instant={value.created_at} />
          </Fact>
          <Fact name="Changed">
            <Time reachable instant={value.updated_at} />
          </Fact>
        </Facts>
      </Section>
      {made && (
        <ClientSecretDialog
          client={made.client}
          secret={made.secret}
          onClose={() => {
            setMade(undefined);
            made.show();
          }}
        />
      )}
    </div>
  );
}

/** Who signed the statement that the client registered itself with (RFC 7591 §2.3). It was verified then. */
function issuerOf(statement: string): string {
  try {
    const payload = statement.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/');
    const { iss } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(payload), (each) => each.charCodeAt(0)))) as { iss?: unknown };
    return typeof iss === 'string' ? iss : 'Unknown';
  } catch {
    return 'Unknown';
  }
}
