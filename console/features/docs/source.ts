// Reads the repository's documents at build time. Nothing of Markdown reaches the browser.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Element, Root, RootContent } from 'hast';
import { toString } from 'hast-util-to-string';
import rehypeSlug from 'rehype-slug';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import remarkRehype from 'remark-rehype';
import { unified } from 'unified';

export interface Heading {
  id: string;
  text: string;
  level: 2 | 3;
}

export interface Document {
  /** Below /docs, without a slash at either end; '' is the first page. */
  slug: string;
  /** Below the folder of documents, with forward slashes. */
  file: string;
  title: string;
  headings: Heading[];
  tree: Root;
}

const repository = 'https://github.com/clavex/clavex/blob/main/';

// Raw HTML in a document is dropped by remark-rehype, so a document cannot bring elements of its own.
const processor = unified().use(remarkParse).use(remarkGfm).use(remarkRehype).use(rehypeSlug).freeze();

/** The folder of documents beside the console's. Next.js and vitest both run in the console's folder. */
const documentsFolder = () => path.join(/* turbopackIgnore: true */ process.cwd(), '..', 'docs');

export function slugOf(file: string): string {
  return file.replace(/\.md$/, '').replace(/(^|\/)README$/, '');
}

export const addressOf = (slug: string) => (slug === '' ? '/docs' : `/docs/${slug}`);

/**
 * Where a link of a document leads on our pages: another document, or a file of the repository. Throws when it leads
 * nowhere, so a build with a broken link fails.
 */
export function resolveLink(href: string, from: string, folder: string): string {
  if (/^(https?:|mailto:|#)/.test(href)) return href;
  if (/^[a-z][a-z0-9+.-]*:/i.test(href)) throw new Error(`docs/${from}: links to ${href}, which is no web address`);
  const [target = '', anchor] = href.split('#');
  const file = path.posix.join('docs', path.posix.dirname(from), decodeURIComponent(target));
  if (file.startsWith('..') || !existsSync(path.join(folder, '..', file))) throw new Error(`docs/${from}: there is no ${target}`);
  const suffix = anchor ? `#${anchor}` : '';
  if (file.startsWith('docs/') && file.endsWith('.md')) return addressOf(slugOf(file.slice('docs/'.length))) + suffix;
  return repository + file + suffix;
}

function elementsOf(node: Root | RootContent): Element[] {
  const own = node.type === 'element' ? [node] : [];
  return 'children' in node ? [...own, ...node.children.flatMap((child) => elementsOf(child as RootContent))] : own;
}

/** Makes a document of Markdown. */
export function parseDocument(markdown: string, file: string, folder: string): Document {
  const tree = processor.runSync(processor.parse(markdown)) as Root;
  const elements = elementsOf(tree);
  const titles = elements.filter(({ tagName }) => tagName === 'h1').map(toString);
  if (titles.length !== 1 || !titles[0]) throw new Error(`docs/${file}: has ${titles.length} titles; it needs one`);
  const headings: Heading[] = [];
  for (const element of elements) {
    if (element.tagName === 'a') element.properties.href = resolveLink(String(element.properties.href), file, folder);
    if (element.tagName === 'h2' || element.tagName === 'h3') {
      headings.push({ id: String(element.properties.id), text: toString(element), level: element.tagName === 'h2' ? 2 : 3 });
    }
  }
  return { slug: slugOf(file), file, title: titles[0], headings, tree };
}

function readFolder(folder: string): Document[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => file.endsWith('.md'))
    .sort()
    .map((file) => parseDocument(readFileSync(path.join(folder, file), 'utf8'), file, folder));
}

let known: Document[] | undefined;

/** Every document. They do not change during a build; while somebody writes, they are read each time. */
export function allDocuments(): Document[] {
  if (!known || process.env.NODE_ENV === 'development') {
    known = readFolder(documentsFolder());
    checkAnchors(known);
  }
  return known;
}

/** Throws when a link names a heading that its document does not have. */
export function checkAnchors(documents: Document[]) {
  const ids = new Map(documents.map(({ slug, tree }) => [addressOf(slug), new Set(elementsOf(tree).map(({ properties }) => properties.id))]));
  for (const { file, slug, tree } of documents) {
    for (const { tagName, properties } of elementsOf(tree)) {
      const href = tagName === 'a' ? String(properties.href) : '';
      const [address, anchor] = href.split('#');
      const there = ids.get(address || addressOf(slug));
      if (anchor && there && !there.has(decodeURIComponent(anchor))) throw new Error(`docs/${file}: ${href} names no heading`);
    }
  }
}

export function documentAt(slug: string): Document {
  const found = allDocuments().find((document) => document.slug === slug);
  if (!found) throw new Error(`there is no document ${slug}`);
  return found;
}
