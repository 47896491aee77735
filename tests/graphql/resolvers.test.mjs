// Replays the recorded cases (cases/<Type.field>/<what it shows>.json) against the real resolvers, and the identity
// vectors, which the Lambdas' own identity code has to satisfy too, against the one resolver that decides who calls.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { evaluate, resolversFolder } from './evaluate.mjs';

const casesFolder = new URL('cases/', import.meta.url);
const readJson = (url) => JSON.parse(readFileSync(url, 'utf8'));
const fields = readdirSync(resolversFolder).map((file) => file.replace(/\.js$/, ''));

test('every resolver has cases, and every case has a resolver', () => {
  assert.deepEqual(readdirSync(casesFolder).sort(), fields.sort());
});

for (const field of fields) {
  describe(field, () => {
    const folder = new URL(`${field}/`, casesFolder);
    const cases = readdirSync(folder).map((file) => ({ file, ...readJson(new URL(file, folder)) }));

    test('both handlers have cases', () => {
      assert.deepEqual(new Set(cases.map(({ handler }) => handler)), new Set(['request', 'response']));
    });
    for (const { file, expected, ...call } of cases) {
      test(file, async () => {
        assert.deepEqual(await evaluate(field, call), expected);
      });
    }
  });
}

describe('identity', () => {
  for (const { name, authType, claims, expected, oidc } of readJson(new URL('../vectors/identity.json', import.meta.url))) {
    const args = { userId: expected.userId ?? 'ana', requestId: 'run-1' };
    const context = { args, identity: claims && { claims } };
    const refusal = { error: { type: 'Unauthorized', message: expected.error } };

    test(`${name}: session`, async () => {
      const answer = await evaluate('Subscription.onStatusUpdate', { handler: 'request', context, authType, oidc, nowMs: 0 });
      const key = { tenantId: { S: expected.tenantId }, userId: { S: expected.userId } };
      assert.deepEqual(expected.error ? answer : answer.value.key, expected.error ? refusal : key);
    });
    test(`${name}: filter`, async () => {
      const answer = await evaluate('Subscription.onStatusUpdate', { handler: 'response', context, authType, oidc });
      const equal = (fieldName) => ({ fieldName, operator: 'eq', value: expected[fieldName] });
      const filters = [equal('tenantId'), equal('userId'), { fieldName: 'requestId', operator: 'eq', value: 'run-1' }];
      const admitted = { value: null, subscriptionFilter: { filterGroup: [{ filters }] } };
      assert.deepEqual(answer, expected.error ? refusal : admitted);
    });
  }
});

describe('the user id that a user of an identity provider subscribes with', () => {
  const oidc = { issuer: 'https://id.example.com', audience: 'client-1', tenantIdClaim: null };
  const claims = { iss: oidc.issuer, aud: 'client-1', sub: 'ana' };
  const authType = 'Open ID Connect Authorization';
  const subscribe = (userId) => evaluate('Subscription.onStatusUpdate', {
    handler: 'request', context: { args: { userId }, identity: { claims } }, authType, oidc, nowMs: 0,
  });

  for (const userId of ['ana', 'https://id.example.com|ana']) {
    test(`${userId}: own`, async () => {
      const own = { S: 'https://id.example.com|ana' };
      assert.deepEqual((await subscribe(userId)).value.key, { tenantId: own, userId: own });
    });
  }
  for (const userId of ['bob', 'https://other.example.com|ana', 'https://id.example.com|bob', '']) {
    test(`${userId}: refused`, async () => {
      const message = 'You can only subscribe to your own status updates: userId must be your own.';
      assert.deepEqual(await subscribe(userId), { error: { type: 'Unauthorized', message } });
    });
  }
});

describe('ids', () => {
  for (const { given, canonical } of readJson(new URL('../vectors/ids.json', import.meta.url))) {
    test(given, async () => {
      const claims = { token_use: 'id', sub: 'ana' };
      const context = { args: { userId: 'ana', jobId: given, requestId: given }, identity: { claims } };
      const authType = 'User Pool Authorization';
      const answer = await evaluate('Subscription.onStatusUpdate', { handler: 'response', context, authType });
      const [, , job, run] = answer.subscriptionFilter.filterGroup[0].filters;
      assert.deepEqual([job.value, run.value], [canonical, canonical]);
    });
  }
});

describe('the size of a published message', () => {
  const limit = 200 * 1024;
  const inputOf = (bytes, letter) => {
    const room = bytes - Buffer.byteLength(JSON.stringify({ message: '' }));
    const letters = Math.floor(room / Buffer.byteLength(letter));
    return { message: letter.repeat(letters) + 'x'.repeat(room - letters * Buffer.byteLength(letter)) };
  };
  const publish = (input) => evaluate('Mutation.publishStatus', { handler: 'request', context: { args: { input } } });

  for (const letter of ['x', 'é', '中', '😀']) {
    test(`the limit itself is sent: ${letter}`, async () => {
      const input = inputOf(limit, letter);
      assert.deepEqual((await publish(input)).value.payload, input);
    });
    test(`one byte more is refused: ${letter}`, async () => {
      const message = `input must be at most ${limit} bytes as JSON, not ${limit + 1}.`;
      assert.deepEqual(await publish(inputOf(limit + 1, letter)), { error: { type: 'BadRequest', message } });
    });
  }
});
