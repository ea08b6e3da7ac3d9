'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState } from 'react';
import { Controller, useForm, useWatch } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { Notice } from '@/components/ui/surface';
import { tagOf } from '@/components/use-records';
import { api, read, type IdentityProvider, type IdentityProviderTest } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { authentications, createBody, patchOf, redirectUri, schemaOf, valuesOf, type ProviderValues } from './provider-values';

interface ProviderFormProps {
  /** Undefined for a new one. */
  provider?: IdentityProvider;
  /** That of the organization. */
  issuer: string;
  changed: (words: string) => Promise<void>;
  reload: () => void;
  close: () => void;
}

export function ProviderForm({ provider, issuer, changed, reload, close }: ProviderFormProps) {
  const org = useOrg();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  /** The issuer that cannot be used, and whether it is added all the same. */
  const [refused, setRefused] = useState<{ issuer: string; anyway: boolean }>();
  const form = useForm<ProviderValues>({ resolver: zodResolver(schemaOf(provider)), defaultValues: valuesOf(provider) });
  const errors = form.formState.errors;
  const [alias, authentication, there] = useWatch({ control: form.control, name: ['alias', 'client_authentication', 'issuer'] });
  const tryIt = (wanted: string) => read(api.POST('/api/v1/orgs/{org}/identity-providers/test', { params: { path: { org } }, body: { issuer: wanted } }));
  return (
    <Form
      form={form}
      submit={provider ? 'Save provider' : 'Add provider'}
      fieldOf={(field) => field.replace(/\[.*$/, '')}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        if (provider) {
          const body = patchOf(provider, values);
          const path = { org, identity_provider_id: provider.id };
          if (body) await read(api.PATCH('/api/v1/orgs/{org}/identity-providers/{identity_provider_id}', { params: { path, header: { 'If-Match': tagOf(provider) } }, body }));
        } else {
          if (!refused?.anyway || refused.issuer !== values.issuer) {
            const { outcome, message } = await tryIt(values.issuer);
            if (outcome === 'unusable') {
              setRefused({ issuer: values.issuer, anyway: false });
              form.setError('issuer', { type: 'server', message }, { shouldFocus: true });
              return;
            }
          }
          await read(api.POST('/api/v1/orgs/{org}/identity-providers', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: createBody(values) }));
        }
        await changed(`${values.name} is ${provider ? 'saved' : 'added'}`);
        close();
      }}
    >
      <Field label="Name" hint="What people read on the sign-in page." error={errors.name?.message}>
        <Input {...form.register('name')} autoComplete="off" placeholder="Example Corp" />
      </Field>
      <Field
        label="Name in addresses"
        hint={provider ? 'Another one changes the redirect URI: register that at the provider first.' : 'Small letters, digits and hyphens.'}
        error={errors.alias?.message}
      >
        <Input {...form.register('alias')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="corp" />
      </Field>
      <div className="grid gap-1">
        <p className="font-medium" id="redirect-uri-label">
          Redirect URI
        </p>
        <p className="text-12 text-neutral-11">Register Clavex at the provider with it. There you get a client ID and a secret.</p>
        {alias.trim() === '' ? <p className="text-neutral-11">It stands here when there is a name in addresses.</p> : <Copyable value={redirectUri(issuer, alias.trim())} what="redirect URI" />}
      </div>
      {provider ? (
        <div className="grid gap-1">
          <p className="font-medium">Issuer</p>
          <p className="text-12 text-neutral-11">It stays what it is. For another one, add another provider.</p>
          <Copyable value={provider.issuer} what="issuer" />
        </div>
      ) : (
        <Field label="Issuer" hint="Its address, character by character as the provider writes it. What it says of itself is looked at before it is added." error={errors.issuer?.message}>
          <Input {...form.register('issuer')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="https://login.example.org" />
        </Field>
      )}
      <Trial issuer={(provider?.issuer ?? there).trim()} tryIt={tryIt} usable={() => setRefused(undefined)} />
      {refused?.issuer === there.trim() && (
        <CheckField
          label="Add it although it cannot be used now"
          hint="Nobody signs in there before the provider answers."
          checked={refused.anyway}
          onChange={(anyway) => setRefused({ ...refused, anyway })}
        />
      )}
      <Field label="Client ID" hint="What the provider knows Clavex by." error={errors.client_id?.message}>
        <Input {...form.register('client_id')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
      </Field>
      <Field label="How Clavex proves who it is" hint="When it redeems what people bring back from there." error={errors.client_authentication?.message}>
        <Select {...form.register('client_authentication')}>
          {authentications.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </Field>
      {authentication !== 'none' && (
        <Field
          label="Client secret"
          hint={provider && provider.client_authentication !== 'none' ? 'Empty: the one that is saved. It is never shown, and needed again for another client ID.' : 'It is kept encrypted and never shown.'}
          error={errors.client_secret?.message}
        >
          <Controller control={form.control} name="client_secret" render={({ field }) => <Input {...field} type="password" autoComplete="new-password" />} />
        </Field>
      )}
      <Field label="Scopes" hint="What is asked for, separated by spaces. openid is always among them." error={errors.scopes?.message}>
        <Input {...form.register('scopes')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
      </Field>
    </Form>
  );
}

/** Looks at what a provider says of itself, whenever somebody wants to know. */
function Trial({ issuer, tryIt, usable }: { issuer: string; tryIt: (issuer: string) => Promise<IdentityProviderTest>; usable: () => void }) {
  const [pending, setPending] = useState(false);
  const [outcome, setOutcome] = useState<IdentityProviderTest & { issuer: string }>();
  const [problem, setProblem] = useState<unknown>();
  const look = async () => {
    setPending(true);
    setOutcome(undefined);
    setProblem(undefined);
    try {
      const answer = await tryIt(issuer);
      setOutcome({ ...answer, issuer });
      if (answer.outcome === 'usable') usable();
    } catch (error) {
      setProblem(error);
    }
    setPending(false);
  };
  return (
    <div className="grid justify-items-start gap-3">
      <Button onClick={() => void look()} pending={pending} pendingText="Asking…" disabled={issuer === ''}>
        Try the issuer
      </Button>
      {outcome?.issuer === issuer && (
        <Notice tone={outcome.outcome === 'usable' ? 'success' : 'danger'} role={outcome.outcome === 'usable' ? 'status' : 'alert'} title={outcome.outcome === 'usable' ? 'It can be used' : 'It cannot be used'}>
          {outcome.message}
          {outcome.authorization_endpoint !== undefined && <span className="block break-all font-mono text-12">{outcome.authorization_endpoint}</span>}
        </Notice>
      )}
      {problem !== undefined && <ErrorNotice error={problem} />}
    </div>
  );
}
