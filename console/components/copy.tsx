'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './ui/button';

/** Copies a value; says so to the eye and to a screen reader. */
export function CopyButton({ value, what, withText }: { value: string; what: string; withText?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Button
      look={withText ? 'secondary' : 'quiet'}
      size={withText ? 'normal' : 'small-icon'}
      aria-label={withText ? undefined : `Copy ${what}`}
      onClick={async () => {
        await navigator.clipboard.writeText(value);
        setCopied(true);
      }}
    >
      {copied ? <Check aria-hidden className="text-success" /> : <Copy aria-hidden />}
      {withText && (copied ? 'Copied' : 'Copy')}
      <span role="status" className="sr-only">
        {copied && !withText ? 'Copied' : ''}
      </span>
    </Button>
  );
}

/** An identifier or other exact value, in full, with its copy button. */
export function Copyable({ value, what }: { value: string; what: string }) {
  return (
    <span className="flex min-w-0 items-center gap-1">
      <code className="min-w-0 break-all font-mono text-12">{value}</code>
      <CopyButton value={value} what={what} />
    </span>
  );
}
