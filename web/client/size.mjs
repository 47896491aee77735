/**
 * Prints what the client costs a page, in bytes, gzipped, as JSON.
 *
 * The rule for the size is about `createRuncast`: the script that Vite makes of a page that uses it, with all that its
 * methods need. A sign-in comes on top, because a page has its own. `file` is the file of the package, with both sign-ins.
 */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

async function gzippedBytes(options) {
  const [{ output }] = [await build({ logLevel: 'silent', ...options, build: { ...options.build, write: false } })].flat();
  const { code } = output.find(({ fileName }) => fileName === 'index.js') ?? output[0];
  return gzipSync(code, { level: 9 }).length;
}

/** Bundles a page's script that uses these exports of the client. */
function ofPage(...names) {
  const used = names.join(', ');
  const page = {
    name: 'page',
    resolveId: (id) => (id === 'page' ? id : null),
    load: (id) => (id === 'page' ? `import { ${used} } from ${JSON.stringify(path('src/index.ts'))}; globalThis.used = [${used}];` : null),
  };
  const options = { modulePreload: false, target: 'es2022', rolldownOptions: { input: 'page' } };
  return gzippedBytes({ configFile: false, plugins: [page], build: options });
}

console.log(
  JSON.stringify({
    createRuncast: await ofPage('createRuncast'),
    withCognitoAuth: await ofPage('createRuncast', 'cognitoAuth'),
    file: await gzippedBytes({ configFile: path('vite.config.ts') }),
  }),
);
