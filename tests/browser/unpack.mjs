// Unpacks Chromium and the libraries that a bare Linux lacks: node unpack.mjs SOURCE TARGET. The package's own unpacking
// leaves the libraries out unless it runs in Lambda.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

const [source, target] = process.argv.slice(2);
const unpack = (name) => brotliDecompressSync(readFileSync(`${source}/${name}`));

mkdirSync(target, { recursive: true });
writeFileSync(`${target}/chromium.bin`, unpack("chromium.br"), { mode: 0o755 });
for (const name of ["al2023.tar.br", "swiftshader.tar.br"]) {
  execFileSync("tar", ["-x", "-C", target], { input: unpack(name) });
}
writeFileSync(
  `${target}/chromium`,
  '#!/bin/sh\nhere=$(dirname "$0")\nLD_LIBRARY_PATH="$here/lib" exec "$here/chromium.bin" "$@"\n',
  { mode: 0o755 },
);
