'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { X } from 'lucide-react';
import { useDeferredValue, useId, useRef, useState, type KeyboardEvent } from 'react';
import { Button } from '@/components/ui/button';
import { Field, Input } from '@/components/ui/field';
import { Badge } from '@/components/ui/surface';
import { messageOf } from '@/components/states';
import { api, read, type AuthenticatorModel } from '@/lib/api';
import { cn } from '@/lib/cn';
import { keys } from '@/lib/query';
import { isModel, statuses } from './attestation-values';

interface ModelPickerProps {
  org: string;
  label: string;
  hint: string;
  value: string[];
  onChange: (value: string[]) => void;
  disabled?: boolean;
  error?: string;
  /** Hears of the field, to bring the focus there. */
  focusRef?: (field: HTMLInputElement | null) => void;
}

/** How many models are asked for by their AAGUIDs at once; the others are shown without names. */
const named = 100;

/** Some models of authenticators, found by name among those of the metadata, or by their AAGUID. */
export function ModelPicker({ org, label, hint, value, onChange, disabled, error, focusRef }: ModelPickerProps) {
  const input = useRef<HTMLInputElement>(null);
  const hold = (field: HTMLInputElement | null) => {
    input.current = field;
    focusRef?.(field);
  };
  const asked = value.slice(0, named);
  const { data } = useQuery({
    queryKey: keys.authenticatorModels(org, { aaguid: asked }),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/authenticator-models', { params: { path: { org }, query: { aaguid: asked.join(',') } }, signal })),
    enabled: asked.length > 0,
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
  const known = new Map(data?.items.map((model) => [model.aaguid, model]));
  const remove = (aaguid: string) => {
    onChange(value.filter((other) => other !== aaguid));
    input.current?.focus();
  };
  return (
    <div role="group" aria-label={label} className="grid gap-2 [&>*]:min-w-0">
      {!disabled && <ModelSearch org={org} label={label} hint={hint} error={error} hold={hold} taken={value} onPick={(aaguid) => onChange([...value, aaguid])} />}
      {disabled && <p className="font-medium">{label}</p>}
      {value.length === 0 && <p className="text-neutral-11">No model.</p>}
      {value.length > 0 && (
        <ul aria-label={`${label}, chosen`} className="divide-y divide-neutral-5 rounded-control border border-neutral-6">
          {value.map((aaguid) => {
            const model = known.get(aaguid);
            return (
              <li key={aaguid} className="flex items-center justify-between gap-3 px-3 py-2">
                <Described model={model} aaguid={aaguid} />
                {!disabled && (
                  <Button look="quiet" size="small-icon" aria-label={`Remove ${model?.name ?? aaguid}`} onClick={() => remove(aaguid)}>
                    <X aria-hidden />
                  </Button>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}

interface ModelSearchProps {
  org: string;
  label: string;
  hint: string;
  error?: string;
  hold: (field: HTMLInputElement | null) => void;
  taken: string[];
  onPick: (aaguid: string) => void;
}

/** A combobox (WAI-ARIA): arrows choose, Enter takes, Escape closes. What was taken leaves the field empty for the next one. */
function ModelSearch({ org, label, hint, error, hold, taken, onPick }: ModelSearchProps) {
  const id = useId();
  const [typed, setTyped] = useState('');
  const [open, setOpen] = useState(false);
  const [active, setActive] = useState(0);
  const q = useDeferredValue(typed.trim().toLowerCase());
  const { data, error: problem, isPending } = useQuery({
    queryKey: keys.authenticatorModels(org, { q }),
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/authenticator-models', { params: { path: { org }, query: { q } }, signal })),
    enabled: open && q !== '',
    placeholderData: keepPreviousData,
    staleTime: 300_000,
  });
  const found: AuthenticatorModel[] = (data?.items ?? []).filter(({ aaguid }) => !taken.includes(aaguid));
  if (isModel(q) && !taken.includes(q) && !found.some(({ aaguid }) => aaguid === q)) found.push({ aaguid: q, name: '', statuses: [] });
  const shown = open && q !== '';
  const at = Math.min(active, found.length - 1);
  const pick = (model: AuthenticatorModel | undefined) => {
    if (!model) return;
    onPick(model.aaguid);
    setTyped('');
    setOpen(false);
  };
  const move = (to: number) => {
    setOpen(true);
    const next = found.length === 0 ? 0 : (to + found.length) % found.length;
    setActive(next);
    document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: 'nearest' });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') move(shown ? at + 1 : 0);
    else if (event.key === 'ArrowUp') move(shown ? at - 1 : found.length - 1);
    else if (event.key === 'Enter') pick(shown ? found[at] : undefined); // never sends the form around it
    else if (event.key === 'Escape' && open) setOpen(false);
    else return;
    event.preventDefault();
  };
  return (
    <div>
      <Field label={label} optional hint={hint} error={error}>
        <Input
          ref={hold}
          role="combobox"
          aria-expanded={shown}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={shown && found.length > 0 ? `${id}-${at}` : undefined}
          placeholder="Name of a model, or its AAGUID"
          value={typed}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => {
            setTyped(event.target.value);
            setActive(0);
            setOpen(true);
          }}
          onKeyDown={onKey}
          onBlur={() => setOpen(false)}
        />
      </Field>
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label={`Models for: ${label}`}
        className={cn('mt-1 max-h-72 overflow-y-auto rounded-control border border-neutral-6 bg-card p-1 shadow-float', !(shown && found.length > 0) && 'hidden')}
        // The focus stays in the field.
        onMouseDown={(event) => event.preventDefault()}
      >
        {shown &&
          found.map((model, index) => (
            <li
              key={model.aaguid}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              className="flex min-h-9 cursor-pointer items-center rounded-control px-2.5 py-1.5 aria-selected:bg-neutral-4 pointer-coarse:min-h-11"
              onClick={() => pick(model)}
              onMouseMove={() => setActive(index)}
            >
              <Described model={model.name === '' ? undefined : model} aaguid={model.aaguid} />
            </li>
          ))}
      </ul>
      <p role="status" className={cn('mt-1 text-12 text-neutral-11', (!shown || found.length > 0) && 'sr-only')}>
        {shown && outcome(isPending, problem, found.length)}
      </p>
    </div>
  );
}

function outcome(pending: boolean, problem: unknown, count: number): string {
  if (problem) return `Models cannot be searched: ${messageOf(problem)}`;
  if (count > 0) return count === 1 ? 'One model found.' : `${count} models found.`;
  return pending ? 'Searching…' : 'No such model. Write fewer words, or the whole AAGUID of a model that the metadata does not describe.';
}

const refusing = new Set<string>(statuses.slice(0, 5).map(({ value }) => value));

/** A model by its name; one that the metadata does not describe by its AAGUID. */
function Described({ model, aaguid }: { model: AuthenticatorModel | undefined; aaguid: string }) {
  return (
    <span className="grid min-w-0 gap-0.5 [&>*]:min-w-0">
      <span className="flex flex-wrap items-center gap-x-2 gap-y-1">
        <span className="min-w-0 font-medium wrap-anywhere">{model?.name ?? 'Not in the metadata'}</span>
        {model?.certification && <Badge>{model.certification.replace(/^FIDO_CERTIFIED_?/, '').replace('plus', '+') || 'Certified'}</Badge>}
        {model?.statuses
          .filter((status) => refusing.has(status))
          .map((status) => (
            <Badge key={status} tone="danger">
              {statuses.find(({ value }) => value === status)?.label}
            </Badge>
          ))}
      </span>
      <span className="break-all font-mono text-12 text-neutral-11">{aaguid}</span>
    </span>
  );
}
