'use client';

import { useState, type ReactNode } from 'react';
import { Dialog } from '@/components/ui/dialog';
import { usePlace } from '@/lib/address';
import { cn } from '@/lib/cn';
import { usePreference } from '@/lib/preference';
import { useSignedIn } from '@/lib/session';
import { Palette, type PaletteMode } from './palette';
import { Rail } from './rail';
import { ShortcutsDialog, useShortcuts } from './shortcuts';
import { TopBar } from './top-bar';

/** Rail, top bar and content. */
export function Shell({ children }: { children: ReactNode }) {
  const session = useSignedIn();
  const place = usePlace();
  const [narrow, setNarrow] = usePreference('rail-narrow', false);
  const [singleKeys, setSingleKeys] = usePreference('single-keys', true);
  const [palette, setPalette] = useState<PaletteMode>();
  const [drawer, setDrawer] = useState(false);
  const [help, setHelp] = useState(false);
  // Pages outside of an organization show the rail of the one that was signed in to.
  const org = place?.org ?? session.organization.slug;
  useShortcuts({ org, singleKeys, openPalette: () => setPalette('all'), openHelp: () => setHelp(true) });

  const rail = (inDrawer: boolean) => (
    <Rail
      org={org}
      section={place?.org ? (place.section ?? 'overview') : 'organizations'}
      narrow={narrow && !inDrawer}
      onNarrow={inDrawer ? undefined : setNarrow}
      onSwitch={() => {
        setDrawer(false);
        setPalette('organizations');
      }}
      onNavigate={() => setDrawer(false)}
    />
  );
  return (
    <div className="flex min-h-dvh">
      <a href="#content" className="sr-only z-60 rounded-control bg-card px-4 py-2 font-medium shadow-float focus:not-sr-only focus:fixed focus:left-3 focus:top-3">
        Skip to content
      </a>
      <aside className={cn('sticky top-0 h-dvh shrink-0 border-r border-neutral-6 bg-card transition-[width] duration-[var(--motion)] max-lg:hidden', narrow ? 'w-16' : 'w-60')}>{rail(false)}</aside>
      <Dialog open={drawer} onOpenChange={setDrawer} placement="left" title="Navigation" className="p-3 sm:p-3">
        <div className="-mx-3 flex-1">{rail(true)}</div>
      </Dialog>
      <div className="flex min-w-0 flex-1 flex-col">
        <TopBar org={org} place={place ?? {}} onMenu={() => setDrawer(true)} onSearch={() => setPalette('all')} onHelp={() => setHelp(true)} />
        <main id="content" tabIndex={-1} className="mx-auto w-full max-w-6xl flex-1 px-4 pb-16 pt-6 outline-none sm:px-8">
          {children}
        </main>
      </div>
      <Palette mode={palette} org={org} onMode={setPalette} onHelp={() => setHelp(true)} />
      <ShortcutsDialog open={help} onOpenChange={setHelp} singleKeys={singleKeys} onSingleKeys={setSingleKeys} />
    </div>
  );
}
