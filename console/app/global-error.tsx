'use client';

import { Crash } from '@/components/crash';
import './globals.css';

export default function GlobalError({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <html lang="en">
      <body>
        <main>
          <Crash error={error} reset={reset} />
        </main>
      </body>
    </html>
  );
}
