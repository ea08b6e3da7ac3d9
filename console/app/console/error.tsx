'use client';

import { Crash } from '@/components/crash';

export default function ConsoleError({ error, reset }: { error: Error; reset: () => void }) {
  return <Crash error={error} reset={reset} />;
}
