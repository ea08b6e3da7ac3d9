'use client';

import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { CheckField } from '@/components/ui/choice';
import { Field, Input } from '@/components/ui/field';
import type { ClientValues } from './values';

type ClientForm = UseFormReturn<ClientValues>;

/** How the application hears of the end of a session, and where a sign-in may be started from elsewhere. */
export function SessionFields({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  return (
    <>
      <Told form={form} disabled={disabled} channel="backchannel" label="Back-channel logout URI" hint="Our server tells the application’s server there that a session ended, and tries again until it is heard." />
      <Told form={form} disabled={disabled} channel="frontchannel" label="Front-channel logout URI" hint="Opened in a hidden frame when a person signs out. It is on the host of a redirect URI." />
      <Field label="Initiate login URI" optional hint="Where others, such as a portal, can send people to start signing in." error={form.formState.errors.initiate_login_uri?.message}>
        <Input {...form.register('initiate_login_uri')} type="url" autoComplete="off" placeholder="https://" />
      </Field>
    </>
  );
}

interface ToldProps {
  form: ClientForm;
  channel: 'backchannel' | 'frontchannel';
  label: string;
  hint: string;
  disabled?: boolean;
}

function Told({ form, channel, label, hint, disabled }: ToldProps) {
  const address = useWatch({ control: form.control, name: `${channel}_logout_uri` });
  return (
    <div className="grid gap-2.5">
      <Field label={label} optional hint={hint} error={form.formState.errors[`${channel}_logout_uri`]?.message}>
        <Input {...form.register(`${channel}_logout_uri`)} type="url" autoComplete="off" placeholder="https://" />
      </Field>
      {address !== '' && (
        <Controller
          control={form.control}
          name={`${channel}_logout_session_required`}
          render={({ field }) => (
            <CheckField label={`Say which session ended (${channel === 'backchannel' ? 'back' : 'front'}-channel)`} hint="The application needs the session’s id (sid)." checked={field.value} disabled={disabled} onChange={field.onChange} />
          )}
        />
      )}
    </div>
  );
}
