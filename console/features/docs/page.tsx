import { ArrowLeft, ArrowRight } from 'lucide-react';
import { Mark } from '@/components/mark';
import { ThemeToggle } from '@/components/theme-toggle';
import { buttonStyle } from '@/components/ui/button';
import { cn } from '@/lib/cn';
import { Article } from './article';
import { contentsOf, neighboursOf, type Entry, type Group } from './contents';
import { addressOf, allDocuments, type Document, type Heading } from './source';

const isWithin = (slug: string, entry: Entry) => slug === entry.slug || entry.children.some((child) => child.slug === slug);

function ContentsEntry({ entry, slug }: { entry: Entry; slug: string }) {
  const current = slug === entry.slug;
  return (
    <li>
      <a
        href={addressOf(entry.slug)}
        aria-current={current ? 'page' : undefined}
        className={cn(
          'block rounded-control px-3 py-1.5 leading-snug hover:bg-neutral-4 pointer-coarse:py-2.5',
          current ? 'bg-brand-4 font-medium text-brand-12' : 'text-neutral-11 hover:text-neutral-12',
        )}
      >
        {entry.label}
      </a>
      {entry.children.length > 0 && isWithin(slug, entry) && (
        <ul className="ml-3 mt-1 border-l border-neutral-6 pl-2 text-[0.8125rem]">
          {entry.children.map((child) => (
            <ContentsEntry key={child.slug} entry={child} slug={slug} />
          ))}
        </ul>
      )}
    </li>
  );
}

function Contents({ groups, slug }: { groups: Group[]; slug: string }) {
  return groups.map(({ label, entries }) => (
    <div key={label} className="mb-5">
      <h2 className="mb-1 px-3 text-12 font-medium text-neutral-9">{label}</h2>
      <ul className="grid gap-0.5">
        {entries.map((entry) => (
          <ContentsEntry key={entry.slug} entry={entry} slug={slug} />
        ))}
      </ul>
    </div>
  ));
}

function OnThisPage({ headings }: { headings: Heading[] }) {
  if (headings.length < 2) return null;
  return (
    <nav aria-label="On this page" className="sticky top-14 max-h-[calc(100dvh-3.5rem)] overflow-y-auto py-8">
      <h2 className="mb-2 text-12 font-medium text-neutral-9">On this page</h2>
      <ul className="grid gap-1.5 text-[0.8125rem] leading-snug">
        {headings.map(({ id, text, level }) => (
          <li key={id} className={level === 3 ? 'pl-3' : undefined}>
            <a href={`#${id}`} className="rounded-[4px] text-neutral-11 hover:text-neutral-12 hover:underline">
              {text}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Neighbour({ entry, to }: { entry?: Entry; to: 'before' | 'after' }) {
  if (!entry) return <span />;
  return (
    <a
      href={addressOf(entry.slug)}
      rel={to === 'before' ? 'prev' : 'next'}
      className={cn('grid gap-0.5 rounded-control border border-neutral-6 bg-card px-4 py-3 hover:border-neutral-8', to === 'after' && 'text-right')}
    >
      <span className={cn('flex items-center gap-1 text-12 text-neutral-11', to === 'after' && 'justify-end')}>
        {to === 'before' && <ArrowLeft aria-hidden className="size-3.5" />}
        {to === 'before' ? 'Before' : 'Next'}
        {to === 'after' && <ArrowRight aria-hidden className="size-3.5" />}
      </span>
      <span className="font-medium">{entry.label}</span>
    </a>
  );
}

/**
 * A document in its frame: header, contents, text, headings. Every link is a page load: a page comes from one file that
 * needs no JavaScript, and the router's data for it are not even exported (scripts/csp-hashes.mjs).
 */
export function DocumentPage({ document }: { document: Document }) {
  const groups = contentsOf(allDocuments());
  const { before, after } = neighboursOf(groups, document.slug);
  return (
    <>
      <a href="#content" className="sr-only z-60 rounded-control bg-card px-4 py-2 font-medium shadow-float focus:not-sr-only focus:fixed focus:left-3 focus:top-3">
        Skip to content
      </a>
      <header className="sticky top-0 z-30 border-b border-neutral-6 bg-page/90 backdrop-blur-sm">
        <div className="mx-auto flex h-14 max-w-[90rem] items-center gap-3 px-4 sm:px-6">
          <a href={addressOf('')} className="flex items-center gap-2.5 rounded-control">
            <Mark className="h-7" />
            <span className="text-neutral-11">Docs</span>
          </a>
          <div className="ml-auto flex items-center gap-1">
            <ThemeToggle />
            <a href="/console/" className={buttonStyle({ look: 'secondary' })}>
              Console
            </a>
          </div>
        </div>
        <details key={document.slug} className="border-t border-neutral-6 lg:hidden">
          <summary className="px-4 py-2.5 font-medium sm:px-6">Contents</summary>
          <nav aria-label="Contents" className="max-h-[70dvh] overflow-y-auto px-1 pb-2 pt-1 sm:px-3">
            <Contents groups={groups} slug={document.slug} />
          </nav>
        </details>
      </header>
      <div className="mx-auto grid max-w-[90rem] lg:grid-cols-[15rem_minmax(0,1fr)] xl:grid-cols-[15rem_minmax(0,1fr)_14rem]">
        <aside className="border-r border-neutral-6 max-lg:hidden">
          <nav aria-label="Contents" className="sticky top-14 max-h-[calc(100dvh-3.5rem)] overflow-y-auto px-3 py-8">
            <Contents groups={groups} slug={document.slug} />
          </nav>
        </aside>
        <main id="content" tabIndex={-1} className="min-w-0 px-4 pb-16 pt-8 outline-none sm:px-8">
          <div className="mx-auto max-w-[52rem]">
            <Article document={document} />
            <nav aria-label="Pages before and after" className="mt-12 grid gap-3 sm:grid-cols-2">
              <Neighbour entry={before} to="before" />
              <Neighbour entry={after} to="after" />
            </nav>
          </div>
        </main>
        <div className="pr-6 max-xl:hidden">
          <OnThisPage headings={document.headings} />
        </div>
      </div>
    </>
  );
}
