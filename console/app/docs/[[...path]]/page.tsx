import type { Metadata } from 'next';
import { allDocuments, documentAt, DocumentPage } from '@/features/docs';

interface Props {
  params: Promise<{ path?: string[] }>;
}

export const dynamicParams = false;

export function generateStaticParams() {
  return allDocuments().map(({ slug }) => ({ path: slug === '' ? [] : slug.split('/') }));
}

const slugFrom = async ({ params }: Props) => ((await params).path ?? []).join('/');

export async function generateMetadata(props: Props): Promise<Metadata> {
  return { title: `${documentAt(await slugFrom(props)).title} · Clavex` };
}

export default async function Page(props: Props) {
  return <DocumentPage document={documentAt(await slugFrom(props))} />;
}
