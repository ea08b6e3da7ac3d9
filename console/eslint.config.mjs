import nextVitals from 'eslint-config-next/core-web-vitals';
import nextTypescript from 'eslint-config-next/typescript';
import { readdirSync } from 'node:fs';

const features = readdirSync(new URL('./features', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

// A feature may use components and lib, never another feature; route files compose features.
const featureBorders = features.map((feature) => ({
  files: [`features/${feature}/**`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            group: features.filter((other) => other !== feature).flatMap((other) => [`@/features/${other}`, `@/features/${other}/*`, `../${other}`, `../${other}/*`]),
            message: 'Features never import each other. Move what both need to components/ or lib/.',
          },
        ],
      },
    ],
  },
}));

const config = [
  { ignores: ['.next/**', 'out/**', 'next-env.d.ts', 'lib/api/schema.ts'] },
  ...nextVitals,
  ...nextTypescript,
  ...featureBorders,
  {
    files: ['components/**', 'lib/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@/features/*', '**/features/*'], message: 'components and lib stand below features.' }] },
      ],
    },
  },
  {
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: false }],
      'no-restricted-globals': ['error', { name: 'fetch', message: 'The generated client in lib/api is the only way to the Admin API.' }],
      'no-eval': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  // TanStack Table and react-hook-form return functions that the React compiler cannot memoize; it is not used here.
  { rules: { 'react-hooks/incompatible-library': 'off' } },
  { files: ['lib/api/**', 'lib/session/**', '**/*.test.*', 'test/**', 'scripts/**'], rules: { 'no-restricted-globals': 'off' } },
];

export default config;
