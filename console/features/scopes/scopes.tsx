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
import type { Organization, ScopeDefinition, Versioned } from '@/lib/api';
import { languages } from '@/lib/languages';
import { ScopeForm } from './scope-form';
import { standardScopes, withScope } from './values';

const isStandard = (name: string) => standardScopes.some((scope) => scope.name === name);

/** The scopes of the organization's own, and those of OpenID Connect with what they stand for here. */
export function Scopes({ organization }: { organization: Versioned<Organization> }) {
  const { policies } = organization.value;
  const { editable, save } = useOrganizationUpdate(organization);
  const [editing, setEditing] = useState<{ scope?: ScopeDefinition; standard?: boolean }>();
  const [removing, setRemoving] = useState<ScopeDefinition>();
  const own = policies.scopes.filter(({ name }) => !isStandard(name));
  const resetting = removing !== undefined && isStandard(removing.name);
  return (
    <>
      <Section
        title="Your own scopes"
        description="A client also needs the scope among its scopes to ask for it."
        action={
          editable && (
            <Button look="primary" data-create onClick={() => setEditing({})}>
              <Plus aria-hidden />
              Add scope
            </Button>
          )
        }
      >
        {own.length === 0 ? (
          <Empty title="No scopes of your own yet">Add one to let applications ask for claims of yours, or for a permission at an API.</Empty>
        ) : (
          <Entries label="Your own scopes">
            {own.map((scope) => (
              <Entry
                key={scope.name}
                title={scope.name}
                actions={
                  editable && (
                    <>
                      <Button size="small" aria-label={`Edit ${scope.name}`} onClick={() => setEditing({ scope })}>
                        Edit
                      </Button>
                      <Button size="small" look="danger-outline" aria-label={`Delete ${scope.name}`} onClick={() => setRemoving(scope)}>
                        Delete
                      </Button>
                    </>
                  )
                }
              >
                <p className="break-words">{wordsOf(scope) ?? <span className="text-neutral-11">The consent page shows its name: there is no description.</span>}</p>
                <Told claims={scope.claims ?? []} />
              </Entry>
            ))}
          </Entries>
        )}
      </Section>
      <Section title="Scopes of OpenID Connect" description="openid says who somebody is by an identifier alone, offline_access lets an application act while the person is away. These stand for claims:">
        <Entries label="Scopes of OpenID Connect">
          {standardScopes.map(({ name, about, claims }) => {
            const changed = policies.scopes.find((scope) => scope.name === name);
            return (
              <Entry
                key={name}
                title={name}
                badge={changed && <Badge tone="brand">Changed here</Badge>}
                actions={
                  editable && (
                    <>
                      <Button size="small" aria-label={`Edit ${name}`} onClick={() => setEditing({ scope: changed ?? { name, claims }, standard: true })}>
                        Edit
                      </Button>
                      {changed && (
                        <Button size="small" aria-label={`Reset ${name}`} onClick={() => setRemoving(changed)}>
                          Reset
                        </Button>
                      )}
                    </>
                  )
                }
              >
                <p>{(changed && wordsOf(changed)) ?? about}</p>
                <Told claims={changed ? (changed.claims ?? []) : claims} />
              </Entry>
            );
          })}
        </Entries>
      </Section>
      <Dialog
        open={editing !== undefined}
        onOpenChange={(open) => !open && setEditing(undefined)}
        placement="side"
        title={editing?.scope ? `Edit ${editing.scope.name}` : 'Add scope'}
        description="What people are asked on the consent page, and what the application then gets to know."
      >
        {editing && <ScopeForm organization={organization} scope={editing.scope} standard={editing.standard} close={() => setEditing(undefined)} />}
      </Dialog>
      <Confirm
        open={removing !== undefined}
        onOpenChange={(open) => !open && setRemoving(undefined)}
        title={`${resetting ? 'Reset' : 'Delete'} ${removing?.name ?? 'the scope'}?`}
        consequence={
          resetting
            ? 'It stands for the claims of the specification again, and the consent page says its usual words.'
            : 'Applications that ask for it get no claims for it any more. Claims stay, and so do the scopes of clients: give the name to something else only after you have taken it from them.'
        }
        button={resetting ? 'Reset scope' : 'Delete scope'}
        look={resetting ? 'primary' : 'danger'}
        pendingText={resetting ? 'Resetting…' : 'Deleting…'}
        onConfirm={() => save({ policies: withScope(policies, removing!.name) }, resetting ? `${removing!.name} is as the specification says` : `${removing!.name} is deleted`)}
      />
    </>
  );
}

/** What the consent page says, in the first language there is. */
function wordsOf({ description }: ScopeDefinition): string | undefined {
  return languages.map(({ tag }) => description?.[tag]).find(Boolean) ?? Object.values(description ?? {})[0];
}

function Told({ claims }: { claims: string[] }) {
  if (claims.length === 0) return <p className="text-12 text-neutral-11">Stands for no claim.</p>;
  return (
    <p className="break-words text-12 text-neutral-11">
      Claims: <span className="font-mono">{claims.join(', ')}</span>
    </p>
  );
}
