'use client';

import { useQuery } from '@tanstack/react-query';
import { Controller, type UseFormReturn } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { Fixed } from '@/components/form';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Select, Textarea } from '@/components/ui/field';
import { useOrg } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { KeyFields } from './key-fields';
import { GrantFields, ProfileField } from './profile-fields';
import { SenderFields } from './sender-fields';
import type { ClientValues } from './values';

/** Those of OpenID Connect that may be defined anew. */
const standardScopes = ['profile', 'email', 'address', 'phone'];

type ClientForm = UseFormReturn<ClientValues>;

export function ProtocolFields({ form, disabled, described }: { form: ClientForm; disabled?: boolean; described: boolean }) {
  const errors = form.formState.errors;
  const organization = useQuery(organizationQuery(useOrg()));
  const own = (organization.data?.value.policies.scopes ?? []).map(({ name }) => name).filter((name) => !standardScopes.includes(name));
  return (
    <>
      <ProfileField form={form} />
      <Fixed when={described}>
        <GrantFields form={form} disabled={disabled} />
        <div className="grid gap-5 sm:grid-cols-2">
          <Field label="Authentication at the token endpoint" hint="None makes the client public: PKCE alone protects it." error={errors.token_endpoint_auth_method?.message}>
            <Select {...form.register('token_endpoint_auth_method')}>
              <option value="client_secret_basic">Secret in the header (basic)</option>
              <option value="client_secret_post">Secret in the body (post)</option>
              <option value="client_secret_jwt">JWT signed with the secret</option>
              <option value="private_key_jwt">JWT signed with the application’s own key</option>
              <option value="tls_client_auth">TLS certificate of an authority</option>
              <option value="self_signed_tls_client_auth">TLS certificate of the application’s own key</option>
              <option value="attest_jwt_client_auth">Attestation of each instance (draft)</option>
              <option value="none">None, public client</option>
            </Select>
          </Field>
          <Field label="Application type" hint="Decides which redirect URIs are allowed." error={errors.application_type?.message}>
            <Select {...form.register('application_type')}>
              <option value="web">Web</option>
              <option value="native">Native</option>
            </Select>
          </Field>
        </div>
        <KeyFields form={form} />
        <SenderFields form={form} disabled={disabled} />
        <Field label="Scopes" hint={<>What the client may ask for, separated by spaces.{own.length > 0 && ` Of the organization’s own: ${own.join(', ')}.`}</>} error={errors.scopes?.message}>
          <Input {...form.register('scopes')} spellCheck={false} autoComplete="off" className="font-mono" />
        </Field>
      </Fixed>
    </>
  );
}

/** For how long tokens are good. */
export function LifetimeFields({ form }: { form: ClientForm }) {
  const errors = form.formState.errors;
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <Field label="Access tokens live" hint="Empty: as long as the organization says." error={errors.access_token_lifetime_seconds?.message}>
        <Controller control={form.control} name="access_token_lifetime_seconds" render={({ field }) => <DurationInput label="Access tokens live" value={field.value} onChange={field.onChange} />} />
      </Field>
      <Field label="Refresh tokens live unused" hint="Empty: as long as the organization says." error={errors.refresh_token_lifetime_seconds?.message}>
        <Controller control={form.control} name="refresh_token_lifetime_seconds" render={({ field }) => <DurationInput label="Refresh tokens live unused" value={field.value} onChange={field.onChange} />} />
      </Field>
    </div>
  );
}

export function RedirectFields({ form, hint }: { form: ClientForm; hint?: string }) {
  const errors = form.formState.errors;
  return (
    <Field label="Redirect URIs" hint={`One per line, compared exactly. ${hint ?? ''}`} error={errors.redirect_uris?.message}>
      <Textarea {...form.register('redirect_uris')} rows={3} spellCheck={false} className="font-mono text-12" />
    </Field>
  );
}

export function LogoutField({ form }: { form: ClientForm }) {
  return (
    <Field label="Post-logout redirect URIs" optional hint="Where people may be sent after signing out, one per line." error={form.formState.errors.post_logout_redirect_uris?.message}>
      <Textarea {...form.register('post_logout_redirect_uris')} rows={2} spellCheck={false} className="font-mono text-12" />
    </Field>
  );
}

export function ConsentField({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  return (
    <Controller
      control={form.control}
      name="require_consent"
      render={({ field }) => (
        <CheckField label="Ask for consent" hint="People see once what the application gets to know. Leave out for your own applications." checked={field.value} disabled={disabled} onChange={field.onChange} />
      )}
    />
  );
}

/** What the application's sign-ins demand beside the organization. */
export function SecondFactorField({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  return (
    <Field label="Second factor" hint="Of the organization, the roles of people and the application, the strictest holds." error={form.formState.errors.second_factor?.message}>
      <Select {...form.register('second_factor')} disabled={disabled}>
        <option value="">As the organization says</option>
        <option value="optional">At least: whoever has one proves it</option>
        <option value="required">Everybody proves one</option>
      </Select>
    </Field>
  );
}
