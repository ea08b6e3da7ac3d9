'use client';

import { Plus } from 'lucide-react';
import { useState } from 'react';
import { Confirm } from '@/components/danger';
import { Entries, Entry } from '@/components/entries';
import { Empty } from '@/components/states';
import { Button } from '@/components/ui/button';
import { Dialog } from '@/components/ui/dialog';
import { Badge, Section } from '@/components/ui/surface';
import { useOrganizationUpdate } from '@/components/use-organization-update';
import type { ClaimDefinition, Organization, Versioned } from '@/lib/api';
import { ClaimForm } from './claim-form';
import { scopesOf, withClaim } from './values';

/** The claims that the organization makes of attributes of its people. */
export function Claims({ organization }: { organization: Versioned<Organization> }) {
  const { policies } = organization.value;
  const { editable, save } = useOrganizationUpdate(organization);
  const [editing, setEditing] = useState<{ claim?: ClaimDefinition }>();
  const [removing, setRemoving] = useState<ClaimDefinition>();
  const tellers = removing ? scopesOf(policies, removing.name) : [];
  return (
    <>
      <Section
        title="Your own claims"
        description="Made of the attributes of people, which are written on the page of a user. A claim is told when a scope names it, and left out for people without the attribute."
        action={
          editable && (
            <Button look="primary" data-create onClick={() => setEditing({})}>
              <Plus aria-hidden />
              Add claim
            </Button>
          )
        }
      >
        {policies.claims.length === 0 ? (
          <Empty title="No claims of your own yet">Applications then know people by the claims of OpenID Connect: names, addresses, telephone.</Empty>
        ) : (
          <Entries label="Your own claims">
            {policies.claims.map((claim) => {
              const scopes = scopesOf(policies, claim.name);
              return (
                <Entry
                  key={claim.name}
                  title={claim.name}
                  badge={scopes.length === 0 && <Badge tone="warning">No scope tells it</Badge>}
                  actions={
                    editable && (
                      <>
                        <Button size="small" aria-label={`Edit ${claim.name}`} onClick={() => setEditing({ claim })}>
                          Edit
                        </Button>
                        <Button size="small" look="danger-outline" aria-label={`Delete ${claim.name}`} onClick={() => setRemoving(claim)}>
                          Delete
                        </Button>
                      </>
                    )
                  }
                >
                  <p className="break-all">
                    Attribute <code className="font-mono text-12">{claim.attribute}</code>
                  </p>
                  {scopes.length > 0 && (
                    <p className="break-all text-12 text-neutral-11">
                      Told with: <span className="font-mono">{scopes.join(', ')}</span>
                    </p>
                  )}
                </Entry>
              );
            })}
          </Entries>
        )}
      </Section>
      <Dialog open={editing !== undefined} onOpenChange={(open) => !open && setEditing(undefined)} placement="side" title={editing?.claim ? `Edit ${editing.claim.name}` : 'Add claim'} description="What applications read, and where it comes from.">
        {editing && <ClaimForm organization={organization} claim={editing.claim} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`Delete ${removing?.name ?? 'the claim'}?`}
        consequence={`Applications are told it no longer. The attributes of people stay.${tellers.length > 0 ? ` It is also taken out of ${tellers.join(', ')}.` : ''}`}
        button="Delete claim"
        pendingText="Deleting…"
        onConfirm={() => save({ policies: withClaim(policies, removing!.name) }, `${removing!.name} is deleted`)}
      />
    </>
  );
}
