import { defineConfig } from 'vitest/config';
import { graphqlDocuments } from './graphql-documents.ts';

export default defineConfig({
  plugins: [graphqlDocuments()],
  resolve: { tsconfigPaths: true },
  test: { include: ['*/tests/**/*.test.{ts,tsx}'], testTimeout: 30_000 },
});
