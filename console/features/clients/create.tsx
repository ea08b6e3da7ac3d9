'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { Page } from '@/components/page';
import { ButtonLink } from '@/components/ui/button';
import { OptionCards } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { Card } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type ClientWithSecret } from '@/lib/api';
import { address, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { ConsentField, LogoutField, RedirectFields, SecondFactorField } from './advanced';
import { ClientFolds } from './folds';
import { ClientSecretDialog } from './secret-dialog';
import { clientSchema, createBody, fieldOf, kinds, newValues, type ClientValues, type Kind } from './values';

/** What stands above the fold; a fault anywhere else opens it. */
const essential = new Set(['client_name', 'redirect_uris', 'root']);

/** Kind first, then the two or three fields it needs; everything else is folded away with good values. */
export function ClientCreate() {
  const org = useOrg();
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const [kind, setKind] = useState<Kind>('web');
  const [created, setCreated] = useState<ClientWithSecret>();
  const form = useForm<ClientValues>({ resolver: zodResolver(clientSchema), defaultValues: newValues('web') });
  const errors = form.formState.errors;
  const choose = (next: Kind) => {
    setKind(next);
    const { client_id, client_name, redirect_uris } = form.getValues();
    form.reset({ ...newValues(next), client_id, client_name, redirect_uris }, { keepDirty: true });
  };
  const open = (client: ClientWithSecret) => router.push(address.client(org, client.client.id));
  return (
    <Page title="Create client" description="An application that signs people in, or a service that calls others." width="form">
      <Card className="p-5 sm:p-6">
        <Form
          form={form}
          submit="Create client"
          pendingText="Creating…"
          fieldOf={(field) => fieldOf(field, form.getValues())}
          aside={<ButtonLink look="quiet" href={address.clients(org)}>Cancel</ButtonLink>}
          onSubmit={async (values) => {
            const answer = await read(api.POST('/api/v1/orgs/{org}/clients', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: createBody(values) }));
            await queries.invalidateQueries({ queryKey: keys.clients(org) });
            if (answer.client_secret) return setCreated(answer);
            toast(`${answer.client.client_name} was created`);
            open(answer);
          }}
        >
          <OptionCards
            label="What is it?"
            columns={2}
            value={kind}
            onChange={(value) => choose(value as Kind)}
            options={Object.entries(kinds).map(([value, facts]) => ({ value, label: facts.label, hint: facts.hint }))}
          />
          <Field label="Name" hint="People see it on the consent page." error={errors.client_name?.message}>
            <Input {...form.register('client_name')} autoComplete="off" />
          </Field>
          {kind !== 'service' && kind !== 'device' && <RedirectFields form={form} hint={kinds[kind].redirectHint} />}
          <Folded title="Advanced" hint="Client id, consent, protocol, signing, sessions, presentation" faulty={Object.keys(errors).some((name) => !essential.has(name))}>
            <Field label="Client id" optional hint="Empty: a random one. It cannot change later." error={errors.client_id?.message}>
              <Input {...form.register('client_id')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
            </Field>
            {kind !== 'service' && <ConsentField form={form} />}
            {kind !== 'service' && <SecondFactorField form={form} />}
            {kind !== 'service' && <LogoutField form={form} />}
            <ClientFolds form={form} />
          </Folded>
        </Form>
      </Card>
      {created?.client_secret && <ClientSecretDialog client={created.client} secret={created.client_secret} onClose={() => open(created)} />}
    </Page>
  );
}
