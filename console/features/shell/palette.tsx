'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Command } from 'cmdk';
import { AppWindow, Building2, Keyboard, Plus, UserRound, type LucideIcon } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { Dialog as RadixDialog } from 'radix-ui';
import { useDeferredValue, useState, type ReactNode } from 'react';
import { api, read } from '@/lib/api';
import { address } from '@/lib/address';
import { useMay, useSignedIn } from '@/lib/session';
import { sections } from './sections';

export type PaletteMode = 'all' | 'organizations' | undefined;

interface PaletteProps {
  mode: PaletteMode;
  org: string;
  onMode: (mode: PaletteMode) => void;
  onHelp: () => void;
}

/** One field that finds pages, actions, organizations, users and clients. */
export function Palette({ mode, org, onMode, onHelp }: PaletteProps) {
  return (
    <RadixDialog.Root open={mode !== undefined} onOpenChange={(open) => !open && onMode(undefined)}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <RadixDialog.Content
          aria-describedby={undefined}
          className="fixed left-1/2 top-[10vh] z-50 w-[min(100vw-2rem,36rem)] -translate-x-1/2 overflow-hidden rounded-card border border-neutral-6 bg-card shadow-float"
        >
          <RadixDialog.Title className="sr-only">{mode === 'organizations' ? 'Switch organization' : 'Search or go to'}</RadixDialog.Title>
          {mode && <Commands mode={mode} org={org} close={() => onMode(undefined)} onHelp={onHelp} />}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

function Commands({ mode, org, close, onHelp }: { mode: 'all' | 'organizations'; org: string; close: () => void; onHelp: () => void }) {
  const router = useRouter();
  const { permissions } = useSignedIn();
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const platform = useMay('platform:read');
  const go = (href: string) => {
    close();
    router.push(href);
  };
  const creates = [
    { label: 'Create a user', href: address.newUser(org), allowed: permissions.includes('users:write') },
    { label: 'Create a client', href: address.newClient(org), allowed: permissions.includes('clients:write') },
    { label: 'Create an organization', href: address.newOrganization(), allowed: permissions.includes('platform:write') },
  ].filter((create) => create.allowed);
  return (
    <Command label="Search or go to" loop className="flex max-h-[70vh] flex-col">
      <Command.Input
        autoFocus
        value={typed}
        onValueChange={setTyped}
        placeholder={mode === 'organizations' ? 'Find an organization' : 'Search or go to'}
        className="h-13 w-full border-b border-neutral-6 bg-transparent px-4 text-16 outline-none"
      />
      <Command.List className="overflow-y-auto p-2 [&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-12 [&_[cmdk-group-heading]]:text-neutral-11">
        <Command.Empty className="px-3 py-8 text-center text-neutral-11">Nothing found.</Command.Empty>
        {mode === 'all' && (
          <>
            <Command.Group heading="Go to">
              {sections
                .filter((entry) => permissions.includes(entry.permission))
                .map((entry) => (
                  <Entry key={entry.id} icon={entry.icon} value={`go ${entry.label}`} onSelect={() => go(entry.href(org))}>
                    {entry.label}
                  </Entry>
                ))}
              {platform && (
                <Entry icon={Building2} value="go Organizations" onSelect={() => go(address.organizations())}>
                  Organizations
                </Entry>
              )}
            </Command.Group>
            <Command.Group heading="Do">
              {creates.map((create) => (
                <Entry key={create.href} icon={Plus} value={create.label} onSelect={() => go(create.href)}>
                  {create.label}
                </Entry>
              ))}
              <Entry
                icon={Keyboard}
                value="Keyboard shortcuts"
                onSelect={() => {
                  close();
                  onHelp();
                }}
              >
                Keyboard shortcuts
              </Entry>
            </Command.Group>
            {q.length > 1 && permissions.includes('users:read') && <UserEntries org={org} q={q} go={go} />}
            {q.length > 1 && permissions.includes('clients:read') && <ClientEntries org={org} q={q} go={go} />}
          </>
        )}
        {platform && (mode === 'organizations' || q.length > 1) && <OrganizationEntries q={q} go={go} />}
      </Command.List>
    </Command>
  );
}

function Entry({ icon: Icon, value, onSelect, children }: { icon: LucideIcon; value: string; onSelect: () => void; children: ReactNode }) {
  return (
    <Command.Item value={value} onSelect={onSelect} className="flex min-h-10 cursor-pointer items-center gap-3 rounded-control px-2.5 aria-selected:bg-neutral-4 pointer-coarse:min-h-11">
      <Icon aria-hidden className="size-4 shrink-0 text-neutral-11" />
      {children}
    </Command.Item>
  );
}

function Found({ name, detail }: { name: string; detail: string }) {
  return (
    <span className="flex min-w-0 flex-1 items-baseline justify-between gap-3">
      <span className="truncate">{name}</span>
      <span className="truncate text-12 text-neutral-11">{detail}</span>
    </span>
  );
}

interface FoundProps {
  q: string;
  go: (href: string) => void;
}

function OrganizationEntries({ q, go }: FoundProps) {
  const { data } = useQuery({
    queryKey: ['palette', 'organizations', q],
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs', { params: { query: { q: q || undefined, limit: 8 } }, signal })),
    placeholderData: keepPreviousData,
  });
  return (
    <Command.Group heading="Organizations">
      {data?.items.map((item) => (
        <Entry key={item.id} icon={Building2} value={`organization ${item.name} ${item.slug}`} onSelect={() => go(address.overview(item.slug))}>
          <Found name={item.name} detail={item.slug} />
        </Entry>
      ))}
    </Command.Group>
  );
}

function UserEntries({ org, q, go }: FoundProps & { org: string }) {
  const { data } = useQuery({
    queryKey: ['palette', 'users', org, q],
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/users', { params: { path: { org }, query: { q, limit: 5 } }, signal })),
    placeholderData: keepPreviousData,
  });
  return (
    <Command.Group heading="Users">
      {data?.items.map((item) => (
        <Entry key={item.id} icon={UserRound} value={`user ${item.username} ${item.name ?? ''} ${item.email ?? ''} ${item.id}`} onSelect={() => go(address.user(org, item.id))}>
          <Found name={item.name || item.username} detail={item.username} />
        </Entry>
      ))}
    </Command.Group>
  );
}

function ClientEntries({ org, q, go }: FoundProps & { org: string }) {
  const { data } = useQuery({
    queryKey: ['palette', 'clients', org, q],
    queryFn: ({ signal }) => read(api.GET('/api/v1/orgs/{org}/clients', { params: { path: { org }, query: { q, limit: 5 } }, signal })),
    placeholderData: keepPreviousData,
  });
  return (
    <Command.Group heading="Clients">
      {data?.items.map((item) => (
        <Entry key={item.id} icon={AppWindow} value={`client ${item.client_name} ${item.client_id} ${item.id}`} onSelect={() => go(address.client(org, item.id))}>
          <Found name={item.client_name} detail={item.client_id} />
        </Entry>
      ))}
    </Command.Group>
  );
}
