'use client';

import Link from 'next/link';
import { Button } from '@/components/ui/button';
import { Dialog, DialogActions } from '@/components/ui/dialog';
import { Badge, Notice } from '@/components/ui/surface';
import { address } from '@/lib/address';
import type { AttestationPreview, AttestationPreviewModel } from '@/lib/api';
import { problems } from './attestation-values';

interface PreviewDialogProps {
  org: string;
  preview: AttestationPreview | undefined;
  /** false: nothing is saved. */
  onDecision: (save: boolean) => void;
}

/** Who a policy would affect, before it is saved. */
export function PreviewDialog({ org, preview, onDecision }: PreviewDialogProps) {
  return (
    <Dialog
      open={preview !== undefined}
      onOpenChange={(open) => !open && onDecision(false)}
      title="Who this affects"
      description="Nothing is saved yet."
      className="sm:w-[min(100vw-2rem,40rem)]"
    >
      {preview && (
        <>
          <Effects org={org} preview={preview} />
          <DialogActions>
            <Button onClick={() => onDecision(false)}>Change something</Button>
            <Button look={preview.people_without_another > 0 ? 'danger' : 'primary'} onClick={() => onDecision(true)}>
              Save policy
            </Button>
          </DialogActions>
        </>
      )}
    </Dialog>
  );
}

const number = new Intl.NumberFormat('en');

function counted(count: number, one: string, many: string): string {
  return `${number.format(count)} ${count === 1 ? one : many}`;
}

function Effects({ org, preview }: { org: string; preview: AttestationPreview }) {
  const { passkeys, people, people_without_another: stranded, sessions, models, sample } = preview;
  const ended = sessions.exact ? counted(sessions.value, 'session', 'sessions') : `more than ${counted(sessions.value, 'session', 'sessions')}`;
  return (
    <div className="grid gap-5 [&>*]:min-w-0">
      {passkeys === 0 ? (
        <Notice tone="success" title="Every passkey goes on signing in">
          {models.length === 0 ? 'Nobody has one yet.' : 'Nobody has one that this policy refuses.'}
        </Notice>
      ) : (
        <Notice tone="warning" title={`${counted(passkeys, 'passkey', 'passkeys')} of ${counted(people, 'person', 'people')} would not sign in`}>
          {stranded > 0 && (
            <p>
              <strong>{counted(stranded, 'of these people has', 'of these people have')}</strong> neither a password nor another passkey, nor an account elsewhere, and would need a one-time link.
            </p>
          )}
          <p>{sessions.value === 0 ? 'No session ends at once.' : `At once, ${ended} that began with such a passkey and what applications got in them would end.`}</p>
        </Notice>
      )}
      {sample.length > 0 && (
        <div className="grid gap-2">
          <h3 className="font-medium">{sample.length < people ? `Some of the ${number.format(people)} people` : 'Who they are'}</h3>
          <ul className="flex flex-wrap gap-x-4 gap-y-1">
            {sample.map((person) => (
              <li key={person.id} className="min-w-0 break-all">
                <Link href={address.user(org, person.id)} target="_blank" className="rounded-[4px] text-brand-11 underline">
                  {person.username}
                  <span className="sr-only"> (in a new tab)</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      )}
      {models.length > 0 && (
        <div className="grid gap-2">
          <h3 className="font-medium">Passkeys by model</h3>
          <ul aria-label="Passkeys by model" className="divide-y divide-neutral-5 rounded-control border border-neutral-6">
            {models.map((model) => (
              <ModelRow key={`${model.aaguid ?? ''} ${model.attested}`} model={model} />
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function ModelRow({ model }: { model: AttestationPreviewModel }) {
  return (
    <li className="flex flex-wrap items-start justify-between gap-x-4 gap-y-1 px-3 py-2">
      <div className="grid min-w-0 flex-1 basis-52 gap-0.5">
        <span className="font-medium wrap-anywhere">{model.name ?? (model.aaguid === undefined ? 'No model named' : 'Not in the metadata')}</span>
        {model.aaguid !== undefined && <span className="break-all font-mono text-12 text-neutral-11">{model.aaguid}</span>}
        <span className="text-12 text-neutral-11">
          {counted(model.passkeys, 'passkey', 'passkeys')} of {counted(model.people, 'person', 'people')}, {model.attested ? 'model proved' : 'model not proved'}
        </span>
      </div>
      <Badge tone={model.problem === undefined ? 'success' : 'danger'}>{model.problem === undefined ? 'Signs in' : problems[model.problem]}</Badge>
    </li>
  );
}
