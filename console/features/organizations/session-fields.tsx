'use client';

import { useFormContext } from 'react-hook-form';
import { Field, Input } from '@/components/ui/field';
import type { SessionValues } from './session-values';

/** In how many browsers people are signed in, and for how long. */
export function SessionFields({ editable }: { editable: boolean }) {
  const { register, formState } = useFormContext<SessionValues>();
  return (
    <div className="grid max-w-xl gap-5">
      <Field
        label="Browsers that a person is signed in with"
        hint="0 sets no limit. A sign-in beyond it ends the session that was not used for longest; a lower limit counts from the next sign-in of each person."
        error={formState.errors.sessions_per_person?.message}
      >
        <Input {...register('sessions_per_person', { valueAsNumber: true })} inputMode="numeric" autoComplete="off" className="max-w-24" disabled={!editable} />
      </Field>
    </div>
  );
}
