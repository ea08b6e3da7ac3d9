import type { Document } from './source';

export interface Entry {
  slug: string;
  label: string;
  /** What stands below it, shown when the reader is there. */
  children: Entry[];
}

export interface Group {
  label: string;
  entries: Entry[];
}

/** The order in which a reader needs the documents. What is not named here stands at the end under its own title. */
const order: { label: string; entries: [slug: string, label: string][] }[] = [
  { label: 'Start', entries: [['', 'Overview'], ['running', 'Running'], ['registering-applications', 'Registering applications'], ['oauth', 'OAuth beyond signing in'], ['mcp', 'MCP servers'], ['accounts', 'Accounts and mail']] },
  { label: 'Operate', entries: [['configuration', 'Configuration'], ['operations', 'Operations'], ['performance', 'Performance']] },
  {
    label: 'Understand',
    entries: [['architecture', 'Architecture'], ['divergences', 'Divergences'], ['requirements/spine', 'Proofs'], ['requirements/openid-connect', 'Proofs: OpenID Connect'], ['requirements/oauth', 'Proofs: OAuth and FAPI'], ['requirements/accounts', 'Proofs: accounts and mail'], ['conformance', 'Conformance'], ['decisions', 'Decisions']],
  },
];

export function contentsOf(documents: Document[]): Group[] {
  const named = new Set(order.flatMap(({ entries }) => entries.map(([slug]) => slug)));
  const parentOf = (slug: string) => [...named].find((parent) => parent !== '' && slug.startsWith(`${parent}/`));
  const entry = (slug: string, label: string): Entry => ({
    slug,
    label,
    children: documents.filter((document) => !named.has(document.slug) && parentOf(document.slug) === slug).map((document) => entry(document.slug, document.title)),
  });
  const groups = order.map(({ label, entries }) => ({
    label,
    entries: entries.filter(([slug]) => documents.some((document) => document.slug === slug)).map(([slug, name]) => entry(slug, name)),
  }));
  const others = documents.filter(({ slug }) => !named.has(slug) && !parentOf(slug)).map(({ slug, title }) => entry(slug, title));
  return [...groups, { label: 'More', entries: others }].filter(({ entries }) => entries.length > 0);
}

/** The pages before and after one, in the order of the contents. */
export function neighboursOf(groups: Group[], slug: string): { before?: Entry; after?: Entry } {
  const all = groups.flatMap(({ entries }) => entries.flatMap((entry) => [entry, ...entry.children]));
  const at = all.findIndex((entry) => entry.slug === slug);
  return at < 0 ? {} : { before: all[at - 1], after: all[at + 1] };
}
