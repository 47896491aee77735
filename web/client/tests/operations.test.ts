/** The server accepts each operation that the client sends. */
import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import * as operations from '../src/operations.js';

const part = (name: string) => readFileSync(new URL(`../../../graphql/${name}`, import.meta.url), 'utf8');
const schema = buildSchema(part('appsync.graphql') + part('schema.graphql'));

test.each(Object.entries(operations))('%s fits the schema', (name, document) => {
  expect(validate(schema, parse(document)).map(({ message }) => message)).toEqual([]);
  expect(/\{(\w+)/.exec(document)![1]).toBe(name);
});
