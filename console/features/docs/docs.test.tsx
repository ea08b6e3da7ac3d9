// @vitest-environment node
import path from 'node:path';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { Article } from './article';
import { contentsOf, neighboursOf } from './contents';
import { DocumentPage } from './page';
import { allDocuments, checkAnchors, documentAt, parseDocument, resolveLink, slugOf } from './source';

const folder = path.resolve('../docs');
const parsed = (markdown: string, file = 'running.md') => parseDocument(`# Title\n\n${markdown}`, file, folder);
const shown = (markdown: string) => renderToStaticMarkup(<Article document={parsed(markdown)} />);

describe('addresses', () => {
  test('a file has the address of its name, a README that of its folder', () => {
    expect(['README.md', 'running.md', 'decisions/README.md', 'requirements/spine.md'].map(slugOf)).toEqual(['', 'running', 'decisions', 'requirements/spine']);
  });

  test('links lead to pages, to headings of pages, and to the repository', () => {
    expect(resolveLink('configuration.md', 'running.md', folder)).toBe('/docs/configuration');
    expect(resolveLink('../architecture.md#ranks', 'decisions/README.md', folder)).toBe('/docs/architecture#ranks');
    expect(resolveLink('README.md', 'running.md', folder)).toBe('/docs');
    expect(resolveLink('../LICENSE', 'running.md', folder)).toBe('https://github.com/clavex/clavex/blob/main/LICENSE');
    expect(resolveLink('#here', 'running.md', folder)).toBe('#here');
    expect(resolveLink('https://example.com/x', 'running.md', folder)).toBe('https://example.com/x');
  });

  test('a link that leads nowhere stops the build', () => {
    expect(() => parsed('[x](nowhere.md)')).toThrow('docs/running.md: there is no nowhere.md');
    expect(() => parsed('[x](../../outside.md)')).toThrow('there is no');
    expect(() => parsed('[x](javascript:alert(1))')).toThrow('no web address');
    expect(() => checkAnchors([parsed('[x](#nothing)')])).toThrow('names no heading');
    expect(() => checkAnchors([parsed('## There\n\n[x](#there)')])).not.toThrow();
  });

  test('a document has one title', () => {
    expect(() => parseDocument('text', 'running.md', folder)).toThrow('has 0 titles');
    expect(() => parsed('# Another')).toThrow('has 2 titles');
  });
});

describe('what is shown', () => {
  test('HTML in a document is not shown and does nothing', () => {
    expect(shown('a<script>alert(1)</script><img src=x onerror=alert(1)> b\n\n<iframe src="//evil.example"></iframe>')).not.toMatch(/<script|<img|<iframe|onerror/);
  });

  test('nothing that the Content-Security-Policy forbids', () => {
    expect(shown('| a | b |\n|:--|--:|\n| 1 | 2 |')).not.toContain('style=');
  });

  test('headings can be linked to', () => {
    const html = shown('## Two words');
    expect(html).toContain('<h2 id="two-words"');
    expect(html).toContain('href="#two-words"');
    expect(html).toContain('aria-label="Link to this section"');
  });

  test('code is copied without the indentation that its place gave it', () => {
    expect(shown('1. Do\n\n        clavex doctor\n          --json')).toContain('<code>clavex doctor\n  --json</code>');
    expect(shown('```sh\nmake run\n```')).toContain('<code>make run</code>');
  });

  test('links to elsewhere tell nothing of where they are', () => {
    expect(shown('[x](https://example.com/)')).toContain('rel="noreferrer"');
  });
});

describe('the documents that are there', () => {
  test.each(allDocuments().map((document) => [document.slug || 'overview', document] as const))('%s is shown in its frame', (_, document) => {
    const html = renderToStaticMarkup(<DocumentPage document={document} />);
    expect(html.match(/<h1/g)).toHaveLength(1);
    expect(html).not.toMatch(/ style="|<style|<script/);
    expect(html).toContain('aria-current="page"');
  });

  test('each has a place in the contents, once', () => {
    const listed = contentsOf(allDocuments()).flatMap(({ entries }) => entries.flatMap((entry) => [entry, ...entry.children]));
    expect(listed.map(({ slug }) => slug).sort()).toEqual(allDocuments().map(({ slug }) => slug).sort());
    expect(contentsOf(allDocuments()).map(({ label }) => label)).toEqual(['Start', 'Operate', 'Understand']);
  });

  test('a new document is listed without being named anywhere', () => {
    const groups = contentsOf([...allDocuments(), parsed('', 'new.md')]);
    expect(groups.at(-1)).toMatchObject({ label: 'More', entries: [{ slug: 'new', label: 'Title' }] });
  });

  test('each leads to the one before and the one after', () => {
    const groups = contentsOf(allDocuments());
    expect(neighboursOf(groups, '').before).toBeUndefined();
    expect(neighboursOf(groups, '').after?.slug).toBe('running');
    expect(neighboursOf(groups, 'decisions').after?.slug).toMatch(/^decisions\/0001/);
  });

  test('an address without a document is an error', () => {
    expect(() => documentAt('nothing')).toThrow('there is no document nothing');
  });
});
