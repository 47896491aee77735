/**
 * Prints what the client costs a page, in bytes, gzipped, as JSON.
 *
 * The rule for the size is about `createRuncast`: the script that Vite makes of a page that uses the package, with all that its
 * methods need. A sign-in comes on top, because a page has its own. `file` is the file of the package, with both sign-ins.
 */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** Builds, and returns the code of this chunk. */
async function built(chunk, options) {
  const [{ output }] = [await build({ logLevel: 'silent', ...options, build: { ...options.build, write: false } })].flat();
  return output.find(({ name }) => name === chunk).code;
}

const gzippedBytes = (code) => gzipSync(code, { level: 9 }).length;
const file = await built('index', { configFile: fileURLToPath(new URL('vite.config.ts', import.meta.url)) });

/** Bundles a page's script that uses these exports of the package. */
async function ofPage(...names) {
  const used = names.join(', ');
  const modules = {
    page: `import { ${used} } from '@runcast/client'; globalThis.used = [${used}];`,
    '@runcast/client': { code: file, moduleSideEffects: false },
  };
  const page = {
    name: 'page',
    enforce: 'pre',
    resolveId: (id) => (id in modules ? id : null),
    load: (id) => modules[id] ?? null,
  };
  const options = { modulePreload: false, target: 'es2022', rolldownOptions: { input: 'page' } };
  return gzippedBytes(await built('page', { configFile: false, plugins: [page], build: options }));
}

console.log(
  JSON.stringify({
    createRuncast: await ofPage('createRuncast'),
    withCognitoAuth: await ofPage('createRuncast', 'cognitoAuth'),
    file: gzippedBytes(file),
  }),
);
