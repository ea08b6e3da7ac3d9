'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { Link2 } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { Controller, useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { SecretDialog } from '@/components/secret';
import { ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { Notice, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type OneTimeLink, type User, type Versioned } from '@/lib/api';
import { address, useOrg } from '@/lib/address';
import { usePasswordHint } from '@/lib/organization';
import { keys } from '@/lib/query';
import { z } from '@/lib/schema';
import { useMay } from '@/lib/session';
import { exactTime } from '@/lib/time';
import { Identities, useIdentities } from './identities';
import { Invitation } from './invitation';
import { Passkeys, usePasskeys } from './passkeys';
import { RequiredActions } from './required-actions';
import { SecondFactor } from './second-factor';
import { UserTerms } from './terms';

export function SignIn({ user }: { user: Versioned<User> }) {
  const org = useOrg();
  const mayWrite = useMay('users:write');
  const { value } = user;
  const { data: passkeys } = usePasskeys(value.id);
  const { data: identities } = useIdentities(value.id);
  return (
    <div className="grid gap-6">
      {!value.has_password && passkeys?.length === 0 && identities?.length === 0 && (
        <Notice tone="info" role="note" title="This user cannot sign in yet">
          There is neither password nor passkey nor account elsewhere. Invite them by mail, make a one-time link and hand it over, or set a password.
        </Notice>
      )}
      <Invitation user={value} mayInvite={!value.has_password && passkeys?.length === 0} />
      {mayWrite && (
        <div className="grid items-start gap-6 lg:grid-cols-2">
          <OneTimeLinkMaker user={value} />
          <PasswordForm user={value} />
        </div>
      )}
      <RequiredActions user={user} />
      <Passkeys user={value} />
      <SecondFactor user={value} />
      <Identities user={value} />
      <UserTerms user={value} />
      <p className="text-neutral-11">
        What this user did stands in the{' '}
        <Link href={`${address.auditEvents(org)}?actor=${value.id}`} className="rounded-[4px] text-brand-11 underline">
          audit events
        </Link>
        .
      </p>
    </div>
  );
}

function OneTimeLinkMaker({ user }: { user: User }) {
  const org = useOrg();
  const [lifetime, setLifetime] = useState('86400');
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const [link, setLink] = useState<OneTimeLink>();
  const make = async () => {
    setPending(true);
    setError(undefined);
    try {
      setLink(await read(api.POST('/api/v1/orgs/{org}/users/{user_id}/one-time-link', { params: { path: { org, user_id: user.id } }, body: { lifetime_seconds: Number(lifetime) } })));
    } catch (problem) {
      setError(problem);
    }
    setPending(false);
  };
  return (
    <Section title="One-time link" description="Lets the user in once and asks for a new password. Making a new link makes earlier ones worthless.">
      <div className="grid gap-4">
        <Field label="Works for" className="max-w-48">
          <Select value={lifetime} onChange={(event) => setLifetime(event.target.value)}>
            <option value="3600">1 hour</option>
            <option value="86400">1 day</option>
            <option value="259200">3 days</option>
            <option value="604800">7 days</option>
          </Select>
        </Field>
        {error !== undefined && <ErrorNotice error={error} />}
        <Button className="w-fit" pending={pending} pendingText="Making…" disabled={user.status !== 'active'} onClick={() => void make()}>
          <Link2 aria-hidden />
          Make link
        </Button>
        {user.status === 'disabled' && <p className="text-12 text-neutral-11">Enable the user first.</p>}
        {user.status === 'leaving' && <p className="text-12 text-neutral-11">This person asked that the account be erased. Keep it first.</p>}
      </div>
      <SecretDialog
        open={link !== undefined}
        title={`One-time link for ${user.username}`}
        warning={`Whoever opens it signs in as this user. Hand it over on a way that only they can read. It is not shown again, and works until ${link ? exactTime(link.expires_at) : ''}.`}
        label="Link"
        value={link?.url ?? ''}
        onClose={() => setLink(undefined)}
      />
    </Section>
  );
}

const passwordSchema = z.object({
  password: z.string().min(8, 'Use at least 8 characters.').max(256, 'Use at most 256 characters.'),
  temporary: z.boolean(),
});

function PasswordForm({ user }: { user: User }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const form = useForm({ resolver: zodResolver(passwordSchema), defaultValues: { password: '', temporary: true } });
  return (
    <Section title={user.has_password ? 'Set another password' : 'Set a password'} description="The user is signed out everywhere.">
      <Form
        form={form}
        submit="Set password"
        pendingText="Setting…"
        onSubmit={async (values) => {
          await read(api.PUT('/api/v1/orgs/{org}/users/{user_id}/password', { params: { path: { org, user_id: user.id } }, body: values }));
          form.reset();
          void queries.invalidateQueries({ queryKey: keys.user(org, user.id) });
          toast('The password was set');
        }}
      >
        <Field label="New password" hint={usePasswordHint(org)} error={form.formState.errors.password?.message}>
          <Input {...form.register('password')} type="password" autoComplete="new-password" />
        </Field>
        <Controller control={form.control} name="temporary" render={({ field }) => <CheckField label="Ask for a new one at the next sign-in" checked={field.value} onChange={field.onChange} />} />
      </Form>
    </Section>
  );
}
