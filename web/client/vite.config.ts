import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { graphqlDocuments } from '../graphql-documents.ts';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [graphqlDocuments()],
  build: {
    target: 'es2022',
    lib: { entry: ['src/index.ts', 'src/ag-ui.ts'], formats: ['es'] },
    rolldownOptions: { external: ['@runcast/client', '@ag-ui/client', 'rxjs'], output: { minify: true } },
  },
});
