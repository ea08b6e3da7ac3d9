'use client';

import { useEffect } from 'react';
import { isMissingChunk, reloadOnce } from '@/lib/reload';
import { Button } from './ui/button';
import { Card } from './ui/surface';

/** A fault of the console itself. */
export function Crash({ error, reset }: { error: Error; reset: () => void }) {
  useEffect(() => {
    if (isMissingChunk(error)) reloadOnce();
  }, [error]);
  return (
    <Card role="alert" className="mx-auto mt-16 grid max-w-[440px] gap-4 p-6">
      <h1 className="text-18 font-semibold">This page stopped working</h1>
      <p className="text-neutral-11">The fault is in the console, not in what you did. Nothing that was saved is lost.</p>
      <p className="break-words font-mono text-12 text-neutral-11">{error.message}</p>
      <div className="flex gap-2">
        <Button look="primary" onClick={reset}>
          Try again
        </Button>
        <Button onClick={() => window.location.reload()}>Load the page again</Button>
      </div>
    </Card>
  );
}
