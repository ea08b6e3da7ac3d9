'use client';

import { useState } from 'react';
import { ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Dialog, DialogActions } from '@/components/ui/dialog';
import { Field, Input } from '@/components/ui/field';
import { api, isProblem, read, type OrganizationAddress } from '@/lib/api';
import { peopleOf } from './address';

interface MoveProps {
  open: boolean;
  /** The host; undefined for back below the server's address. */
  to: string | undefined;
  org: string;
  address: OrganizationAddress;
  close: () => void;
  moved: () => Promise<void>;
}

/** Says what moving means, for whom, and moves. */
export function MoveDialog({ open, close, ...rest }: MoveProps) {
  const title = rest.to === undefined ? 'Move back to the address of the server?' : `Move to ${rest.to}?`;
  return (
    <Dialog open={open} onOpenChange={(next) => !next && close()} title={title} description="The issuer identifier changes. Everything goes on at the address before for as many days as you say.">
      <MoveForm {...rest} close={close} />
    </Dialog>
  );
}

function MoveForm({ to, org, address, close, moved }: Omit<MoveProps, 'open'>) {
  const [days, setDays] = useState('30');
  const [pending, setPending] = useState(false);
  const [problem, setProblem] = useState<unknown>();
  const [unchecked, setUnchecked] = useState(false);
  const graceful = /^\d{1,3}$/.test(days) && Number(days) <= 365;
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        if (pending || !graceful) return;
        setPending(true);
        setProblem(undefined);
        try {
          await read(
            api.PUT('/api/v1/orgs/{org}/address', {
              params: { path: { org }, header: { 'If-Match': `"${address.version}"` } },
              body: { grace_days: Number(days), ...(to !== undefined && { domain: to }), ...(unchecked && { unchecked }) },
            }),
          );
          await moved();
          close();
        } catch (error) {
          setProblem(error);
          setPending(false);
        }
      }}
    >
      <div className="grid gap-4">
        <ul className="grid list-disc gap-2 pl-5 text-neutral-11">
          <li>Every application has to be configured with the new issuer.</li>
          <li>People sign in once more.</li>
          <li>
            {address.passkeys_here === 0
              ? 'Nobody has a passkey of the present address.'
              : address.domain === undefined || new URL(address.issuer).port !== ''
                ? `${peopleOf(address.passkeys_here)} passkeys of the present address, which do not work at the new one: they sign in another way and make new ones.`
                : `${peopleOf(address.passkeys_here)} passkeys of the present address. Most browsers let people use them at the new one while this one is served; afterwards they need new ones.`}
          </li>
          <li>Identity providers elsewhere have to know the new redirect URI.</li>
        </ul>
        <Field label="Days for which the address before is served" hint="0 to 365. Its applications go on as before meanwhile." error={graceful ? undefined : 'Write a number from 0 to 365.'}>
          <Input value={days} onChange={(event) => setDays(event.target.value)} inputMode="numeric" autoComplete="off" />
        </Field>
        {problem !== undefined && <ErrorNotice error={problem} />}
        {(unchecked || isProblem(problem, 'domain_unreached')) && (
          <CheckField
            label="Move all the same"
            hint={`If ${to} leads elsewhere, or its certificate does not name it, nobody signs in to this organization, administrators included.`}
            checked={unchecked}
            onChange={setUnchecked}
          />
        )}
      </div>
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look="primary" disabled={!graceful} pending={pending} pendingText="Moving…">
          Move the organization
        </Button>
      </DialogActions>
    </form>
  );
}
