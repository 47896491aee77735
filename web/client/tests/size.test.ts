/** A page pays little for the client, and nothing for a sign-in that it does not use. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

test('the client is small', { timeout: 120_000 }, () => {
  const script = fileURLToPath(new URL('../size.mjs', import.meta.url));
  const bytes = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' }));

  expect(bytes.createRuncast).toBeLessThanOrEqual(6_144);
  expect(bytes.withCognitoAuth).toBeLessThanOrEqual(bytes.createRuncast + 700);
});
