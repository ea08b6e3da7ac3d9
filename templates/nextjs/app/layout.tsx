import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import "@fontsource-variable/inter/wght.css";
import { SetupNeeded } from "@/components/setup-needed";
import { SiteHeader } from "@/components/site-header";
import { getSession } from "@/lib/auth/session";
import { readSettings } from "@/lib/settings";
import "./tokens.css";
import "./globals.css";
import "./parts.css";

export const viewport: Viewport = {
  colorScheme: "light dark",
  themeColor: [
    { media: "(prefers-color-scheme: light)", color: "#f7f8fa" },
    { media: "(prefers-color-scheme: dark)", color: "#0d1014" },
  ],
};

// Settings belong to the machine that runs the application, not to the one that built it.
export const dynamic = "force-dynamic";

export async function generateMetadata(): Promise<Metadata> {
  const read = readSettings();
  const name = read.ok ? read.settings.appName : "Set up";
  return { title: { default: name, template: `%s · ${name}` } };
}

export default async function RootLayout({ children }: { readonly children: ReactNode }) {
  const read = readSettings();
  const signedIn = read.ok && (await getSession()).kind === "active";
  return (
    <html lang="en">
      <body>
        <a className="skip-link" href="#content">
          Skip to content
        </a>
        <SiteHeader appName={read.ok ? read.settings.appName : "Clavex starter"} signedIn={signedIn} />
        <main id="content" tabIndex={-1}>
          {read.ok ? children : <SetupNeeded problems={read.problems} />}
        </main>
      </body>
    </html>
  );
}
