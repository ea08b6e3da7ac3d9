'use client';

import { Controller, useFormContext, useWatch } from 'react-hook-form';
import { DurationInput } from '@/components/duration-input';
import { OptionCards } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import { rememberMe, sessionBindings, type SessionValues } from './session-values';

const lifetimes = [
  ['remembered_session_idle_lifetime_seconds', 'Who stays signed in is signed out when unused for', 'Never sooner than others.'],
  ['remembered_session_absolute_lifetime_seconds', 'Who stays signed in is signed out in any case after', 'However much it is used.'],
] as const;

/** In how many browsers people are signed in, whether they stay so, and what their sessions are bound to. */
export function SessionFields({ editable }: { editable: boolean }) {
  const { control, register, formState } = useFormContext<SessionValues>();
  const offered = useWatch({ control, name: 'remember_me' }) === 'offered';
  return (
    <div className="grid max-w-xl gap-5">
      <Field
        label="Browsers that a person is signed in with"
        hint="0 sets no limit. A sign-in beyond it ends the session that was not used for longest; a lower limit counts from the next sign-in of each person."
        error={formState.errors.sessions_per_person?.message}
      >
        <Input {...register('sessions_per_person', { valueAsNumber: true })} inputMode="numeric" autoComplete="off" className="max-w-24" disabled={!editable} />
      </Field>
      <Controller
        control={control}
        name="remember_me"
        render={({ field }) => <OptionCards label="Staying signed in" options={rememberMe} value={field.value} onChange={field.onChange} disabled={!editable} />}
      />
      {offered &&
        lifetimes.map(([name, label, hint]) => (
          <Field key={name} label={label} hint={hint} error={formState.errors[name]?.message}>
            <Controller control={control} name={name} render={({ field }) => <DurationInput label={label} value={field.value} onChange={field.onChange} />} />
          </Field>
        ))}
      <Controller
        control={control}
        name="session_binding"
        render={({ field }) => <OptionCards label="What a session belongs to" options={sessionBindings} value={field.value} onChange={field.onChange} disabled={!editable} />}
      />
    </div>
  );
}
