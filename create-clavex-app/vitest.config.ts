import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const starter = fileURLToPath(new URL("../templates/nextjs/", import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^@\//, replacement: starter },
      // The starter's own dependencies, in the same versions (packed.test.ts makes sure), so that
      // its rules are tested without installing all of Next.js.
      ...["jose", "openid-client"].map((find) => ({ find, replacement: fileURLToPath(import.meta.resolve(find)) })),
    ],
  },
  server: { fs: { allow: [".."] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/pack.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
