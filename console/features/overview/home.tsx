'use client';

import { useRouter } from 'next/navigation';
import { useEffect } from 'react';
import { PageSkeleton } from '@/components/states';
import { address } from '@/lib/address';
import { useSignedIn } from '@/lib/session';

/** /console/ itself: goes on to the overview of the organization that was signed in to. */
export function Home() {
  const { organization } = useSignedIn();
  const router = useRouter();
  useEffect(() => router.replace(address.overview(organization.slug)), [organization.slug, router]);
  return <PageSkeleton />;
}
