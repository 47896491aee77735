import { fileURLToPath } from 'node:url';
import { minify } from 'terser';
import { defineConfig, type Plugin } from 'vite';
import { internals } from './internals.ts';

/** Minifies for good what a page's own build cannot: it must not shorten the names of members. */
const minified: Plugin = {
  name: 'minified',
  async renderChunk(code, { name }) {
    // The members of AG-UI and RxJS keep their names.
    const properties = name === 'index' && { builtins: true, regex: new RegExp(`^(${internals.join('|')})$`) };
    const done = await minify(code, {
      module: true,
      ecma: 2020,
      compress: { passes: 3, inline: 1 },
      mangle: { properties },
      format: { preserve_annotations: true },
    });
    return done.code ?? null;
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [minified],
  build: {
    target: 'es2022',
    minify: false,
    lib: { entry: ['src/index.ts', 'src/ag-ui.ts'], formats: ['es'] },
    rolldownOptions: { external: ['@runcast/client', '@ag-ui/client', 'rxjs'] },
  },
});
