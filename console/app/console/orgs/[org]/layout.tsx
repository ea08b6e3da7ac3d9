import type { ReactNode } from 'react';

/** Exported once; the placeholder stands for every organization. */
export function generateStaticParams() {
  return [{ org: '_' }];
}

export default function OrganizationLayout({ children }: { children: ReactNode }) {
  return children;
}
