'use client';

import { zodResolver } from '@hookform/resolvers/zod';
import { Controller, useForm } from 'react-hook-form';
import { Copyable } from '@/components/copy';
import { Form } from '@/components/form';
import { Fact, Facts } from '@/components/page';
import { OptionCards } from '@/components/ui/choice';
import { Field, Input, Textarea } from '@/components/ui/field';
import { Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import { address } from '@/lib/address';
import type { Organization, Versioned } from '@/lib/api';
import { accountDeletions, emailChanges, identifierFirst, magicLinks, patchOf, passkeys, proofsOfWork, recoveries, signInNotices, signUpSchema, signUps, valuesOf, type SignUpValues } from './sign-up-values';
import { SecondFactorFields } from './second-factor-fields';

/** Who makes the accounts of people, what those do who forgot their password, and who proves a second factor. */
export function SignUpForm({ organization }: { organization: Versioned<Organization> }) {
  const { policies, issuer } = organization.value;
  const { editable, save, reload } = useOrganizationUpdate(organization);
  const form = useForm<SignUpValues>({ resolver: zodResolver(signUpSchema), defaultValues: valuesOf(policies) });
  return (
    <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
      <Form
        form={form}
        submit="Save accounts"
        disabled={!editable}
        reload={reload}
        fieldOf={(field) => field.replace(/^policies\./, '').replace(/\[.*$/, '')}
        onSubmit={async (values) => {
          const patch = patchOf(policies, values);
          if (patch) await save({ policies: patch });
        }}
      >
        <Section
          title="Accounts"
          description={
            <>
              Signing up and choosing another password need mail.{' '}
              <a href={address.documents('accounts')} className="rounded-[4px] text-brand-11 underline">
                Read the guide
              </a>
            </>
          }
        >
          <div className="grid gap-5">
            <Controller
              control={form.control}
              name="sign_up"
              render={({ field }) => <OptionCards label="Who makes accounts" options={signUps} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            {form.formState.errors.sign_up && (
              <p role="alert" className="text-danger">
                {form.formState.errors.sign_up.message}
              </p>
            )}
            <Field
              label="Domains of email addresses"
              optional
              hint="One per line: acme.example, or *.acme.example for every domain below. Empty: any address."
              error={form.formState.errors.sign_up_email_domains?.message}
            >
              <Textarea {...form.register('sign_up_email_domains')} rows={3} spellCheck={false} autoCapitalize="off" className="font-mono text-12" />
            </Field>
            <Controller
              control={form.control}
              name="password_recovery"
              render={({ field }) => (
                <OptionCards label="Who forgot the password" options={recoveries} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Field
              label="Characters of a password, at least"
              hint="8 to 64, for new passwords. Common and stolen ones are refused in any case; nothing else is demanded of them."
              error={form.formState.errors.password_minimum_length?.message}
            >
              <Input {...form.register('password_minimum_length')} inputMode="numeric" autoComplete="off" className="max-w-24" />
            </Field>
            <Field label="Days for which an invitation works" hint="1 to 30. Invite people on the page of users; the link of the mail works once." error={form.formState.errors.invitation_lifetime_days?.message}>
              <Input {...form.register('invitation_lifetime_days')} inputMode="numeric" autoComplete="off" className="max-w-24" />
            </Field>
            <Controller
              control={form.control}
              name="email_change"
              render={({ field }) => (
                <OptionCards label="Who changes email addresses" options={emailChanges} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Controller
              control={form.control}
              name="account_deletion"
              render={({ field }) => (
                <OptionCards label="Who deletes accounts" options={accountDeletions} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Field
              label="Days until an account is erased"
              hint="1 to 90, after a person asked for it. By signing in before that they keep the account."
              error={form.formState.errors.account_deletion_grace_days?.message}
            >
              <Input {...form.register('account_deletion_grace_days')} inputMode="numeric" autoComplete="off" className="max-w-24" />
            </Field>
            <Controller
              control={form.control}
              name="passkeys"
              render={({ field }) => <OptionCards label="How people sign in" options={passkeys} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            <Controller
              control={form.control}
              name="identifier_first"
              render={({ field }) => <OptionCards label="The sign-in page asks for" options={identifierFirst} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            <Controller
              control={form.control}
              name="magic_links"
              render={({ field }) => <OptionCards label="Signing in by mail" options={magicLinks} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
            <SecondFactorFields form={form} editable={editable} system={organization.value.slug === 'system'} />
            <Controller
              control={form.control}
              name="proof_of_work"
              render={({ field }) => (
                <OptionCards label="Whose browser computes before a form is sent" options={proofsOfWork} value={field.value} onChange={field.onChange} disabled={!editable} />
              )}
            />
            <Controller
              control={form.control}
              name="sign_in_notices"
              render={({ field }) => <OptionCards label="Sign-ins that are new" options={signInNotices} value={field.value} onChange={field.onChange} disabled={!editable} />}
            />
          </div>
        </Section>
      </Form>
      <Section title="Address" description="For links on your own pages. It answers while people may sign up.">
        <Facts>
          <Fact name="Sign-up page">
            <Copyable value={`${issuer}/sign-up`} what="address of the sign-up page" />
          </Fact>
        </Facts>
      </Section>
    </div>
  );
}
