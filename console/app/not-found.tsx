import { Mark } from '@/components/mark';
import { ButtonLink } from '@/components/ui/button';

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center px-4">
      <div className="grid w-full max-w-[400px] gap-4">
        <Mark className="h-8" />
        <h1 className="text-22 font-semibold">There is no such page</h1>
        <p className="text-neutral-11">The address may be mistyped, or the page has moved.</p>
        <ButtonLink href="/console/" look="primary">
          Go to the console
        </ButtonLink>
      </div>
    </main>
  );
}
