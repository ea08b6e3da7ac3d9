import { ClientDetail } from '@/features/clients';

/** Exported once; the placeholder stands for every id. */
export function generateStaticParams() {
  return [{ client: '_' }];
}

export default function Page() {
  return <ClientDetail />;
}
