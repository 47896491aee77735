/** A page pays little for the client: what a bundler makes of it is small. */
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { expect, test } from 'vitest';

/** Bundles a page's script that uses these exports of the client; returns its size in bytes, gzipped. */
async function gzippedBytes(...names: string[]): Promise<number> {
  const entry = new URL('../src/index.ts', import.meta.url).pathname;
  const page = {
    name: 'page',
    resolveId: (id: string) => (id === 'page' ? id : null),
    load: (id: string) => (id === 'page' ? `import { ${names.join(', ')} } from ${JSON.stringify(entry)}; globalThis.used = [${names.join(', ')}];` : null),
  };
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [page],
    build: { write: false, modulePreload: false, target: 'es2022', rolldownOptions: { input: 'page' } },
  });
  const chunks = (built as Rollup.RollupOutput).output;
  expect(chunks).toHaveLength(1);
  return gzipSync(chunks[0].code, { level: 9 }).length;
}

test('the client is small, and a page pays only for the sign-in that it uses', { timeout: 120_000 }, async () => {
  const bytes = await gzippedBytes('createRuncast');
  const withSignIn = await gzippedBytes('createRuncast', 'cognitoAuth');
  console.log(`gzipped: ${bytes} bytes, with cognitoAuth ${withSignIn}`);
  expect(bytes).toBeLessThanOrEqual(6.75 * 1024);
  expect(withSignIn).toBeGreaterThan(bytes);
});
