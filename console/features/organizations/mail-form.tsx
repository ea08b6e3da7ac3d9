'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Controller, useForm } from 'react-hook-form';
import { Confirm } from '@/components/danger';
import { Form } from '@/components/form';
import { ErrorNotice, Loaded } from '@/components/states';
import { Button } from '@/components/ui/button';
import { OptionCards } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import { Notice, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { address } from '@/lib/address';
import { api, read, readVersioned, type MailServer, type MailServerTest, type Organization, type Versioned } from '@/lib/api';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { bodyOf, mailSchema, protections, valuesOf, type MailValues } from './mail-values';

/** By which server the mail of an organization goes out. */
export function MailForm({ organization }: { organization: Organization }) {
  const org = organization.slug;
  const query = useQuery({
    queryKey: keys.mailServer(org),
    queryFn: ({ signal }) => readVersioned(api.GET('/api/v1/orgs/{org}/mail-server', { params: { path: { org } }, signal })),
  });
  return (
    <Loaded query={query} what="mail server">
      {(server) => (
        <div key={server.etag} className="grid items-start gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
          <ServerForm organization={organization} server={server} />
          <Trial organization={organization} server={server.value} />
        </div>
      )}
    </Loaded>
  );
}

function ServerForm({ organization, server }: { organization: Organization; server: Versioned<MailServer> }) {
  const { slug: org, name } = organization;
  const queries = useQueryClient();
  const toast = useToast();
  const editable = useMay('organization:write') && organization.status !== 'deleting';
  const [removing, setRemoving] = useState(false);
  const form = useForm<MailValues>({ resolver: zodResolver(mailSchema), defaultValues: valuesOf(server.value) });
  const errors = form.formState.errors;
  const reload = () => queries.invalidateQueries({ queryKey: keys.mailServer(org) });
  const own = server.value.sends_by === 'organization';
  return (
    <Form
      form={form}
      submit="Save mail server"
      disabled={!editable}
      reload={() => void reload()}
      aside={
        own && (
          <Button look="danger-outline" onClick={() => setRemoving(true)}>
            Remove
          </Button>
        )
      }
      onSubmit={async (values) => {
        const saved = await readVersioned(api.PUT('/api/v1/orgs/{org}/mail-server', { params: { path: { org }, header: { 'If-Match': server.etag } }, body: bodyOf(values) }));
        queries.setQueryData(keys.mailServer(org), saved);
        toast('Mail goes out by this server from now on');
      }}
    >
      <Section
        title="Mail server"
        description={
          <>
            Codes, links and notices to the people of {name}.{' '}
            <a href={`${address.documents('accounts')}#mail`} className="rounded-[4px] text-brand-11 underline">
              Read the guide
            </a>
          </>
        }
      >
        <div className="grid gap-5">
          {server.value.sends_by === 'installation' && (
            <Notice tone="info" role="note" title="Mail goes out by the server of this installation">
              Enter a server of your own to send it yourselves.
            </Notice>
          )}
          {server.value.sends_by === 'nobody' && (
            <Notice tone="warning" role="note" title="No mail goes out">
              This installation has no mail server. Without one, people can neither sign up nor choose a forgotten password anew.
            </Notice>
          )}
          <div className="grid gap-5 sm:grid-cols-[1fr_8rem]">
            <Field label="Server" error={errors.host?.message}>
              <Input {...form.register('host')} autoComplete="off" autoCapitalize="off" spellCheck={false} placeholder="smtp.example.com" />
            </Field>
            <Field label="Port" error={errors.port?.message}>
              <Input {...form.register('port')} inputMode="numeric" autoComplete="off" />
            </Field>
          </div>
          <Controller
            control={form.control}
            name="tls"
            render={({ field }) => <OptionCards label="How the connection is protected" options={protections} value={field.value} onChange={field.onChange} disabled={!editable} />}
          />
          <Field label="User name" optional hint="Empty when the server asks for nobody." error={errors.username?.message}>
            <Input {...form.register('username')} autoComplete="off" autoCapitalize="off" spellCheck={false} />
          </Field>
          <Field
            label="Password"
            optional
            hint={server.value.server?.password_set ? 'Empty: the one that is saved. It is never shown, and needed again for another server or user name.' : 'It is kept encrypted and never shown.'}
            error={errors.password?.message}
          >
            <Input {...form.register('password')} type="password" autoComplete="new-password" />
          </Field>
          <Field label="From" hint="An address with SPF and DKIM at that server. Without a name, that of the organization stands before it." error={errors.from?.message}>
            <Input {...form.register('from')} autoComplete="off" autoCapitalize="off" spellCheck={false} placeholder="Example <no-reply@example.com>" />
          </Field>
          <Field label="Answers go to" optional error={errors.reply_to?.message}>
            <Input {...form.register('reply_to')} autoComplete="off" autoCapitalize="off" spellCheck={false} placeholder="help@example.com" />
          </Field>
        </div>
      </Section>
      <Confirm
        open={removing}
        onOpenChange={(open) => !open && setRemoving(false)}
        title="Remove the mail server?"
        consequence="Mail goes out by the server of this installation from now on. Where it has none, nobody can be written to."
        button="Remove mail server"
        pendingText="Removing…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/mail-server', { params: { path: { org }, header: { 'If-Match': server.etag } } }));
          await reload();
          toast('The mail server is removed');
        }}
      />
    </Form>
  );
}

/** Sends a mail to whoever presses the button, by what is saved. */
function Trial({ organization, server }: { organization: Organization; server: MailServer }) {
  const mayTry = useMay('organization:write');
  const [pending, setPending] = useState(false);
  const [outcome, setOutcome] = useState<MailServerTest>();
  const [problem, setProblem] = useState<unknown>();
  const own = server.sends_by === 'organization';
  const tryIt = async () => {
    setPending(true);
    setOutcome(undefined);
    setProblem(undefined);
    try {
      setOutcome(await read(api.POST('/api/v1/orgs/{org}/mail-server/test', { params: { path: { org: organization.slug } } })));
    } catch (error) {
      setProblem(error);
    } finally {
      setPending(false);
    }
  };
  return (
    <Section title="Try it" description="Sends a mail to your own address by the saved server, and says what the server answered.">
      <div className="grid justify-items-start gap-4">
        <Button onClick={() => void tryIt()} pending={pending} pendingText="Sending…" disabled={!mayTry || !own}>
          Send a test
        </Button>
        {!own && <p className="text-neutral-11">Save a server first.</p>}
        {outcome && (
          <Notice
            tone={outcome.outcome === 'sent' ? 'success' : 'danger'}
            role={outcome.outcome === 'sent' ? 'status' : 'alert'}
            title={outcome.outcome === 'sent' ? 'Sent' : 'Not sent'}
          >
            {outcome.message} {outcome.reply !== undefined && `It answered ${outcome.reply}.`}
          </Notice>
        )}
        {problem !== undefined && <ErrorNotice error={problem} />}
      </div>
    </Section>
  );
}
