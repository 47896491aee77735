import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The examples have no tsconfig.json.
  resolve: { tsconfigPaths: true, alias: { '@runcast/client': new URL('client/src/index.ts', import.meta.url).pathname } },
  test: { include: ['*/tests/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
});
