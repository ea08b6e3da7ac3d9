'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Controller, useForm } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { Time } from '@/components/time';
import { CheckField } from '@/components/ui/choice';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { Section } from '@/components/ui/surface';
import type { User, Versioned } from '@/lib/api';
import { patchOf, profileSchema, valuesOf, type ProfileValues } from './profile-values';
import { useUserUpdate } from './use-user';

const further: [keyof ProfileValues, string, string?][] = [
  ['middle_name', 'Middle name'],
  ['nickname', 'Nickname'],
  ['preferred_username', 'Preferred username', 'Shown by applications; not used to sign in.'],
  ['gender', 'Gender'],
  ['birthdate', 'Date of birth', 'YYYY-MM-DD, or only the year.'],
  ['zoneinfo', 'Time zone', 'Such as Europe/Rome.'],
  ['locale', 'Language', 'Such as it-IT.'],
  ['website', 'Website'],
  ['profile', 'Profile page'],
  ['picture', 'Picture', 'The address of an image.'],
  ['street_address', 'Street and number'],
  ['postal_code', 'Postal code'],
  ['locality', 'Place'],
  ['region', 'Region'],
  ['country', 'Country'],
];

export function ProfileForm({ user }: { user: Versioned<User> }) {
  const { value } = user;
  const { editable, save, reload } = useUserUpdate(user);
  const form = useForm<ProfileValues>({ resolver: zodResolver(profileSchema), defaultValues: valuesOf(value) });
  const errors = form.formState.errors;
  const field = (name: keyof ProfileValues, label: string, hint?: string) => (
    <Field key={name} label={label} hint={hint} error={errors[name]?.message}>
      <Input {...form.register(name)} autoComplete="off" />
    </Field>
  );
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr]">
      <Section title="Profile">
        <Form
          form={form}
          submit="Save profile"
          disabled={!editable}
          reload={reload}
          fieldOf={(name) => name.replace(/^profile\.(address\.)?/, '')}
          onSubmit={async (values) => {
            const patch = patchOf(value, values);
            if (patch) await save(patch);
          }}
        >
          {field('name', 'Full name')}
          <div className="grid gap-5 sm:grid-cols-2">
            {field('given_name', 'Given name')}
            {field('family_name', 'Family name')}
          </div>
          {field('username', 'Username', 'The user signs in with it, or with the e-mail address.')}
          <div className="grid gap-2.5">
            <Field label="E-mail" error={errors.email?.message}>
              <Input {...form.register('email')} type="email" autoComplete="off" />
            </Field>
            <Controller control={form.control} name="email_verified" render={({ field: box }) => <CheckField label="Verified" checked={box.value} onChange={box.onChange} disabled={!editable} />} />
          </div>
          <div className="grid gap-2.5">
            <Field label="Telephone" hint="With the country, such as +390612345678." error={errors.phone_number?.message}>
              <Input {...form.register('phone_number')} type="tel" autoComplete="off" />
            </Field>
            <Controller control={form.control} name="phone_number_verified" render={({ field: box }) => <CheckField label="Verified" checked={box.value} onChange={box.onChange} disabled={!editable} />} />
          </div>
          <Folded title="Further claims" hint="Address, birth, language, links" faulty={further.some(([name]) => errors[name])}>
            <div className="grid gap-5 sm:grid-cols-2">{further.map(([name, label, hint]) => field(name, label, hint))}</div>
          </Folded>
          <Folded title="Attributes" hint="Facts of your own, as JSON" faulty={Boolean(errors.attributes)}>
            <Field label="Attributes" hint="Any JSON object of at most 64 KiB." error={errors.attributes?.message}>
              <Textarea {...form.register('attributes')} rows={8} spellCheck={false} className="font-mono text-12" />
            </Field>
          </Folded>
        </Form>
      </Section>
      <Section title="Identifiers">
        <Facts>
          <Fact name="Id (sub)">
            <Copyable value={value.id} what="id" />
          </Fact>
          <Fact name="Created">
            <Time reachable instant={value.created_at} />
          </Fact>
          <Fact name="Changed">
            <Time reachable instant={value.updated_at} />
          </Fact>
        </Facts>
      </Section>
    </div>
  );
}
