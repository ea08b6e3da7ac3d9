'use client';

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Entries, Entry } from '@/components/entries';
import { ErrorNotice, Loaded } from '@/components/states';
import { Time } from '@/components/time';
import { Button } from '@/components/ui/button';
import { Field, Input, Select, Textarea } from '@/components/ui/field';
import { Badge, Section } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { address } from '@/lib/address';
import { api, read, type Organization, type Terms, type TermsList, type TermsState } from '@/lib/api';
import { languages } from '@/lib/languages';
import { keys } from '@/lib/query';
import { useMay } from '@/lib/session';
import { bodyOf, newText, problemOf, type TermsValues } from './terms-values';

/** The terms that people of an organization accept: what was published, and the next version. */
export function TermsForm({ organization }: { organization: Organization }) {
  const org = organization.slug;
  const query = useQuery({ queryKey: keys.terms(org), queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/terms', { params: { path: { org } }, signal })) });
  const editable = useMay('organization:write') && organization.status !== 'deleting';
  return (
    <Loaded query={query} what="terms">
      {(list) => (
        <div className="grid items-start gap-6 lg:grid-cols-[3fr_2fr] [&>*]:min-w-0">
          <Versions org={org} list={list} editable={editable} />
          {editable && <Publish key={list.items.length} org={org} name={organization.name} list={list} />}
        </div>
      )}
    </Loaded>
  );
}

const states: Record<TermsState, { tone?: 'success' | 'info'; label: string }> = {
  in_force: { tone: 'success', label: 'In force' },
  upcoming: { tone: 'info', label: 'Upcoming' },
  superseded: { label: 'Superseded' },
  withdrawn: { label: 'Withdrawn' },
};

const nameOf = (tag: string) => languages.find((language) => language.tag === tag)?.label ?? tag;

function Versions({ org, list, editable }: { org: string; list: TermsList; editable: boolean }) {
  const queries = useQueryClient();
  const toast = useToast();
  const [withdrawing, setWithdrawing] = useState<Terms>();
  return (
    <Section
      title="Versions"
      description={
        <>
          {list.items.some(({ state }) => state === 'in_force') ? `${list.accepted} of ${list.people} people accepted the version in force. ` : 'Nobody is asked to accept anything. '}
          <a href={`${address.documents('accounts')}#terms`} className="rounded-[4px] text-brand-11 underline">
            Read the guide
          </a>
        </>
      }
    >
      {list.items.length === 0 ? (
        <p className="text-neutral-11">No terms were published.</p>
      ) : (
        <Entries label="Versions of the terms">
          {list.items.map((version) => (
            <Entry
              key={version.id}
              title={`Version ${version.version}`}
              badge={<Badge tone={states[version.state].tone}>{states[version.state].label}</Badge>}
              actions={
                editable && version.state !== 'withdrawn' ? (
                  <Button size="small" look="danger-outline" aria-label={`Withdraw version ${version.version}`} onClick={() => setWithdrawing(version)}>
                    Withdraw
                  </Button>
                ) : undefined
              }
            >
              <p className="text-neutral-11">
                In force from <Time instant={version.in_force_at} reachable />
              </p>
              <ul className="grid gap-1">
                {Object.entries(version.texts).map(([tag, text]) => (
                  <li key={tag}>
                    {nameOf(tag)}:{' '}
                    {text.url ? (
                      <a href={text.url} target="_blank" rel="noreferrer" className="rounded-[4px] text-brand-11 underline">
                        {text.title}
                      </a>
                    ) : (
                      text.title
                    )}
                  </li>
                ))}
              </ul>
            </Entry>
          ))}
        </Entries>
      )}
      <Confirm
        open={withdrawing !== undefined}
        onOpenChange={(open) => !open && setWithdrawing(undefined)}
        title={`Withdraw version ${withdrawing?.version ?? ''}?`}
        consequence="Nobody is asked for it any more. The version before it counts again; without one, nobody is asked for anything. Who accepted it did so."
        button="Withdraw version"
        pendingText="Withdrawing…"
        onConfirm={async () => {
          const version = withdrawing!.version;
          await read(api.DELETE('/api/v1/orgs/{org}/terms/{terms_version}', { params: { path: { org, terms_version: version } } }));
          await queries.invalidateQueries({ queryKey: keys.terms(org) });
          toast(`Version ${version} is withdrawn`);
        }}
      />
    </Section>
  );
}

function Publish({ org, name, list }: { org: string; name: string; list: TermsList }) {
  const queries = useQueryClient();
  const toast = useToast();
  const [values, setValues] = useState<TermsValues>({ texts: [newText('en')], from: '' });
  const [problem, setProblem] = useState<unknown>();
  const [asking, setAsking] = useState(false);
  const next = Math.max(0, ...list.items.map(({ version }) => version)) + 1;
  const change = (n: number, part: Partial<TermsValues['texts'][number]>) => setValues({ ...values, texts: values.texts.map((text, m) => (m === n ? { ...text, ...part } : text)) });
  const unused = languages.filter(({ tag }) => !values.texts.some(({ language }) => language === tag));
  const people = `${list.people} ${list.people === 1 ? 'person' : 'people'}`;
  return (
    <Section title={`Version ${next}`} description={`${people} of ${name} will be asked to accept it, at their next sign-in or before an application gets another answer about them.`}>
      <form
        className="grid gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          const wrong = problemOf(values);
          setProblem(wrong === undefined ? undefined : new Error(wrong));
          setAsking(wrong === undefined);
        }}
      >
        {values.texts.map((text, n) => (
          <fieldset key={text.key} className="grid gap-4 border-t border-neutral-6 pt-4 first:border-t-0 first:pt-0">
            <legend className="sr-only">{nameOf(text.language)}</legend>
            <Field label="Language">
              <Select value={text.language} onChange={(event) => change(n, { language: event.target.value })}>
                {languages
                  .filter(({ tag }) => tag === text.language || unused.some((other) => other.tag === tag))
                  .map(({ tag, label }) => (
                    <option key={tag} value={tag}>
                      {label}
                    </option>
                  ))}
              </Select>
            </Field>
            <Field label="Title">
              <Input value={text.title} onChange={(event) => change(n, { title: event.target.value })} maxLength={200} placeholder="Terms of use" autoComplete="off" />
            </Field>
            <Field label="Address" optional hint="Where they can be read.">
              <Input value={text.url} onChange={(event) => change(n, { url: event.target.value })} inputMode="url" maxLength={2000} placeholder="https://www.example.com/terms" autoComplete="off" spellCheck={false} />
            </Field>
            <Field label="Text" optional hint="What people read on the page itself: paragraphs, without markup.">
              <Textarea value={text.text} onChange={(event) => change(n, { text: event.target.value })} maxLength={4000} rows={4} />
            </Field>
            {values.texts.length > 1 && (
              <Button className="w-fit" size="small" onClick={() => setValues({ ...values, texts: values.texts.filter((_, m) => m !== n) })}>
                Remove {nameOf(text.language)}
              </Button>
            )}
          </fieldset>
        ))}
        {unused.length > 0 && (
          <Button className="w-fit" onClick={() => setValues({ ...values, texts: [...values.texts, newText(unused[0]!.tag)] })}>
            <Plus aria-hidden />
            Add a language
          </Button>
        )}
        <Field label="In force from" optional hint="Now, unless you choose a moment within a year.">
          <Input type="datetime-local" value={values.from} onChange={(event) => setValues({ ...values, from: event.target.value })} />
        </Field>
        {problem !== undefined && <ErrorNotice error={problem} />}
        <Button type="submit" look="primary" className="w-fit">
          Publish version {next}
        </Button>
      </form>
      <Confirm
        open={asking}
        onOpenChange={setAsking}
        title={`Publish version ${next}?`}
        consequence={`${people} will be asked to accept it. What was published is never changed; it can be withdrawn.`}
        button="Publish"
        look="primary"
        pendingText="Publishing…"
        onConfirm={async () => {
          const published = await read(api.POST('/api/v1/orgs/{org}/terms', { params: { path: { org } }, body: bodyOf(values) }));
          await queries.invalidateQueries({ queryKey: keys.terms(org) });
          toast(`Version ${published.version} is published`);
        }}
      />
    </Section>
  );
}
