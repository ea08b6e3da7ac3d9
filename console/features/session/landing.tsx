'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useState, type ReactNode } from 'react';
import { useForm } from 'react-hook-form';
import { Mark } from '@/components/mark';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Card } from '@/components/ui/surface';
import { lastOrganization, loadSession, signOut, startSignIn, type SignedIn } from '@/lib/session';
import { slug, z } from '@/lib/schema';

function Frame({ children }: { children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10 max-sm:place-items-start">
      <div className="w-full max-w-[400px]">
        <Mark className="mb-6 h-8" />
        {children}
      </div>
    </main>
  );
}

/** While it is unknown who is signed in. Quiet, because it lasts one round trip. */
export function Splash() {
  return (
    <main aria-busy="true" className="grid min-h-dvh place-items-center">
      <Mark className="h-8 opacity-40" />
      <span role="status" className="sr-only">
        Loading
      </span>
      <noscript>The console needs JavaScript. Switch it on and load this page again.</noscript>
    </main>
  );
}

export function Unreachable() {
  const [pending, setPending] = useState(false);
  return (
    <Frame>
      <Card className="grid gap-4 p-6">
        <h1 className="text-18 font-semibold">The server does not answer</h1>
        <p className="text-neutral-11">Your connection may be interrupted, or the server is being restarted. Nothing is lost.</p>
        <Button
          look="primary"
          pending={pending}
          pendingText="Trying…"
          onClick={async () => {
            setPending(true);
            await loadSession();
            setPending(false);
          }}
        >
          Try again
        </Button>
      </Card>
    </Frame>
  );
}

/** For people of the organization who administer nothing in it. */
export function NoRole({ session: { user, organization } }: { session: SignedIn }) {
  const [leaving, setLeaving] = useState(false);
  const [failed, setFailed] = useState(false);
  return (
    <Frame>
      <Card className="grid gap-4 p-6">
        <h1 className="text-22 font-semibold leading-tight">You have no role here</h1>
        <p className="text-neutral-11">
          You are signed in as {user.username}, who administers nothing in {organization.name}. Ask an administrator for a role, or sign in as somebody else.
        </p>
        {failed && (
          <p role="alert" className="text-danger">
            You are still signed in: the server did not answer. Try again.
          </p>
        )}
        <Button
          look="primary"
          pending={leaving}
          pendingText="Signing out…"
          onClick={async () => {
            setLeaving(true);
            setFailed(false);
            try {
              await signOut();
            } catch {
              setLeaving(false);
              setFailed(true);
            }
          }}
        >
          Sign out
        </Button>
      </Card>
    </Frame>
  );
}

const organizationForm = z.object({ organization: slug });

/** Which organization's administrators sign in here? Then its own sign-in page takes over. */
export function Landing({ organization }: { organization?: string }) {
  const form = useForm({
    resolver: zodResolver(organizationForm),
    defaultValues: { organization: organization ?? lastOrganization() ?? 'system' },
  });
  const [leaving, setLeaving] = useState(false);
  return (
    <Frame>
      <Card className="p-6">
        <h1 className="text-22 font-semibold leading-tight">Sign in to the console</h1>
        <p className="mt-1 text-neutral-11">You continue at the sign-in page of your organization.</p>
        <form
          noValidate
          className="mt-6 grid gap-4"
          onSubmit={form.handleSubmit((values) => {
            setLeaving(true);
            const here = window.location.pathname + window.location.search;
            startSignIn(values.organization, here.startsWith('/console/orgs') || here.startsWith('/console/new') ? here : undefined);
          })}
        >
          <Field label="Organization" hint="Platform administrators use system." error={form.formState.errors.organization?.message}>
            <Input {...form.register('organization')} autoComplete="organization" autoCapitalize="off" spellCheck={false} className="h-11 text-16" />
          </Field>
          <Button type="submit" look="primary" className="h-11" pending={leaving} pendingText="Opening…">
            Continue
          </Button>
        </form>
      </Card>
    </Frame>
  );
}
