'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import Link from 'next/link';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Entries, Entry } from '@/components/entries';
import { Form } from '@/components/form';
import { useList } from '@/components/list/use-list';
import { Empty, ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Skeleton } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type LinkedIdentity, type TrustedIssuer } from '@/lib/api';
import { address, useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { z } from '@/lib/schema';

const schema = z.object({
  subject: z.string().trim().min(1, 'Write what the issuer calls the person.').max(255, 'Use at most 255 characters.'),
  username: z.string().trim().min(1, 'Write whom it means here.'),
});

type LinkValues = z.infer<typeof schema>;

/** Which user each subject of an issuer is. */
export function LinkedIdentities({ issuer, editable }: { issuer: TrustedIssuer; editable: boolean }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const [failed, setFailed] = useState<unknown>();
  const queryKey = keys.linkedIdentities(org, issuer.id);
  const path = { org, trusted_issuer_id: issuer.id };
  const list = useList<LinkedIdentity>(queryKey, (cursor, signal) => read(api.GET('/api/v1/orgs/{org}/trusted-issuers/{trusted_issuer_id}/identities', { params: { path, query: { cursor } }, signal })));
  const changed = async (words: string) => {
    await queries.invalidateQueries({ queryKey });
    toast(words);
  };
  const unlink = async ({ id, subject }: LinkedIdentity) => {
    setFailed(undefined);
    try {
      await read(api.DELETE('/api/v1/orgs/{org}/trusted-issuers/{trusted_issuer_id}/identities/{identity_id}', { params: { path: { ...path, identity_id: id } } }));
      await changed(`${subject} is nobody here any more`);
    } catch (problem) {
      setFailed(problem);
    }
  };
  return (
    <div className="grid gap-6">
      {editable && <LinkForm issuer={issuer} changed={changed} />}
      {failed !== undefined && <ErrorNotice title="Nothing was changed" error={failed} />}
      {list.error && <ErrorNotice title="The list could not be read" error={list.error} retry={() => void list.refetch()} />}
      {list.isPending && <Skeleton className="h-16" />}
      {list.items?.length === 0 && <Empty title="Nobody yet">Until you say who its subjects are, nobody of them is let in.</Empty>}
      {list.items && list.items.length > 0 && (
        <Entries label="People of the issuer">
          {list.items.map((identity) => (
            <Entry
              key={identity.id}
              title={identity.subject}
              actions={
                editable && (
                  <Button size="small" look="danger-outline" aria-label={`Unlink ${identity.subject}`} onClick={() => void unlink(identity)}>
                    Unlink
                  </Button>
                )
              }
            >
              <Link href={address.user(org, identity.user_id)} className="break-all rounded-[4px] font-mono text-12 text-brand-11 underline">
                {identity.user_id}
              </Link>
            </Entry>
          ))}
        </Entries>
      )}
      {list.hasNextPage && (
        <Button pending={list.isFetchingNextPage} pendingText="Loading…" onClick={() => void list.fetchNextPage()}>
          Show more
        </Button>
      )}
    </div>
  );
}

function LinkForm({ issuer, changed }: { issuer: TrustedIssuer; changed: (words: string) => Promise<void> }) {
  const org = useOrg();
  const form = useForm<LinkValues>({ resolver: zodResolver(schema), defaultValues: { subject: '', username: '' } });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit="Link"
      pendingText="Linking…"
      fieldOf={(field) => (field === 'user_id' ? 'username' : field)}
      onSubmit={async ({ subject, username }) => {
        const { items } = await read(api.GET('/api/v1/orgs/{org}/users', { params: { path: { org }, query: { q: username, limit: 20 } } }));
        const wanted = username.toLowerCase();
        const found = items.find((user) => user.username.toLowerCase() === wanted) ?? items.find((user) => user.email?.toLowerCase() === wanted);
        if (!found) {
          form.setError('username', { type: 'server', message: 'Nobody here has this username or address.' }, { shouldFocus: true });
          return;
        }
        await read(
          api.POST('/api/v1/orgs/{org}/trusted-issuers/{trusted_issuer_id}/identities', {
            params: { path: { org, trusted_issuer_id: issuer.id }, header: { 'Idempotency-Key': crypto.randomUUID() } },
            body: { subject, user_id: found.id },
          }),
        );
        form.reset();
        await changed(`${subject} is ${found.username}`);
      }}
    >
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Subject" hint="What the issuer calls the person." error={errors.subject?.message}>
          <Input {...form.register('subject')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" />
        </Field>
        <Field label="User" hint="Their username or e-mail address here." error={errors.username?.message}>
          <Input {...form.register('username')} autoComplete="off" autoCapitalize="off" spellCheck={false} />
        </Field>
      </div>
    </Form>
  );
}
