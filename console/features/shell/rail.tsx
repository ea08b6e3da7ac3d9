'use client';

import { useQuery } from '@tanstack/react-query';
import { Building2, ChevronsUpDown, PanelLeftClose, PanelLeftOpen, type LucideIcon } from 'lucide-react';
import Link from 'next/link';
import { Mark } from '@/components/mark';
import { Button } from '@/components/ui/button';
import { Tooltip } from '@/components/ui/tooltip';
import { address } from '@/lib/address';
import { cn } from '@/lib/cn';
import { useMay, useSignedIn } from '@/lib/session';
import { organizationQuery } from '@/lib/organization';
import { sections } from './sections';

interface RailProps {
  org: string;
  section: string;
  narrow: boolean;
  onNarrow?: (narrow: boolean) => void;
  onSwitch: () => void;
  onNavigate: () => void;
}

export function Rail({ org, section, narrow, onNarrow, onSwitch, onNavigate }: RailProps) {
  const { permissions } = useSignedIn();
  const platform = useMay('platform:read');
  return (
    <div className={cn('flex h-full flex-col gap-4 px-3 pb-3', onNarrow && 'pt-3.5')}>
      {onNarrow && (
        <Link href={address.overview(org)} className="flex h-8 items-center rounded-control px-1" aria-label="Clavex, overview">
          <Mark className="h-7" compact={narrow} />
        </Link>
      )}
      <Switcher org={org} narrow={narrow} enabled={platform} onSwitch={onSwitch} />
      <nav aria-label="Organization" className="grid gap-0.5">
        {sections
          .filter((entry) => permissions.includes(entry.permission))
          .map((entry) => (
            <RailLink key={entry.id} href={entry.href(org)} icon={entry.icon} label={entry.label} active={section === entry.id} narrow={narrow} onNavigate={onNavigate} />
          ))}
      </nav>
      {platform && (
        <nav aria-label="Platform" className="grid gap-0.5 border-t border-neutral-5 pt-4">
          <RailLink href={address.organizations()} icon={Building2} label="Organizations" active={section === 'organizations'} narrow={narrow} onNavigate={onNavigate} />
        </nav>
      )}
      {onNarrow && (
        <Button look="quiet" size="icon" className="mt-auto" aria-label={narrow ? 'Widen the navigation' : 'Narrow the navigation'} onClick={() => onNarrow(!narrow)}>
          {narrow ? <PanelLeftOpen aria-hidden /> : <PanelLeftClose aria-hidden />}
        </Button>
      )}
    </div>
  );
}

function RailLink({ href, icon: Icon, label, active, narrow, onNavigate }: { href: string; icon: LucideIcon; label: string; active: boolean; narrow: boolean; onNavigate: () => void }) {
  const link = (
    <Link
      href={href}
      onClick={onNavigate}
      aria-current={active ? 'page' : undefined}
      aria-label={narrow ? label : undefined}
      className={cn(
        'flex h-9 items-center gap-3 rounded-control px-3 font-medium max-lg:h-11',
        active ? 'bg-brand-4 text-brand-12' : 'text-neutral-11 hover:bg-neutral-4 hover:text-neutral-12',
        narrow && 'justify-center px-0',
      )}
    >
      <Icon aria-hidden className="size-4 shrink-0" />
      {!narrow && label}
    </Link>
  );
  return narrow ? <Tooltip text={label}>{link}</Tooltip> : link;
}

function Switcher({ org, narrow, enabled, onSwitch }: { org: string; narrow: boolean; enabled: boolean; onSwitch: () => void }) {
  const { data } = useQuery(organizationQuery(org));
  const name = data?.value.name ?? org;
  const content = (
    <>
      <span aria-hidden className="grid size-7 shrink-0 place-items-center rounded-[7px] bg-brand-9 text-12 font-semibold uppercase text-brand-on">
        {name.slice(0, 2)}
      </span>
      {!narrow && (
        <span className="min-w-0 flex-1 text-left leading-tight">
          <span className="block truncate font-medium">{name}</span>
          <span className="block truncate text-12 text-neutral-11">{org}</span>
        </span>
      )}
    </>
  );
  const frame = cn('flex h-12 w-full items-center gap-2.5 rounded-control border border-neutral-6 px-2', narrow && 'justify-center border-transparent px-0');
  if (!enabled) return <div className={frame}>{content}</div>;
  return (
    <button type="button" onClick={onSwitch} aria-label={`Switch organization, now ${name}`} className={cn(frame, 'hover:bg-neutral-3')}>
      {content}
      {!narrow && <ChevronsUpDown aria-hidden className="size-4 shrink-0 text-neutral-11" />}
    </button>
  );
}
