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
  for (const { name, authType, claims, expected } of readJson(new URL('../vectors/identity.json', import.meta.url))) {
    const context = { args: { userId: expected.userId ?? 'ana' }, identity: claims && { claims } };
    const refusal = { error: { type: 'Unauthorized', message: expected.error } };

    test(`${name}: session`, async () => {
      const answer = await evaluate('Subscription.onStatusUpdate', { handler: 'request', context, authType, nowMs: 0 });
      const key = { tenantId: { S: expected.tenantId }, userId: { S: expected.userId } };
      assert.deepEqual(expected.error ? answer : answer.value.key, expected.error ? refusal : key);
    });
    test(`${name}: filter`, async () => {
      const answer = await evaluate('Subscription.onStatusUpdate', { handler: 'response', context, authType });
      const equal = (fieldName) => ({ fieldName, operator: 'eq', value: expected[fieldName] });
      const filters = [equal('tenantId'), equal('userId')];
      const admitted = { value: null, subscriptionFilter: { filterGroup: [{ filters }] } };
      assert.deepEqual(answer, expected.error ? refusal : admitted);
    });
  }
});

describe('the size of a published message', () => {
  const inputOf = (characters) => {
    const frame = JSON.stringify({ message: '' }).length;
    return { message: 'x'.repeat(characters - frame) };
  };
  const publish = (characters) =>
    evaluate('Mutation.publishStatus', { handler: 'request', context: { args: { input: inputOf(characters) } } });

  test('the limit itself is sent', async () => {
    assert.equal(JSON.stringify((await publish(200_000)).value.payload).length, 200_000);
  });
  test('one character more is refused', async () => {
    const message = 'input must be at most 200000 characters as JSON, not 200001.';
    assert.deepEqual(await publish(200_001), { error: { type: 'BadRequest', message } });
  });
});
