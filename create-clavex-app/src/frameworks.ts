/** A kind of application that can be made. Each is a plain project in the templates folder. */
export interface Framework {
  readonly id: string;
  readonly title: string;
  readonly defaultPort: number;
  /** Where the identity server sends the browser back to, below the application's address. */
  readonly redirectPath: string;
  readonly postLogoutRedirectPath: string;
}

export const FRAMEWORKS: readonly Framework[] = [
  {
    id: "nextjs",
    title: "Next.js (App Router, TypeScript)",
    defaultPort: 3000,
    redirectPath: "/api/auth/callback",
    postLogoutRedirectPath: "/",
  },
];

export const frameworkNamed = (id: string): Framework | undefined => FRAMEWORKS.find((framework) => framework.id === id);
