'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { useForm, useWatch } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { Time } from '@/components/time';
import { Field, Input } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { Notice, Section } from '@/components/ui/surface';
import type { Client, Versioned } from '@/lib/api';
import { ConsentField, LogoutField, PresentationFields, ProtocolFields, RedirectFields } from './advanced';
import { ClientSecretDialog } from './secret-dialog';
import { SessionFields } from './session-fields';
import { useClientUpdate } from './use-client';
import { clientSchema, fieldOf, patchOf, signsPeopleIn, valuesOf, type ClientValues } from './values';

const protocol = ['profile', 'grant_types', 'response_types', 'token_endpoint_auth_method', 'token_endpoint_auth_signing_alg', 'jwks', 'jwks_uri', 'application_type', 'id_token_signed_response_alg', 'scopes', 'access_token_lifetime_seconds', 'refresh_token_lifetime_seconds'] as const;
const session = ['backchannel_logout_uri', 'frontchannel_logout_uri', 'initiate_login_uri'] as const;
const presentation = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'contacts'] as const;

export function ClientSettings({ client, editable }: { client: Versioned<Client>; editable: boolean }) {
  const { value } = client;
  const { save, reload } = useClientUpdate(client);
  const [made, setMade] = useState<{ client: Client; secret: string; show: () => void }>();
  const form = useForm<ClientValues>({ resolver: zodResolver(clientSchema), defaultValues: valuesOf(value) });
  const errors = form.formState.errors;
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
        <Form
          form={form}
          submit="Save settings"
          disabled={!editable}
          reload={reload}
          fieldOf={fieldOf}
          onSubmit={async (values) => {
            const patch = patchOf(value, values);
            if (!patch) return;
            const saved = await save(patch);
            if (saved.secret) setMade({ client: saved.client, secret: saved.secret, show: saved.show });
            else saved.show();
          }}
        >
          <Field label="Name" hint="People see it on the consent page." error={errors.client_name?.message}>
            <Input {...form.register('client_name')} autoComplete="off" />
          </Field>
          {signsPeopleIn(grants) && (
            <>
              <RedirectFields form={form} />
              <LogoutField form={form} />
              <ConsentField form={form} disabled={!editable || value.origin === 'dynamic'} />
            </>
          )}
          <Folded title="Protocol" hint="Profile, grant types, authentication, keys, scopes, lifetimes" faulty={protocol.some((name) => errors[name])}>
            <ProtocolFields form={form} disabled={!editable} />
          </Folded>
          {signsPeopleIn(grants) && (
            <Folded title="Sessions" hint="Hearing of their end, starting a sign-in" faulty={session.some((name) => errors[name])}>
              <SessionFields form={form} disabled={!editable} />
            </Folded>
          )}
          <Folded title="Presentation" hint="Links and contacts" faulty={presentation.some((name) => errors[name])}>
            <PresentationFields form={form} />
          </Folded>
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
