/** Lets the packages import GraphQL documents, without the comments, spaces and names that only people need. */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

export const graphqlDocuments = (): Plugin => ({
  name: 'graphql-documents',
  load(id) {
    if (!id.endsWith('.graphql')) return null;
    const text = readFileSync(id, 'utf8').replace(/#.*/g, '').replace(/\s+/g, ' ').trim();
    const document = text.replace(/^(\w+) \w+/, '$1').replace(/ ?([{}():,!]) ?/g, '$1');
    return { code: `export default ${JSON.stringify(document)};`, moduleType: 'js' };
  },
});
