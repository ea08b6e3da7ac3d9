import { Controller, useFormContext } from 'react-hook-form';
import type { TokenPolicyValues } from '@/lib/token-policy';
import { DurationInput } from './duration-input';
import { Field, Input, Select, Textarea } from './ui/field';

interface WithTokenPolicy {
  token_policy: TokenPolicyValues;
}

/**
 * What tokens look like and how they are renewed, of an organization or a client: fields of the form around them, whatever else
 * that holds. A client has what its organization has unless it says otherwise.
 */
export function TokenPolicyFields({ inherits }: { inherits?: boolean }) {
  const form = useFormContext<WithTokenPolicy>();
  const errors = form.formState.errors.token_policy;
  const open = inherits ? 'As the organization' : undefined;
  const empty = inherits ? ' Empty: as the organization says. Write none for none.' : '';
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-2">
        <Field label="Access tokens are" hint="An API reads a JWT itself. For an opaque token it asks the introspection endpoint, and nobody else learns what is in it." error={errors?.access_token_format?.message}>
          <Select {...form.register('token_policy.access_token_format')}>
            <option value="">{open ?? 'JWT, the default'}</option>
            <option value="jwt">JWT</option>
            <option value="opaque">Opaque</option>
          </Select>
        </Field>
        <Field label="Claims in access tokens" optional hint={`Names separated by spaces, such as email. Each is there when a granted scope stands for it.${empty}`} error={errors?.access_token_claims?.message}>
          <Input {...form.register('token_policy.access_token_claims')} spellCheck={false} autoComplete="off" className="font-mono" />
        </Field>
        <Field label="A refresh token that is used" hint="One that stays needs something else that only its owner has: a secret, a key, a certificate. Others are always replaced." error={errors?.refresh_token_rotation?.message}>
          <Select {...form.register('token_policy.refresh_token_rotation')}>
            <option value="">{open ?? 'Is replaced, the default'}</option>
            <option value="rotate">Is replaced</option>
            <option value="keep">Stays</option>
          </Select>
        </Field>
        <Field label="A replaced refresh token still works for" optional hint={`For whoever lost the answer, or asked twice. 0: its second use ends the access. ${inherits ? 'Empty: as the organization says.' : 'Empty: 30 seconds.'}`} error={errors?.refresh_token_grace_seconds?.message}>
          <Controller control={form.control} name="token_policy.refresh_token_grace_seconds" render={({ field }) => <DurationInput label="A replaced refresh token still works for" min={0} value={field.value} onChange={field.onChange} />} />
        </Field>
      </div>
      <Field label="APIs that tokens are for when the application names none" optional hint={`Identifiers of resource servers, one per line.${empty}`} error={errors?.default_resources?.message}>
        <Textarea {...form.register('token_policy.default_resources')} rows={2} spellCheck={false} className="font-mono text-12" />
      </Field>
    </>
  );
}
