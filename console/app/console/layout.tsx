import type { ReactNode } from 'react';
import { Gate } from '@/features/session';
import { Providers, Shell } from '@/features/shell';

export default function ConsoleLayout({ children }: { children: ReactNode }) {
  return (
    <Gate>
      <Providers>
        <Shell>{children}</Shell>
      </Providers>
    </Gate>
  );
}
