import path from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': path.resolve(import.meta.dirname) } },
  test: {
    environment: 'jsdom',
    // Threads start faster than processes, which matters on a busy machine.
    pool: 'threads',
    environmentOptions: { jsdom: { url: 'http://localhost:8080/console/' } },
    setupFiles: ['./test/setup.ts'],
    include: ['**/*.test.{ts,tsx}'],
    exclude: ['node_modules/**', 'out/**', '.next/**'],
    restoreMocks: true,
    // A busy machine takes its time; a test that waits for nothing is not slower for it.
    testTimeout: 30_000,
  },
});
