import path from 'node:path';
import type { NextConfig } from 'next';

const config: NextConfig = {
  output: 'export',
  reactStrictMode: true,
  poweredByHeader: false,
  // A release names its build, so that the same sources give the same files.
  generateBuildId: () => process.env.CLAVEX_BUILD_ID ?? null,
  // `npm run typecheck` does this, once and not at each build.
  typescript: { ignoreBuildErrors: true },
  images: { unoptimized: true },
  turbopack: {
    // The design tokens live with the hosted pages, outside this folder.
    root: path.join(import.meta.dirname, '..'),
    resolveAlias: {
      // The original adds <style> elements, which the Content-Security-Policy forbids.
      'react-style-singleton': './lib/style-singleton.ts',
    },
  },
};

export default config;
