'use client';

import { useSyncExternalStore } from 'react';
import type { Permission } from '@/lib/api/schema';
import { getSession, subscribeToSession, type Session, type SignedIn } from './store';

const unknown: Session = { state: 'unknown' };

export function useSession(): Session {
  return useSyncExternalStore(subscribeToSession, getSession, () => unknown);
}

/** The person signed in; also while the notice of an ended session covers the page. */
export function useSignedIn(): SignedIn {
  const session = useSession();
  if (session.state === 'signed-in') return session;
  if (session.state === 'ended') return session.last;
  throw new Error('useSignedIn outside of the signed-in part');
}

/** Whether to offer something. The server decides again, whatever is shown here. */
export function useMay(permission: Permission): boolean {
  return useSignedIn().permissions.includes(permission);
}
