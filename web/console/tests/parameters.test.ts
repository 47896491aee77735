/** The start form's fields, from schemas that agents declare. */
import { expect, test } from 'vitest';
import { ALL, fieldsOf, InvalidParameter, parametersOf } from '../src/parameters.ts';

const SCHEMA = {
  type: 'object',
  required: ['turbines'],
  properties: {
    turbines: { type: 'integer', minimum: 1, maximum: 100, default: 20, description: 'How many.' },
    max_slope: { type: 'number', title: 'Steepest slope' },
    area: { enum: ['whole', 'north', null] },
    wakes: { type: 'boolean', default: false },
    note: { type: 'string', default: 'none' },
    limits: { type: 'array', items: { type: 'number' } },
    other: { $ref: '#/$defs/other' },
  },
};

test('each property becomes a field of its type, with its default', () => {
  const fields = fieldsOf(SCHEMA)!;
  expect(fields.map(({ name, kind, initial }) => [name, kind, initial])).toEqual([
    ['turbines', 'number', '20'],
    ['max_slope', 'number', ''],
    ['area', 'choice', ''],
    ['wakes', 'boolean', 'false'],
    ['note', 'text', 'none'],
    ['limits', 'json', ''],
    ['other', 'json', ''],
  ]);
  expect(fields[0]).toMatchObject({ label: 'turbines', description: 'How many.', required: true, minimum: 1, maximum: 100, step: 1 });
  expect(fields[1]).toMatchObject({ label: 'Steepest slope', required: false, step: 'any' });
});

test('what is entered becomes parameters, and empty fields are left out', () => {
  const texts = { turbines: '12', area: 'null', wakes: 'true', note: '7', limits: '[1, 2.5]', max_slope: ' ' };
  expect(parametersOf(fieldsOf(SCHEMA), texts)).toEqual({ turbines: 12, area: null, wakes: true, note: '7', limits: [1, 2.5] });
});

test('JSON that cannot be read is refused by the name of its field', () => {
  expect(() => parametersOf(fieldsOf(SCHEMA), { limits: '[1,' })).toThrow(/^limits: this is not JSON/);
});

test.each([null, { type: 'object' }, { anyOf: [{ properties: { a: {} } }] }])('without named properties, %j is entered as one object', (schema) => {
  expect(fieldsOf(schema)).toBeNull();
  expect(parametersOf(null, {})).toEqual({});
  expect(parametersOf(null, { [ALL]: '{"a": 1}' })).toEqual({ a: 1 });
  expect(() => parametersOf(null, { [ALL]: '[1]' })).toThrow(InvalidParameter);
});
