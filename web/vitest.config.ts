import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { graphqlDocuments } from './graphql-documents.ts';

export default defineConfig({
  plugins: [graphqlDocuments()],
  resolve: {
    alias: {
      '@runcast/client': fileURLToPath(new URL('client/src/index.ts', import.meta.url)),
      '@runcast/react': fileURLToPath(new URL('react/src/index.ts', import.meta.url)),
    },
  },
  test: { include: ['*/tests/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
});
