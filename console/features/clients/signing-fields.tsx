'use client';

import type { ReactNode } from 'react';
import { Controller, useWatch, type UseFormReturn } from 'react-hook-form';
import { CheckField } from '@/components/ui/choice';
import { Field, Select, Textarea } from '@/components/ui/field';
import { contentEncryptions, keyManagements, protectedThings, signingAlgorithms } from './metadata-values';
import type { ClientValues } from './values';

type ClientForm = UseFormReturn<ClientValues>;

/** How what goes between the application and us is signed and encrypted. */
export function SigningFields({ form, disabled }: { form: ClientForm; disabled?: boolean }) {
  const errors = form.formState.errors;
  return (
    <>
      <Group title="ID token">
        <Field label="ID token signature" hint="ES256 unless a library only knows RS256." error={errors.id_token_signed_response_alg?.message}>
          <Select {...form.register('id_token_signed_response_alg')}>
            <Options values={signingAlgorithms} />
          </Select>
        </Field>
        <Encryption form={form} thing="id_token_encrypted_response" label="ID token encryption" none="Not encrypted" hint="To a public key of the application, which it then needs." />
      </Group>
      <Group title="Userinfo">
        <Field label="Userinfo signature" hint="A signed answer is a JWT, which the application has to expect." error={errors.userinfo_signed_response_alg?.message}>
          <Select {...form.register('userinfo_signed_response_alg')}>
            <option value="">Not signed, plain JSON</option>
            <Options values={signingAlgorithms} />
          </Select>
        </Field>
        <Encryption form={form} thing="userinfo_encrypted_response" label="Userinfo encryption" none="Not encrypted" hint="To a public key of the application." />
      </Group>
      <Group title="Answers to authorization requests">
        <Field label="Answer signature" hint="Of answers that travel as a JWT, for applications that ask for it (response_mode=jwt)." error={errors.authorization_signed_response_alg?.message}>
          <Select {...form.register('authorization_signed_response_alg')}>
            <Options values={signingAlgorithms} />
          </Select>
        </Field>
        <Encryption form={form} thing="authorization_encrypted_response" label="Answer encryption" none="Not encrypted" hint="To a public key of the application." />
      </Group>
      <Group title="Request objects">
        <Field label="Request object signature" hint="How the application signs the requests that it sends as a JWT. One that is chosen is the only one accepted." error={errors.request_object_signing_alg?.message}>
          <Select {...form.register('request_object_signing_alg')}>
            <option value="">Any algorithm that fits its keys</option>
            <Options values={signingAlgorithms} />
            <option value="none">None: it does not sign them</option>
          </Select>
        </Field>
        <Encryption form={form} thing="request_object_encryption" label="Request object encryption" none="As the application likes" hint="To a public key of ours. Once chosen, others are refused." />
      </Group>
      <Field label="Addresses of request objects (request_uris)" optional hint="Where we may fetch requests from, one per line. Each is compared exactly." error={errors.request_uris?.message}>
        <Textarea {...form.register('request_uris')} rows={2} spellCheck={false} className="font-mono text-12" />
      </Field>
      <Controller
        control={form.control}
        name="require_signed_request_object"
        render={({ field }) => (
          <CheckField label="Only signed requests" hint="The application sends each request as a request object that it signed (RFC 9101). Any other is refused." checked={field.value} disabled={disabled} onChange={field.onChange} />
        )}
      />
      <Controller
        control={form.control}
        name="require_pushed_authorization_requests"
        render={({ field }) => (
          <CheckField label="Only pushed requests" hint="The application sends each request to us before it sends the person (RFC 9126). Any other is refused." checked={field.value} disabled={disabled} onChange={field.onChange} />
        )}
      />
    </>
  );
}

export function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div role="group" aria-label={title} className="grid gap-5 sm:grid-cols-2">
      {children}
    </div>
  );
}

export function Options({ values }: { values: readonly string[] }) {
  return values.map((value) => (
    <option key={value} value={value}>
      {value}
    </option>
  ));
}

interface EncryptionProps {
  form: ClientForm;
  thing: (typeof protectedThings)[number];
  label: string;
  /** What it means to choose nothing. */
  none: string;
  hint: string;
}

/** How the key is told and, once that is chosen, how the content is encrypted. */
export function Encryption({ form, thing, label, none, hint }: EncryptionProps) {
  const errors = form.formState.errors;
  const chosen = useWatch({ control: form.control, name: `${thing}_alg` });
  return (
    <div className="grid content-start gap-5">
      <Field label={label} hint={hint} error={errors[`${thing}_alg`]?.message}>
        <Select {...form.register(`${thing}_alg`)}>
          <option value="">{none}</option>
          <Options values={keyManagements} />
        </Select>
      </Field>
      {chosen !== '' && (
        <Field label={`${label}, content`} error={errors[`${thing}_enc`]?.message}>
          <Select {...form.register(`${thing}_enc`)}>
            <option value="">A128CBC-HS256, the default</option>
            <Options values={contentEncryptions.filter((value) => value !== 'A128CBC-HS256')} />
          </Select>
        </Field>
      )}
    </div>
  );
}
