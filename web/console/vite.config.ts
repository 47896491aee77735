import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { graphqlDocuments } from '../graphql-documents.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  root: path('.'),
  plugins: [graphqlDocuments()],
  resolve: {
    alias: [
      { find: '@runcast/react/styles.css', replacement: path('../react/src/styles.css') },
      { find: '@runcast/react', replacement: path('../react/src/index.ts') },
      { find: '@runcast/client', replacement: path('../client/src/index.ts') },
    ],
  },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
