'use client';

import { useState, type ReactNode } from 'react';
import { ErrorNotice } from './states';
import { Button } from './ui/button';
import { Dialog, DialogActions } from './ui/dialog';
import { Field, Input } from './ui/field';

/** One dangerous thing, named by its consequence. */
export function DangerRow({ title, children, action }: { title: string; children: ReactNode; action: ReactNode }) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3 border-t border-neutral-6 py-4 first:border-t-0 first:pt-0 last:pb-0">
      <div className="min-w-0 max-w-[60ch]">
        <h3 className="font-medium">{title}</h3>
        <p className="text-neutral-11">{children}</p>
      </div>
      {action}
    </div>
  );
}

interface ConfirmProps {
  title: string;
  consequence: ReactNode;
  /** When given, it must be typed before the button works. */
  name?: string;
  button: string;
  pendingText?: string;
  look?: 'danger' | 'primary';
  open: boolean;
  onOpenChange: (open: boolean) => void;
  onConfirm: () => Promise<unknown>;
}

/** Asks once more, and for the object's name where there is no way back. */
export function Confirm({ open, onOpenChange, ...rest }: ConfirmProps) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title={rest.title} description={rest.consequence}>
      <ConfirmForm {...rest} close={() => onOpenChange(false)} />
    </Dialog>
  );
}

function ConfirmForm({ name, button, pendingText, look = 'danger', onConfirm, close }: Omit<ConfirmProps, 'open' | 'onOpenChange'> & { close: () => void }) {
  const [typed, setTyped] = useState('');
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const ready = name === undefined || typed === name;
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        event.stopPropagation(); // a form around this dialog, whose element it is elsewhere, would be saved as well
        if (!ready || pending) return;
        setPending(true);
        setError(undefined);
        try {
          await onConfirm();
          close();
        } catch (problem) {
          setError(problem);
          setPending(false);
        }
      }}
    >
      <div className="grid gap-4">
        {name !== undefined && (
          <Field label={`Type ${name} to confirm`}>
            <Input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" autoCapitalize="off" spellCheck={false} autoFocus />
          </Field>
        )}
        {error !== undefined && <ErrorNotice error={error} />}
      </div>
      <DialogActions>
        <Button onClick={close}>Cancel</Button>
        <Button type="submit" look={look} disabled={!ready} pending={pending} pendingText={pendingText}>
          {button}
        </Button>
      </DialogActions>
    </form>
  );
}
