import Link from "next/link";
import { NavLink } from "./nav-link";
import { SubmitButton } from "./submit-button";

/** The top of every page: where one is, and the way out for whoever is signed in. */
export function SiteHeader({ appName, signedIn }: { readonly appName: string; readonly signedIn: boolean }) {
  return (
    <header className="site-header">
      <div className="site-header-row">
        <Link href="/" className="brand">
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <rect width="32" height="32" rx="8" className="brand-tile" />
            <path d="M21.5 12.2a6.5 6.5 0 1 0 0 7.6" className="brand-stroke" />
            <circle cx="16" cy="16" r="1.9" className="brand-dot" />
          </svg>
          <span>{appName}</span>
        </Link>
        {signedIn ? (
          <>
            <nav aria-label="Main">
              <NavLink href="/protected">Protected</NavLink>
              <NavLink href="/profile">Profile</NavLink>
            </nav>
            <form action="/api/auth/logout" method="post">
              <SubmitButton id="sign-out" className="button button-quiet" busy="Signing out">
                Sign out
              </SubmitButton>
            </form>
          </>
        ) : null}
      </div>
    </header>
  );
}
