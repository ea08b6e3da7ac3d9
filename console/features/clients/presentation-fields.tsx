'use client';

import { Plus, Trash2 } from 'lucide-react';
import { useFieldArray, type UseFormReturn } from 'react-hook-form';
import { Button } from '@/components/ui/button';
import { Field, Input, Select, Textarea } from '@/components/ui/field';
import { localizable } from './localized-values';
import type { ClientValues } from './values';

type ClientForm = UseFormReturn<ClientValues>;

/** What people and operators read about the application. */
export function PresentationFields({ form }: { form: ClientForm }) {
  const errors = form.formState.errors;
  const uri = (name: 'client_uri' | 'logo_uri' | 'policy_uri' | 'tos_uri', label: string, hint: string) => (
    <Field label={label} hint={hint} optional error={errors[name]?.message}>
      <Input {...form.register(name)} type="url" autoComplete="off" placeholder="https://" />
    </Field>
  );
  return (
    <>
      <div className="grid gap-5 sm:grid-cols-2">
        {uri('client_uri', 'Home page', 'Where people learn about the application.')}
        {uri('logo_uri', 'Logo', 'The address of an image.')}
        {uri('policy_uri', 'Privacy notice', 'Linked on the consent page.')}
        {uri('tos_uri', 'Terms of service', 'Linked on the consent page.')}
      </div>
      <Translations form={form} />
      <Field label="Contacts" optional hint="E-mail addresses of those who run it, one per line." error={errors.contacts?.message}>
        <Textarea {...form.register('contacts')} rows={2} spellCheck={false} />
      </Field>
      <div className="grid gap-5 sm:grid-cols-2">
        <Field label="Software id" optional hint="The same for every installation of one product." error={errors.software_id?.message}>
          <Input {...form.register('software_id')} autoComplete="off" spellCheck={false} />
        </Field>
        <Field label="Software version" optional hint="Which release of it this is." error={errors.software_version?.message}>
          <Input {...form.register('software_version')} autoComplete="off" spellCheck={false} />
        </Field>
      </div>
    </>
  );
}

/** Name and links in other languages, a line for each. */
function Translations({ form }: { form: ClientForm }) {
  const { fields, append, remove } = useFieldArray({ control: form.control, name: 'localized' });
  const errors = form.formState.errors.localized;
  return (
    <div role="group" aria-label="In other languages" className="grid gap-3">
      <div>
        <p className="font-medium">In other languages</p>
        <p className="text-12 text-neutral-11">Shown to people who read that language, instead of the above.</p>
      </div>
      {fields.map(({ id }, index) => (
        <div key={id} role="group" aria-label={`Translation ${index + 1}`} className="grid grid-cols-[1fr_6rem] gap-3 rounded-control border border-neutral-6 p-3">
          <Field label="What" error={errors?.[index]?.member?.message}>
            <Select {...form.register(`localized.${index}.member`)}>
              {localizable.map(({ member, label }) => (
                <option key={member} value={member}>
                  {label}
                </option>
              ))}
            </Select>
          </Field>
          <Field label="Language" error={errors?.[index]?.language?.message}>
            <Input {...form.register(`localized.${index}.language`)} autoComplete="off" autoCapitalize="off" spellCheck={false} placeholder="it" />
          </Field>
          <Field label="In that language" className="col-span-2" error={errors?.[index]?.value?.message}>
            <Input {...form.register(`localized.${index}.value`)} autoComplete="off" />
          </Field>
          <Button look="quiet" size="small" className="col-span-2 justify-self-start" aria-label={`Remove translation ${index + 1}`} onClick={() => remove(index)}>
            <Trash2 aria-hidden />
            Remove
          </Button>
        </div>
      ))}
      {errors?.root?.message ?? errors?.message ? (
        <p role="alert" className="text-danger">
          {errors?.root?.message ?? errors?.message}
        </p>
      ) : null}
      <Button size="small" className="justify-self-start" onClick={() => append({ member: 'client_name', language: '', value: '' })}>
        <Plus aria-hidden />
        Add a translation
      </Button>
    </div>
  );
}
