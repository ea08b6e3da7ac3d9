'use client';

import { LogIn, SquareArrowOutUpRight } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { placeOf, useMounted } from '@/lib/address';
import { loadSession, signInBeside, startSignIn, useSession } from '@/lib/session';
import { Landing, NoRole, Splash, Unreachable } from './landing';

/** Shows the console to whoever is signed in, and the way in to everybody else. */
export function Gate({ children }: { children: ReactNode }) {
  const mounted = useMounted();
  const session = useSession();
  useEffect(() => {
    void loadSession();
    // Another tab may have signed out or in.
    const onVisible = () => {
      if (document.visibilityState === 'visible') void loadSession();
    };
    document.addEventListener('visibilitychange', onVisible);
    return () => document.removeEventListener('visibilitychange', onVisible);
  }, []);

  if (!mounted || session.state === 'unknown') return <Splash />;
  if (session.state === 'unreachable') return <Unreachable />;
  if (session.state === 'signed-out') return <Landing organization={placeOf(window.location.pathname).org} />;
  if (session.state === 'signed-in' && session.permissions.length === 0) return <NoRole session={session} />;
  return (
    <>
      {children}
      {session.state === 'ended' && <EndedNotice organization={session.last.organization.slug} />}
    </>
  );
}

function EndedNotice({ organization }: { organization: string }) {
  return (
    <Dialog open onOpenChange={() => {}} keepOpen title="You are signed out" description="Your session has ended. Sign in again and you come back to this page.">
      <div className="grid gap-2">
        <Button look="primary" onClick={() => startSignIn(organization, window.location.pathname + window.location.search)}>
          <LogIn aria-hidden />
          Sign in again
        </Button>
        <Button onClick={() => signInBeside(organization)}>
          <SquareArrowOutUpRight aria-hidden />
          Sign in beside and keep what I typed
        </Button>
      </div>
    </Dialog>
  );
}
