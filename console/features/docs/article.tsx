import type { Element } from 'hast';
import { toJsxRuntime, type Components } from 'hast-util-to-jsx-runtime';
import { toString } from 'hast-util-to-string';
import { Link2 } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { Fragment, jsx, jsxs } from 'react/jsx-runtime';
import { CopyButton } from '@/components/copy';
import { cn } from '@/lib/cn';
import type { Document } from './source';

type With<Tag extends keyof React.JSX.IntrinsicElements> = ComponentProps<Tag> & { node?: Element };

function heading(Tag: 'h2' | 'h3' | 'h4', look: string) {
  return function Heading({ id, children }: { id?: string; children?: ReactNode }) {
    return (
      <Tag id={id} className={cn('group scroll-mt-20 break-words font-semibold leading-tight', look)}>
        {children}
        <a
          href={`#${id}`}
          aria-label="Link to this section"
          className="ml-2 inline-block rounded-[4px] align-[-0.1em] text-neutral-9 opacity-0 hover:text-neutral-12 focus-visible:opacity-100 group-hover:opacity-100"
        >
          <Link2 aria-hidden className="size-4" />
        </a>
      </Tag>
    );
  };
}

const linkLook = 'rounded-[4px] break-words text-brand-11 underline decoration-brand-7 underline-offset-3 hover:decoration-current';

function Anchor({ href = '', children }: { href?: string; children?: ReactNode }) {
  const elsewhere = /^https?:/.test(href) ? { rel: 'noreferrer' } : {};
  return (
    <a href={href} className={linkLook} {...elsewhere}>
      {children}
    </a>
  );
}

function Code({ className, children }: With<'code'>) {
  // In a block the frame is the block's.
  if (className?.startsWith('language-')) return <code>{children}</code>;
  return <code className="rounded-[4px] bg-neutral-4 px-1 py-0.5 font-mono text-[0.875em] break-words box-decoration-clone">{children}</code>;
}

/** The text without the indentation that all its lines share, so that a copied command is the command. */
function dedent(text: string): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const shared = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(shared)).join('\n');
}

function CodeBlock({ node }: With<'pre'>) {
  const text = node ? dedent(toString(node)) : '';
  return (
    <div className="relative rounded-control border border-neutral-6 bg-neutral-3">
      <pre tabIndex={0} aria-label="Code" role="group" className="overflow-x-auto rounded-control px-4 py-3 pr-14 font-mono text-14 leading-relaxed [tab-size:2]">
        <code>{text}</code>
      </pre>
      <div className="absolute right-0 top-0 rounded-control bg-neutral-3 p-1.5">
        <CopyButton value={text} what="code" />
      </div>
    </div>
  );
}

function columnsOf(table: Element | undefined): number {
  const rows = (parent: Element): Element[] => parent.children.filter((child): child is Element => child.type === 'element');
  const row = table && rows(table).flatMap(rows)[0];
  return row ? rows(row).length : 0;
}

function Table({ node, children }: With<'table'>) {
  return (
    <div tabIndex={0} role="group" aria-label="Table" className="overflow-x-auto rounded-control border border-neutral-6 bg-card">
      <table className={cn('w-full border-collapse text-left text-14', columnsOf(node) > 2 && 'min-w-[38rem]')}>{children}</table>
    </div>
  );
}

const components: Partial<Components> = {
  h1: ({ children }) => <h1 className="break-words text-28 font-semibold leading-tight tracking-tight">{children}</h1>,
  h2: heading('h2', 'mt-6 text-22'),
  h3: heading('h3', 'mt-3 text-18'),
  h4: heading('h4', 'mt-2 text-16'),
  p: ({ children }) => <p>{children}</p>,
  a: Anchor,
  ul: ({ children }) => <ul className="grid list-disc gap-1.5 pl-5 marker:text-neutral-8">{children}</ul>,
  ol: ({ children, start }) => (
    <ol start={start} className="grid list-decimal gap-1.5 pl-6 marker:text-neutral-9">
      {children}
    </ol>
  ),
  li: ({ children }) => <li className="min-w-0 [&>pre]:mt-2 [&>*+*]:mt-2">{children}</li>,
  blockquote: ({ children }) => <blockquote className="grid gap-3 border-l-2 border-brand-7 pl-4 text-neutral-11">{children}</blockquote>,
  hr: () => <hr className="border-neutral-6" />,
  code: Code,
  pre: CodeBlock,
  table: Table,
  th: ({ children }) => <th className="border-b border-neutral-6 bg-neutral-3 px-3 py-2 align-bottom font-medium text-neutral-11">{children}</th>,
  td: ({ children }) => <td className="border-t border-neutral-5 px-3 py-2 align-top">{children}</td>,
};

/** A document as React elements, made of a syntax tree: there is no string of HTML anywhere. */
export function Article({ document }: { document: Document }) {
  return (
    <article className="grid min-w-0 gap-4 text-16 leading-relaxed [&>*]:min-w-0">
      {toJsxRuntime(document.tree, { Fragment, jsx, jsxs, components, passNode: true, tableCellAlignToStyle: false })}
    </article>
  );
}
