"use client";

import Link from "next/link";
import { usePathname } from "next/navigation";

/** A link of the navigation; the one of the page on show says so. */
export function NavLink({ href, children }: { readonly href: string; readonly children: string }) {
  const current = usePathname() === href;
  return (
    <Link href={href} aria-current={current ? "page" : undefined}>
      {children}
    </Link>
  );
}
