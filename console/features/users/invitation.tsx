'use client';

import { useQueryClient } from '@tanstack/react-query';
import { Mail } from 'lucide-react';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { ErrorNotice } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Badge, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type InvitationState, type User } from '@/lib/api';
import { useOrg } from '@/lib/address';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';

/** What became of an invitation, where that is worth saying: who accepted is a user like any other. */
export function InvitationBadge({ state }: { state?: InvitationState }) {
  if (state === 'invited') return <Badge tone="info">Invited</Badge>;
  if (state === 'expired') return <Badge tone="warning">Invitation expired</Badge>;
  if (state === 'revoked') return <Badge>Invitation revoked</Badge>;
  return null;
}

/** The invitation of a user: sent, sent again, and revoked. Only who has nothing to sign in by can be invited. */
export function Invitation({ user, mayInvite }: { user: User; mayInvite: boolean }) {
  const org = useOrg();
  const queries = useQueryClient();
  const toast = useToast();
  const mayWrite = useMay('users:write');
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const [asking, setAsking] = useState(false);
  const { invitation } = user;
  const open = invitation?.state === 'invited' || invitation?.state === 'expired';
  if (!invitation && !mayInvite) return null;
  const path = { org, user_id: user.id };
  const changed = async (words: string) => {
    await queries.invalidateQueries({ queryKey: keys.user(org, user.id) });
    void queries.invalidateQueries({ queryKey: keys.users(org) });
    toast(words);
  };
  const send = async () => {
    setPending(true);
    setError(undefined);
    try {
      const { email } = await read(api.POST('/api/v1/orgs/{org}/users/{user_id}/invitation', { params: { path } }));
      await changed(`An invitation goes to ${email}`);
    } catch (problem) {
      setError(problem);
    }
    setPending(false);
  };
  return (
    <Section title="Invitation" description="A mail whose link lets the user choose how they sign in, once. It proves their address.">
      <div className="grid gap-4">
        {invitation ? (
          <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
            {invitation.state === 'accepted' ? <Badge tone="success">Accepted</Badge> : <InvitationBadge state={invitation.state} />}
            <span className="text-neutral-11">
              Sent to {invitation.email} <Time instant={invitation.sent_at} reachable />
              {invitation.accepted_at !== undefined && (
                <>
                  , accepted <Time instant={invitation.accepted_at} reachable />
                </>
              )}
              {open && (
                <>
                  , {invitation.state === 'expired' ? 'expired' : 'expires'} <Time instant={invitation.expires_at} reachable />
                </>
              )}
              .
            </span>
          </p>
        ) : (
          <p className="text-neutral-11">None was sent.</p>
        )}
        {error !== undefined && <ErrorNotice error={error} />}
        {mayWrite && mayInvite && (
          <div className="flex flex-wrap gap-3">
            <Button pending={pending} pendingText="Sending…" disabled={user.status === 'disabled' || !user.email} onClick={() => void send()}>
              <Mail aria-hidden />
              {invitation ? 'Send again' : 'Send an invitation'}
            </Button>
            {open && (
              <Button look="danger-outline" onClick={() => setAsking(true)}>
                Revoke
              </Button>
            )}
          </div>
        )}
        {mayInvite && !user.email && <p className="text-12 text-neutral-11">Give the user an e-mail address first.</p>}
      </div>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Revoke the invitation of ${user.username}?`}
        consequence="The link of the mail is worthless then. The user stays, without a way to sign in."
        button="Revoke invitation"
        pendingText="Revoking…"
        onConfirm={async () => {
          await read(api.DELETE('/api/v1/orgs/{org}/users/{user_id}/invitation', { params: { path } }));
          await changed('The invitation was revoked');
        }}
      />
    </Section>
  );
}
