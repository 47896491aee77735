import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  build: {
    target: 'es2022',
    lib: { entry: ['src/index.ts', 'src/ag-ui.ts'], formats: ['es'] },
    rolldownOptions: { external: ['@runcast/client', '@ag-ui/client', 'rxjs'], output: { minify: true } },
  },
});
