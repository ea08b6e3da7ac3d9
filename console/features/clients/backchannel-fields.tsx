'use client';

import { useWatch, type UseFormReturn } from 'react-hook-form';
import { Field, Input, Select } from '@/components/ui/field';
import { clientFields, type ClientValues } from './values';

const algorithms = clientFields.backchannel_authentication_request_signing_alg.options[1].options;

/** How an application that asks through the back channel gets its tokens, and how it signs its requests. */
export function BackchannelFields({ form }: { form: UseFormReturn<ClientValues> }) {
  const { errors } = form.formState;
  const mode = useWatch({ control: form.control, name: 'backchannel_token_delivery_mode' });
  return (
    <>
      <Field label="How it gets its tokens" hint="A FAPI profile never pushes them." error={errors.backchannel_token_delivery_mode?.message}>
        <Select {...form.register('backchannel_token_delivery_mode')}>
          <option value="poll">It asks (poll)</option>
          <option value="ping">It is told when to ask (ping)</option>
          <option value="push">They are sent to it (push)</option>
        </Select>
      </Field>
      {mode !== 'poll' && (
        <Field label="Where it is told" hint="An https address of the application. Redirects are not followed." error={errors.backchannel_client_notification_endpoint?.message}>
          <Input {...form.register('backchannel_client_notification_endpoint')} type="url" spellCheck={false} autoComplete="off" className="font-mono" />
        </Field>
      )}
      <Field label="Its requests are signed with" hint="Then others are refused. FAPI profiles demand it." error={errors.backchannel_authentication_request_signing_alg?.message}>
        <Select {...form.register('backchannel_authentication_request_signing_alg')}>
          <option value="">They are not signed</option>
          {algorithms.map((algorithm) => (
            <option key={algorithm} value={algorithm}>
              {algorithm}
            </option>
          ))}
        </Select>
      </Field>
    </>
  );
}
