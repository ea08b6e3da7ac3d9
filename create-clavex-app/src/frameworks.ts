/** A kind of application that can be made. Each is a plain project in the templates folder. */
export interface Framework {
  readonly id: string;
  readonly title: string;
  readonly defaultPort: number;
  /** Undefined for what signs nobody in: it only accepts access tokens, and is no client. */
  readonly signIn?: {
    /** Where the identity server sends the browser back to, below the application's address. */
    readonly redirectPath: string;
    readonly postLogoutRedirectPath: string;
  };
}

export const FRAMEWORKS: readonly Framework[] = [
  {
    id: "nextjs",
    title: "Next.js (App Router, TypeScript)",
    defaultPort: 3000,
    signIn: { redirectPath: "/api/auth/callback", postLogoutRedirectPath: "/" },
  },
  {
    id: "mcp-server",
    title: "MCP server (TypeScript), for agents that act for people",
    defaultPort: 3001,
  },
];

export const frameworkNamed = (id: string): Framework | undefined => FRAMEWORKS.find((framework) => framework.id === id);
