'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearchParams } from 'next/navigation';
import { useState } from 'react';
import { Controller, useForm, useWatch } from 'react-hook-form';
import { Form } from '@/components/form';
import { Page } from '@/components/page';
import { ButtonLink } from '@/components/ui/button';
import { CheckField, OptionCards } from '@/components/ui/choice';
import { Field, Input, Select } from '@/components/ui/field';
import { Folded } from '@/components/ui/folded';
import { Card } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { api, read, type UserCreate as UserCreateBody } from '@/lib/api';
import { address, useOrg } from '@/lib/address';
import { usePasswordHint } from '@/lib/organization';
import { keys } from '@/lib/query';
import { z } from '@/lib/schema';
import { email, phone } from './fields';

const schema = z
  .object({
    email,
    username: z.string().trim().max(254, 'Use at most 254 characters.'),
    given_name: z.string().trim().max(200, 'Use at most 200 characters.'),
    family_name: z.string().trim().max(200, 'Use at most 200 characters.'),
    phone_number: phone,
    email_verified: z.boolean(),
    way: z.enum(['invitation', 'link', 'password']),
    locale: z.enum(['', 'de', 'en', 'es', 'fr', 'it', 'nl']),
    password: z.string().max(256, 'Use at most 256 characters.'),
    password_temporary: z.boolean(),
  })
  .refine((values) => values.way === 'invitation' || values.email || values.username, { path: ['email'], message: 'Give an e-mail address, or a username below.' })
  .refine((values) => values.way !== 'invitation' || values.email, { path: ['email'], message: 'An invitation goes by mail: give an e-mail address.' })
  .refine((values) => values.way !== 'password' || values.password.length >= 8, { path: ['password'], message: 'Use at least 8 characters.' });

type Values = z.infer<typeof schema>;

/** What the API gets: the e-mail address is the username when no other is given. */
export function bodyOf(values: Values): UserCreateBody {
  const name = `${values.given_name} ${values.family_name}`.trim();
  return {
    username: values.username || values.email,
    ...(values.email && { email: values.email, email_verified: values.email_verified }),
    ...(values.phone_number && { phone_number: values.phone_number }),
    profile: {
      ...(name && { name }),
      ...(values.given_name && { given_name: values.given_name }),
      ...(values.family_name && { family_name: values.family_name }),
      ...(values.locale && { locale: values.locale }),
    },
    ...(values.way === 'invitation' && { invite: true }),
    ...(values.way === 'password' && { password: values.password, password_temporary: values.password_temporary }),
  };
}

export function UserCreate() {
  const org = useOrg();
  const router = useRouter();
  const queries = useQueryClient();
  const toast = useToast();
  const passwordHint = usePasswordHint(org);
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const invites = useSearchParams().get('way') === 'invitation';
  const form = useForm<Values>({
    resolver: zodResolver(schema),
    defaultValues: { email: '', username: '', given_name: '', family_name: '', phone_number: '', email_verified: false, way: invites ? 'invitation' : 'link', locale: '', password: '', password_temporary: true },
  });
  const way = useWatch({ control: form.control, name: 'way' });
  const errors = form.formState.errors;
  return (
    <Page title={invites ? 'Invite a user' : 'Create user'} width="form">
      <Card className="p-5 sm:p-6">
        <Form
          form={form}
          submit={way === 'invitation' ? 'Send invitation' : 'Create user'}
          pendingText={way === 'invitation' ? 'Sending…' : 'Creating…'}
          aside={<ButtonLink look="quiet" href={address.users(org)}>Cancel</ButtonLink>}
          fieldOf={(field) => {
            const last = field.replace(/^profile\./, '').replace(/^invite$/, 'way');
            return last === 'username' && !form.getValues('username') ? 'email' : last;
          }}
          onSubmit={async (values) => {
            const created = await read(api.POST('/api/v1/orgs/{org}/users', { params: { path: { org }, header: { 'Idempotency-Key': idempotencyKey } }, body: bodyOf(values) }));
            await queries.invalidateQueries({ queryKey: keys.users(org) });
            toast(values.way === 'invitation' ? `An invitation goes to ${created.username}` : `${created.username} was created`);
            router.push(`${address.user(org, created.id)}${values.way === 'password' ? '' : '?tab=sign-in'}`);
          }}
        >
          <Field label="E-mail" hint="The user signs in with it." error={errors.email?.message}>
            <Input {...form.register('email')} type="email" autoComplete="off" autoCapitalize="off" autoFocus />
          </Field>
          <div className="grid gap-5 sm:grid-cols-2">
            <Field label="Given name" optional error={errors.given_name?.message}>
              <Input {...form.register('given_name')} autoComplete="off" />
            </Field>
            <Field label="Family name" optional error={errors.family_name?.message}>
              <Input {...form.register('family_name')} autoComplete="off" />
            </Field>
          </div>
          <Controller
            control={form.control}
            name="way"
            render={({ field }) => (
              <OptionCards
                label="How the user gets in the first time"
                value={field.value}
                onChange={field.onChange}
                options={[
                  { value: 'invitation', label: 'Invitation by mail', hint: 'The user chooses how they sign in with the link of a mail, which proves their address.' },
                  { value: 'link', label: 'One-time link', hint: 'You make a link in the next step and hand it over. Nobody but the user ever knows the password.' },
                  { value: 'password', label: 'Password', hint: 'You choose the first password.' },
                ]}
              />
            )}
          />
          {errors.way && (
            <p role="alert" className="text-danger">
              {errors.way.message}
            </p>
          )}
          <Field label="Language" optional hint="Of pages and mails to the user." className="max-w-48">
            <Select {...form.register('locale')}>
              <option value="">That of the organization</option>
              <option value="de">Deutsch</option>
              <option value="en">English</option>
              <option value="es">Español</option>
              <option value="fr">Français</option>
              <option value="it">Italiano</option>
              <option value="nl">Nederlands</option>
            </Select>
          </Field>
          {way === 'password' && (
            <div className="appear grid gap-4">
              <Field label="Password" hint={passwordHint} error={errors.password?.message}>
                <Input {...form.register('password')} type="password" autoComplete="new-password" />
              </Field>
              <Controller
                control={form.control}
                name="password_temporary"
                render={({ field }) => <CheckField label="Ask for a new password at the first sign-in" checked={field.value} onChange={field.onChange} />}
              />
            </div>
          )}
          <Folded title="Advanced" hint="Username, telephone, verified e-mail" faulty={Boolean(errors.username ?? errors.phone_number)}>
            <Field label="Username" optional hint="Empty: the e-mail address." error={errors.username?.message}>
              <Input {...form.register('username')} autoComplete="off" autoCapitalize="off" spellCheck={false} />
            </Field>
            <Field label="Telephone" optional hint="With the country, such as +390612345678." error={errors.phone_number?.message}>
              <Input {...form.register('phone_number')} type="tel" autoComplete="off" />
            </Field>
            <Controller
              control={form.control}
              name="email_verified"
              render={({ field }) => <CheckField label="The e-mail address is verified" hint="Only if you know that it belongs to this person: applications rely on it." checked={field.value} onChange={field.onChange} />}
            />
          </Folded>
        </Form>
      </Card>
    </Page>
  );
}
