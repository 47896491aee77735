// Records how AppSync's own simulator answers callers of each mode, into appsync_directives.json beside this file. The
// package is large (319 MB), so it is no dependency. Install it in a folder outside this repository, and name that folder:
//   npm install --ignore-scripts --legacy-peer-deps @aws-amplify/amplify-appsync-simulator@2.16.20 graphql@15.11.0
//   node tests/local/appsync/record_directives.mjs <folder>
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const simulator = path.resolve(process.argv[2], 'node_modules/@aws-amplify/amplify-appsync-simulator/package.json');
const require = createRequire(simulator);
const { generateResolvers } = require('./lib/schema');
const { runQueryOrMutation } = require('./lib/utils/graphql-runner/query-and-mutation');
const { TemplateSentError } = require('./lib/velocity/util/errors');
const { parse, Source } = require('graphql');

const { sdl, results, requests, callers } = JSON.parse(
  readFileSync(new URL('appsync_directive_requests.json', import.meta.url), 'utf8'),
);
const answers = [];
for (const defaultMode of ['AMAZON_COGNITO_USER_POOLS', 'AWS_IAM', 'API_KEY']) {
  for (const caller of callers) {
    for (const query of requests) {
      answers.push({ defaultMode, caller, query, ...(await answerTo(defaultMode, caller, query)) });
    }
  }
}
const lines = answers.map((each) => `  ${JSON.stringify(each)}`);
writeFileSync(new URL('appsync_directives.json', import.meta.url), `[\n${lines.join(',\n')}\n]\n`);

async function answerTo(defaultMode, caller, query) {
  const published = [];
  const context = {
    appSyncConfig: { defaultAuthenticationType: { authenticationType: defaultMode } },
    // What the simulator hands on as null, its subscriptions do not deliver.
    pubsub: { publish: async (subscription, event) => event && published.push(subscription) },
    asyncIterator: () => undefined,
    getResolver: (typeName, fieldName) => ({
      resolve: async (source, args, ctx, info) => {
        const result = results[`${typeName}.${fieldName}`];
        if (result?.error) {
          throw new TemplateSentError(result.error.message, result.error.type, null, null, info);
        }
        return result;
      },
    }),
  };
  const resolvers = Object.keys(results).map((place) => {
    const [typeName, fieldName] = place.split('.');
    return { typeName, fieldName };
  });
  const schema = generateResolvers(new Source(sdl), resolvers, context);
  const request = {
    requestAuthorizationMode: caller.mode,
    jwt: caller.groups ? { 'cognito:groups': caller.groups } : {},
    appsyncErrors: [],
  };
  const { data, errors = [] } = await runQueryOrMutation(schema, parse(query), {}, undefined, request);
  return {
    data,
    errors: errors.map(({ path: place, errorType, message, locations }) => ({
      path: place,
      errorType,
      message,
      locations: locations.map(({ line, column }) => ({ line, column })),
    })),
    published: published.sort(),
  };
}
