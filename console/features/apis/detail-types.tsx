'use client';

import { Plus } from 'lucide-react';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Entries, Entry } from '@/components/entries';
import { Empty } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { AuthorizationDetailsType, Organization, Versioned } from '@/lib/api';
import { DetailForm } from './detail-form';
import { previewOf, valuesOf, withType } from './detail-values';

/** The types of what people allow in detail (RFC 9396). */
export function DetailTypes({ organization }: { organization: Versioned<Organization> }) {
  const { policies } = organization.value;
  const { editable, save } = useOrganizationUpdate(organization);
  const [editing, setEditing] = useState<{ known?: AuthorizationDetailsType }>();
  const [removing, setRemoving] = useState<AuthorizationDetailsType>();
  const types = policies.authorization_details_types ?? [];
  return (
    <>
      <Section
        title="Types of permissions in detail"
        description="A scope says “may make payments”. A type says what this payment is: an amount, an account, once. People are asked each time, and tokens contain what they allowed. A client also needs the type among its own."
        action={
          editable && (
            <Button look="primary" data-create onClick={() => setEditing({})}>
              <Plus aria-hidden />
              Add type
            </Button>
          )
        }
      >
        {types.length === 0 ? (
          <Empty title="No types yet">Applications then ask for scopes only.</Empty>
        ) : (
          <Entries label="Types of permissions in detail">
            {types.map((known) => (
              <Entry
                key={known.type}
                title={known.type}
                actions={
                  editable && (
                    <>
                      <Button size="small" aria-label={`Edit ${known.type}`} onClick={() => setEditing({ known })}>
                        Edit
                      </Button>
                      <Button size="small" look="danger-outline" aria-label={`Delete ${known.type}`} onClick={() => setRemoving(known)}>
                        Delete
                      </Button>
                    </>
                  )
                }
              >
                <p className="break-words">{previewOf(valuesOf(known), 'en').sentence}</p>
                <p className="break-all text-12 text-neutral-11">
                  Fields: <span className="font-mono">{(known.fields ?? []).map(({ name }) => name).join(', ') || 'only the common ones'}</span>
                </p>
              </Entry>
            ))}
          </Entries>
        )}
      </Section>
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.known ? `Edit ${editing.known.type}` : 'Add type'}
        description="What an application may ask for in detail, and how people read it."
      >
        {editing && <DetailForm organization={organization} known={editing.known} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`Delete ${removing?.type ?? 'the type'}?`}
        consequence="Applications cannot ask for it any more, and new tokens do not contain what was allowed of it."
        button="Delete type"
        pendingText="Deleting…"
        onConfirm={() => save({ policies: withType(policies, removing!.type) }, `${removing!.type} is deleted`)}
      />
    </>
  );
}
