'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import type { ReactNode } from 'react';

/** The link of a list's row. Its page is fetched ahead when somebody points at it, not for every row at once. */
export function RowLink({ href, children }: { href: string; children: ReactNode }) {
  const router = useRouter();
  const ahead = () => router.prefetch(href);
  return (
    <Link href={href} prefetch={false} onMouseEnter={ahead} onFocus={ahead} className="block truncate font-medium hover:underline">
      {children}
    </Link>
  );
}
