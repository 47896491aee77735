// Records how AppSync's own simulator encodes and parses scalars, into appsync_scalars.json beside this file. The package
// is large (319 MB), so it is no dependency. Install it in a folder outside this repository, and name that folder here:
//   npm install --ignore-scripts @aws-amplify/amplify-appsync-simulator@2.16.20
//   node tests/local/appsync/record_scalars.mjs <folder>
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const simulator = path.resolve(process.argv[2], 'node_modules/@aws-amplify/amplify-appsync-simulator/package.json');
const require = createRequire(simulator);
const { scalars } = require('./lib/schema/appsync-scalars');
const { specifiedScalarTypes, parseValue } = require('graphql');

const OF_ANY_TYPE = [true, 0, 5, -1, 1.5, '', 'text', '5', [], [1], {}, { a: 1 }];
const VALUES = {
  String: ['é', '"', 1e21],
  ID: ['é', 9007199254740991],
  Int: [2147483647, 2147483648, -2147483648, -2147483649, '2147483648', '1.5', 1e3],
  Float: [1e308, '1.5', '1e3', 'NaN', -0.5],
  Boolean: [false, 1, 'true', 'false'],
  AWSJSON: ['"text"', '{"a": [1, null]}', '{', 'NaN', '[1,]', '1', 'null', 'é', '"é"', { key: [null, 1.5, 'é"'] }, null],
  AWSDate: ['2024-02-29', '2023-02-29', '2024-13-01', '2024-1-1', '2024-02-29Z', '2024-02-29+05:30', '2024-02-29T00:00:00Z'],
  AWSTime: ['12:30:24Z', '12:30:24.500Z', '12:30:24-07:00', '23:30:00-01:00', '12:30Z', '12:30:24', '25:00:00Z', '12:30:24+05:30:12'],
  AWSDateTime: [
    ...['2024-02-29T12:30:24Z', '2024-02-29T12:30:24.500Z', '2024-02-29T12:30:24-07:00', '2024-02-29T12:30:24.123456Z'],
    ...['2024-02-29T12:30:24', '2023-02-29T12:30:24Z', '2024-02-29 12:30:24Z', '2024-02-29', '2024-02-29T25:30:24Z', 1709210000],
  ],
  AWSTimestamp: [1709210000, 2147483647, 2147483648, -2147483648, '1709210000', 1709210000.5, 1709210000123],
  AWSEmail: ['ada@example.com', 'ada+b.c@mail.example.org', 'ada', 'ada@', '@example.com', 'ada@-example.com', 'a b@example.com', 'ada@localhost'],
  AWSURL: [
    ...['https://example.com/a?b=c#d', 'https://example.com', 'HTTPS://Example.COM:443/A', 'http://example.com:8080/'],
    ...['mailto:ada@example.com', 'example.com', '/path', 'https://', 'https://a b.com/', 'https://example.com//a', 'ftp://example.com/'],
  ],
  AWSPhone: [
    ...['+1 206 555 0100', '206-555-0100', '2065550100', '12065550100', '+44 20 7946 0958', '+49 30 901820'],
    ...['123', '206-555-010', '+1 206 555 01000', '106-555-0100', 'phone', '+'],
  ],
  AWSIPAddress: ['127.0.0.1', '256.0.0.1', '127.0.0', '::1', '2001:db8::1', '2001:db8:::1', '10.0.0.0/8', '::ffff:1.2.3.4', '01.2.3.4'],
};

const types = { ...Object.fromEntries(specifiedScalarTypes.map((type) => [type.name, type])), ...scalars };

const vectors = Object.entries(VALUES).flatMap(([scalar, values]) =>
  [...OF_ANY_TYPE, ...values].map((value) => ({
    scalar,
    value,
    encoded: outcome(() => types[scalar].serialize(value)),
    parsed: outcome(() => types[scalar].parseValue(value)),
    literal: outcome(() => types[scalar].parseLiteral(parseValue(asGraphql(value)), {})),
  })),
);
const lines = vectors.map((vector) => `  ${JSON.stringify(vector)}`);
writeFileSync(new URL('appsync_scalars.json', import.meta.url), `[\n${lines.join(',\n')}\n]\n`);

/** What came out as `{ value }`, or `{}` when the simulator refused: undefined and NaN are refusals, too. */
function outcome(convert) {
  try {
    const value = convert();
    return value === undefined || Number.isNaN(value) ? {} : { value };
  } catch {
    return {};
  }
}

/** The value as a literal of GraphQL's language. */
function asGraphql(value) {
  if (Array.isArray(value)) {
    return `[${value.map(asGraphql).join(', ')}]`;
  }
  if (value !== null && typeof value === 'object') {
    return `{${Object.entries(value).map(([name, each]) => `${name}: ${asGraphql(each)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}
