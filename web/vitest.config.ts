import { defineConfig } from 'vitest/config';
import { graphqlDocuments } from './graphql-documents.ts';

export default defineConfig({
  plugins: [graphqlDocuments()],
  test: { include: ['*/tests/**/*.test.{ts,tsx}'] },
});
