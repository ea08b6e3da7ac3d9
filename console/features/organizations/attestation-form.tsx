'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useEffect, useRef, useState } from 'react';
import { Controller, useForm } from 'react-hook-form';
import { Form } from '@/components/form';
import { Choices, OptionCards } from '@/components/ui/choice';
import { Field, Select } from '@/components/ui/field';
import { Notice, Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import { address } from '@/lib/address';
import { api, read, type AttestationPreview, type Organization, type Versioned } from '@/lib/api';
import { PreviewDialog } from './attestation-preview';
import { attestationSchema, certifications, conveyances, existingPasskeys, policyOf, statuses, unknownModels, valuesOf, type AttestationValues } from './attestation-values';
import { AuthenticatorMetadataStatus } from './authenticator-metadata';
import { ModelPicker } from './model-picker';

/** On which authenticators the passkeys of an organization may be. What is saved was seen through before. */
export function AttestationForm({ organization }: { organization: Versioned<Organization> }) {
  const { slug: org, policies } = organization.value;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const { preview, ask, decide } = useDecision();
  const form = useForm<AttestationValues>({ resolver: zodResolver(attestationSchema), defaultValues: valuesOf(policies.attestation) });
  const { control, register, formState: { errors } } = form;
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
      <Form
        form={form}
        submit="See who is affected"
        pendingText="Looking…"
        disabled={!editable}
        reload={reload}
        fieldOf={(field) => field.replace(/^policies\./, '').replace(/^attestation\./, '').replace(/\[.*$/, '')}
        onSubmit={async (values) => {
          const attestation = policyOf(values);
          const seen = await read(api.POST('/api/v1/orgs/{org}/attestation-preview', { params: { path: { org } }, body: attestation }));
          if (await ask(seen)) await save({ policies: { attestation } });
        }}
      >
        <Section
          title="Models of authenticators"
          description={
            <>
              On which devices and security keys passkeys may be. You see who is affected before anything is saved.{' '}
              <a href={`${address.documents('accounts')}#which-authenticators-passkeys-may-be-on`} className="rounded-[4px] text-brand-11 underline">
                Read the guide
              </a>
            </>
          }
        >
          <div className="grid gap-6 [&>*]:min-w-0">
            {policies.passkeys === 'off' && (
              <Notice tone="info" role="note" title="Nobody signs in with passkeys here">
                They are switched off under Accounts. This policy is kept for when they are switched on.
              </Notice>
            )}
            <div className="grid gap-1.5">
              <Controller
                control={control}
                name="conveyance"
                render={({ field }) => <OptionCards label="What new passkeys are asked for" options={conveyances} value={field.value} onChange={field.onChange} disabled={!editable} />}
              />
              {errors.conveyance && (
                <p role="alert" className="text-danger">
                  {errors.conveyance.message}
                </p>
              )}
            </div>
            <Controller
              control={control}
              name="allowed_models"
              render={({ field }) => (
                <ModelPicker org={org} label="Allowed models" hint="With any here, new passkeys prove that they are on one of them." error={messageOfList(errors.allowed_models)} focusRef={field.ref} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Controller
              control={control}
              name="denied_models"
              render={({ field }) => (
                <ModelPicker org={org} label="Denied models" hint="Passkeys on them stop at once, with what was signed in with them." error={messageOfList(errors.denied_models)} focusRef={field.ref} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Field label="Certification, at least" hint="Of the FIDO Alliance, as the metadata says." error={errors.minimum_certification?.message}>
              <Select {...register('minimum_certification')} className="max-w-md">
                {certifications.map(({ value, label }) => (
                  <option key={value} value={value}>
                    {label}
                  </option>
                ))}
              </Select>
            </Field>
            <Controller
              control={control}
              name="unknown_models"
              render={({ field }) => <OptionCards label="Models that the metadata does not describe" options={unknownModels} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            <Controller
              control={control}
              name="refused_statuses"
              render={({ field }) => (
                <Choices label="Statuses that refuse a model" columns options={statuses} value={field.value as (typeof statuses)[number]['value'][]} onChange={field.onChange} disabled={!editable} error={messageOfList(errors.refused_statuses)} />
              )}
            />
            <Controller
              control={control}
              name="existing_passkeys"
              render={({ field }) => <OptionCards label="Passkeys that exist and prove too little" options={existingPasskeys} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
          </div>
        </Section>
      </Form>
      <AuthenticatorMetadataStatus org={org} />
      <PreviewDialog org={org} preview={preview} onDecision={decide} />
    </div>
  );
}

/** The fault of a list, or of the first of its entries that has one. */
function messageOfList(error: { message?: string } | ({ message?: string } | undefined)[] | undefined): string | undefined {
  if (Array.isArray(error)) return error.find((each) => each?.message)?.message;
  return error?.message;
}

/** Shows something and waits for what the person decides. */
function useDecision() {
  const [preview, setPreview] = useState<AttestationPreview>();
  const waiting = useRef<(save: boolean) => void>(undefined);
  const decide = (save: boolean) => {
    setPreview(undefined);
    waiting.current?.(save);
    waiting.current = undefined;
  };
  useEffect(() => () => waiting.current?.(false), []);
  const ask = (shown: AttestationPreview) =>
    new Promise<boolean>((resolve) => {
      waiting.current = resolve;
      setPreview(shown);
    });
  return { preview, ask, decide };
}
