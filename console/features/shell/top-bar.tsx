'use client';

import { useQuery } from '@tanstack/react-query';
import { BookOpen, ChevronRight, CircleUserRound, Keyboard, LogOut, Menu as MenuIcon, Monitor, Moon, Search, Sun } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { Button } from '@/components/ui/button';
import { Menu, MenuChoice, MenuChoices, MenuItem, MenuLabel, MenuSeparator } from '@/components/ui/menu';
import { Key } from '@/components/ui/surface';
import { useToast } from '@/components/ui/toast';
import { address, type Place } from '@/lib/address';
import { organizationQuery } from '@/lib/organization';
import { signOut, useSignedIn } from '@/lib/session';
import { setTheme, useTheme, type Theme } from '@/lib/theme';
import { useTitle } from '@/lib/title';
import { sections } from './sections';

interface TopBarProps {
  org: string;
  place: Place;
  onMenu: () => void;
  onSearch: () => void;
  onHelp: () => void;
}

export function TopBar({ org, place, onMenu, onSearch, onHelp }: TopBarProps) {
  return (
    <header className="sticky top-0 z-30 flex h-14 items-center gap-2 border-b border-neutral-6 bg-page/90 px-4 backdrop-blur-sm sm:px-8">
      <Button look="quiet" size="icon" aria-label="Navigation" className="-ml-2 lg:hidden" onClick={onMenu}>
        <MenuIcon aria-hidden />
      </Button>
      <Breadcrumbs org={org} place={place} />
      <button
        type="button"
        onClick={onSearch}
        className="ml-auto flex h-9 items-center gap-2 rounded-control border border-neutral-6 bg-field px-3 text-neutral-11 hover:border-neutral-8 max-md:size-9 max-md:justify-center max-md:border-transparent max-md:bg-transparent max-md:px-0 pointer-coarse:min-h-11 pointer-coarse:min-w-11"
      >
        <Search aria-hidden className="size-4" />
        <span className="max-md:sr-only">Search or go to</span>
        <span aria-hidden className="ml-4 max-md:hidden">
          <Key>Ctrl K</Key>
        </span>
      </button>
      <AccountMenu onHelp={onHelp} />
    </header>
  );
}

function Breadcrumbs({ org, place }: { org: string; place: Place }) {
  const title = useTitle();
  const { data } = useQuery(organizationQuery(org));
  const section = sections.find((entry) => entry.id === place.section);
  const parents = place.org && place.section ? [{ href: address.overview(place.org), label: data?.value.name ?? place.org }, ...(place.id && section ? [{ href: section.href(place.org), label: section.label }] : [])] : [];
  return (
    <nav aria-label="Breadcrumb" className="min-w-0 flex-1">
      <ol className="flex min-w-0 items-center gap-1.5 text-neutral-11">
        {parents.map((parent, index) => (
          <li key={parent.href} className={index === 0 && parents.length > 1 ? 'flex min-w-0 items-center gap-1.5 max-sm:hidden' : 'flex min-w-0 items-center gap-1.5'}>
            <Link href={parent.href} className="truncate rounded-[4px] hover:text-neutral-12 hover:underline">
              {parent.label}
            </Link>
            <ChevronRight aria-hidden className="size-3.5 shrink-0" />
          </li>
        ))}
        <li aria-current="page" className="min-w-0 truncate text-neutral-12">
          {title}
        </li>
      </ol>
    </nav>
  );
}

const themes: { value: Theme; label: string; icon: typeof Sun }[] = [
  { value: 'system', label: 'As the system', icon: Monitor },
  { value: 'light', label: 'Light', icon: Sun },
  { value: 'dark', label: 'Dark', icon: Moon },
];

function AccountMenu({ onHelp }: { onHelp: () => void }) {
  const { user, organization } = useSignedIn();
  const theme = useTheme();
  const toast = useToast();
  const [leaving, setLeaving] = useState(false);
  const leave = async () => {
    setLeaving(true);
    try {
      await signOut();
    } catch {
      setLeaving(false);
      toast('You are still signed in: the server did not answer. Try again.');
    }
  };
  return (
    <Menu
      align="end"
      width="w-64"
      trigger={
        <Button look="quiet" size="icon" aria-label="Account and appearance" pending={leaving} pendingText="…">
          <CircleUserRound aria-hidden className="!size-5" />
        </Button>
      }
    >
      <div className="px-2.5 pb-2 pt-1.5">
        <p className="truncate font-medium">{user.name || user.username}</p>
        <p className="truncate text-12 text-neutral-11">
          {user.username} · {organization.name}
        </p>
      </div>
      <MenuSeparator />
      <MenuLabel>Appearance</MenuLabel>
      <MenuChoices value={theme} onValueChange={(value) => setTheme(value as Theme)}>
        {themes.map(({ value, label, icon: Icon }) => (
          <MenuChoice key={value} value={value}>
            <Icon aria-hidden />
            {label}
          </MenuChoice>
        ))}
      </MenuChoices>
      <MenuSeparator />
      <MenuItem asChild>
        <a href={address.documents()}>
          <BookOpen aria-hidden />
          Documentation
        </a>
      </MenuItem>
      <MenuItem onSelect={onHelp}>
        <Keyboard aria-hidden />
        Keyboard shortcuts
        <span aria-hidden className="ml-auto">
          <Key>?</Key>
        </span>
      </MenuItem>
      <MenuItem onSelect={() => void leave()}>
        <LogOut aria-hidden />
        Sign out
      </MenuItem>
    </Menu>
  );
}
