'use client';

import { useState } from 'react';
import { ErrorNotice } from '@/components/states';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Folded } from '@/components/ui/folded';
import { Badge, Section } from '@/components/ui/surface';
import type { RequiredAction, User, Versioned } from '@/lib/api';
import { useUserUpdate } from './use-user';

export const requiredActions: { value: RequiredAction; label: string; hint: string; badge: string }[] = [
  { value: 'change_password', label: 'Choose another password', hint: 'Everything that is signed in with the present one ends then.', badge: 'Must choose a new password' },
  { value: 'verify_email', label: 'Prove the e-mail address', hint: 'By a code that goes there, also where it was proved before. Needs an address, and mail.', badge: 'Must prove the address' },
  { value: 'enrol_passkey', label: 'Make a passkey', hint: 'Needs passkeys to be on, and a user who has none yet.', badge: 'Must make a passkey' },
  { value: 'accept_terms', label: 'Accept the terms', hint: 'Those in force, once more. Needs terms that were published.', badge: 'Must accept the terms' },
];

/** What a user has yet to do, beside their name. */
export function RequiredActionBadges({ actions }: { actions: RequiredAction[] }) {
  return requiredActions.filter(({ value }) => actions.includes(value)).map(({ value, badge }) => (
    <Badge key={value} tone="info">
      {badge}
    </Badge>
  ));
}

/** What a user must do at the next sign-in. */
export function RequiredActions({ user }: { user: Versioned<User> }) {
  const { editable, save } = useUserUpdate(user);
  const before = user.value.required_actions;
  const [chosen, setChosen] = useState<RequiredAction[]>(before);
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<unknown>();
  const changed = requiredActions.some(({ value }) => chosen.includes(value) !== before.includes(value));
  const store = async () => {
    setPending(true);
    setError(undefined);
    try {
      await save({ required_actions: chosen });
    } catch (problem) {
      setError(problem);
    }
    setPending(false);
  };
  return (
    <Section title="Required actions" description="What the user must do at the next sign-in, before applications get an answer. What is done goes away by itself.">
      <Folded title="Require something" hint={before.length === 0 ? 'Nothing is required' : `${before.length} required`}>
        {requiredActions.map(({ value, label, hint }) => (
          <CheckField key={value} label={label} hint={hint} checked={chosen.includes(value)} onChange={(on) => setChosen(on ? [...chosen, value] : chosen.filter((action) => action !== value))} />
        ))}
        {error !== undefined && <ErrorNotice error={error} />}
        {editable && (
          <Button className="w-fit" look="primary" disabled={!changed} pending={pending} pendingText="Saving…" onClick={() => void store()}>
            Save required actions
          </Button>
        )}
      </Folded>
    </Section>
  );
}
