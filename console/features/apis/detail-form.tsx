'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Plus } from 'lucide-react';
import { Controller, useFieldArray, useForm, useWatch, type UseFormReturn } from 'react-hook-form';
import { Form } from '@/components/form';
import { Button } from '@/components/ui/button';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { AuthorizationDetailsType, Organization, Versioned } from '@/lib/api';
import { languages } from '@/lib/languages';
import { DetailPreview } from './detail-preview';
import { detailSchema, fieldKinds, fieldOf, kindFacts, newField, typeOf, valuesOf, withType, type DetailValues } from './detail-values';

interface DetailFormProps {
  organization: Versioned<Organization>;
  /** Undefined for a new one. */
  known?: AuthorizationDetailsType;
  close: () => void;
}

const labelOf = (tag: string) => languages.find((language) => language.tag === tag)?.label ?? tag;

export function DetailForm({ organization, known, close }: DetailFormProps) {
  const { policies } = organization.value;
  const { save, reload } = useOrganizationUpdate(organization);
  const taken = (policies.authorization_details_types ?? []).map(({ type }) => type).filter((type) => type !== known?.type);
  const before = valuesOf(known);
  const form = useForm<DetailValues>({ resolver: zodResolver(detailSchema(taken)), defaultValues: before });
  const fields = useFieldArray({ control: form.control, name: 'fields' });
  const errors = form.formState.errors;
  return (
    <Form
      form={form}
      submit={known ? 'Save type' : 'Add type'}
      fieldOf={fieldOf}
      aside={<Button look="quiet" onClick={close}>Cancel</Button>}
      reload={() => {
        reload();
        close();
      }}
      onSubmit={async (values) => {
        await save({ policies: withType(policies, known?.type, typeOf(values)) }, `${values.type} is saved`);
        close();
      }}
    >
      <Field label="Type" hint={known ? 'Applications ask by it. After a change they have to ask for the new one.' : 'Applications ask by it, in authorization_details.'} error={errors.type?.message}>
        <Input {...form.register('type')} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="payment" />
      </Field>
      {fields.fields.map((field, index) => (
        <FieldRow key={field.id} form={form} index={index} remove={() => fields.remove(index)} />
      ))}
      <div className="grid gap-1">
        <div>
          <Button onClick={() => fields.append(newField())}>
            <Plus aria-hidden />
            Add a field
          </Button>
        </div>
        <p className="text-12 text-neutral-11">Beside them every type has actions, locations, datatypes, identifier and privileges.</p>
      </div>
      {Object.keys(before.consent).map((tag, index) => (
        <Field
          key={tag}
          label={`Sentence, ${labelOf(tag)}`}
          optional={index > 0}
          hint={index === 0 ? 'People read it before they allow it. Fields in braces are filled in. English stands in for a language without one.' : undefined}
          error={errors.consent?.[tag]?.message}
        >
          <Input {...form.register(`consent.${tag}`)} autoComplete="off" lang={tag} placeholder={index === 0 ? 'Pay {amount} to {creditor}' : undefined} />
        </Field>
      ))}
      <DetailPreview control={form.control} />
    </Form>
  );
}

function FieldRow({ form, index, remove }: { form: UseFormReturn<DetailValues>; index: number; remove: () => void }) {
  const errors = form.formState.errors.fields?.[index];
  const label = useWatch({ control: form.control, name: `fields.${index}.label` });
  return (
    <div role="group" aria-label={`Field ${index + 1}`} className="grid gap-4 rounded-control border border-neutral-6 p-4">
      <div className="grid gap-4 sm:grid-cols-2">
        <Field label="Field" error={errors?.name?.message}>
          <Input {...form.register(`fields.${index}.name`)} autoComplete="off" autoCapitalize="off" spellCheck={false} className="font-mono" placeholder="amount" />
        </Field>
        <Field label="Kind" error={errors?.kind?.message}>
          <Select {...form.register(`fields.${index}.kind`)}>
            {fieldKinds.map((kind) => (
              <option key={kind} value={kind}>
                {kindFacts[kind].label}
              </option>
            ))}
          </Select>
        </Field>
      </div>
      <Controller control={form.control} name={`fields.${index}.required`} render={({ field }) => <CheckField label="Always there" hint="A request without it is refused." checked={field.value} onChange={field.onChange} />} />
      <Folded title="Labels" hint="How people read its name" faulty={Boolean(errors?.label)}>
        {Object.keys(label).map((tag) => (
          <Field key={tag} label={`Label, ${labelOf(tag)}`} optional error={errors?.label?.[tag]?.message}>
            <Input {...form.register(`fields.${index}.label.${tag}`)} autoComplete="off" lang={tag} />
          </Field>
        ))}
      </Folded>
      <div>
        <Button size="small" look="danger-outline" aria-label={`Remove field ${index + 1}`} onClick={remove}>
          Remove
        </Button>
      </div>
    </div>
  );
}
