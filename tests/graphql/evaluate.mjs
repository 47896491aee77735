// Runs one handler of a real, unchanged resolver file outside AppSync. The package that the resolvers import holds
// types and empty objects only; AppSync supplies the members, and here this module does: those that are used, as AWS
// documents them, and no more, so that calling any other one fails. The clock and the caller's authorisation come from
// the case.
// Source: https://docs.aws.amazon.com/appsync/latest/devguide/resolver-util-reference-js.html
import { readFileSync } from 'node:fs';
import { extensions, util } from '../../graphql/node_modules/@aws-appsync/utils/lib/index.js';

export const resolversFolder = new URL('../../graphql/resolvers/', import.meta.url);

/**
 * @param {string} field `Type.field`, which names the resolver's file
 * @param {{ handler: 'request' | 'response', context: object, authType?: string, nowMs?: number, oidc?: object }} call
 *   `context` has `args`, `identity` and, for a response, `result` or `error`; `oidc` is the identity provider that
 *   Terraform writes into the resolver
 * @returns {Promise<{ value?: unknown, error?: { type: string, message: string, info?: object }, subscriptionFilter?: object }>}
 *   what AppSync would take over; a fault in the resolver is thrown
 */
export async function evaluate(field, { handler, context, authType, nowMs, oidc }) {
  const file = new URL(`${field}.js`, resolversFolder);
  const resolver = await import(oidc ? withProvider(file, oidc) : file);
  current = { authType, nowMs };
  try {
    const value = resolver[handler](deepFreeze({ identity: null, ...structuredClone(context) }));
    // JSON is what leaves a resolver: it drops undefined members.
    return JSON.parse(JSON.stringify({ value, subscriptionFilter: current.subscriptionFilter }));
  } catch (error) {
    if (error instanceof ResolverError) {
      return { error: { type: error.type, message: error.message, ...(error.info && { info: error.info }) } };
    }
    throw error;
  }
}

/** The resolver's code as Terraform changes it, as an address. */
function withProvider(file, oidc) {
  const utils = import.meta.resolve('../../graphql/node_modules/@aws-appsync/utils/lib/index.js');
  const code = readFileSync(file, 'utf8')
    .replace('const OIDC = null;', `const OIDC = ${JSON.stringify(oidc)};`)
    .replace("'@aws-appsync/utils'", `'${utils}'`);
  return `data:text/javascript,${encodeURIComponent(code)}`;
}

/** @type {{ authType?: string, nowMs?: number, subscriptionFilter?: object }} the call that is being evaluated */
let current = {};

class ResolverError extends Error {
  constructor(message, type, info) {
    super(message);
    this.type = type;
    this.info = info;
  }
}

util.error = (message, type, data, info) => {
  throw new ResolverError(message, type, info);
};
util.base64Encode = (text) => Buffer.from(text).toString('base64');
util.authType = () => stated('authType');
util.time = {
  nowEpochMilliSeconds: () => stated('nowMs'),
  epochMilliSecondsToSeconds: (ms) => Math.floor(ms / 1000),
};
util.dynamodb = {
  toMapValues: (values) => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typed(value)])),
};
extensions.setSubscriptionFilter = (filter) => {
  current.subscriptionFilter = filter;
};

function stated(name) {
  if (current[name] === undefined) {
    throw new Error(`the resolver asked for ${name}, which this case does not state`);
  }
  return current[name];
}

function typed(value) {
  if (typeof value === 'string') {
    return { S: value };
  }
  if (typeof value === 'number') {
    return { N: String(value) };
  }
  throw new TypeError(`toMapValues got ${JSON.stringify(value)}: the resolvers store text and numbers only`);
}

function deepFreeze(value) {
  if (value !== null && typeof value === 'object') {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
