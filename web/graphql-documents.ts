/** Lets the packages import GraphQL documents, without the comments and line breaks that only people need. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export const graphqlDocuments = (): Plugin => ({
  name: 'graphql-documents',
  load(id) {
    if (!id.endsWith('.graphql')) return null;
    const document = readFileSync(id, 'utf8').replace(/#.*/g, '').replace(/\s+/g, ' ').trim();
    return { code: `export default ${JSON.stringify(document)};`, moduleType: 'js' };
  },
});
