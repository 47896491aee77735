// Subscribes callers to their own status messages only. It runs once, when a subscription starts. It records a session,
// which tells the status publisher that the user is watching, and sets a server filter on the credential's tenant and
// user. AppSync ignores a subscription's arguments if there is a server filter, so the filter alone selects messages.
import { extensions, util } from '@aws-appsync/utils';

// Terraform inserts the configured claim names by replacing these two statements as plain text.
const USER_ID_CLAIM = 'sub';
const TENANT_ID_CLAIM = 'custom:tenantId';

// AppSync does not report disconnects, so sessions expire. Each new subscription renews its session.
const SESSION_SECONDS = 25 * 60 * 60;
const MAX_ID_CHARACTERS = 128;
const MAX_NAME_CHARACTERS = 200;
// The tenant and the user of callers with an API key.
const PUBLIC = 'public';

/** @typedef {{ userId: string, jobId?: string | null, requestId?: string | null }} Arguments */
/** @typedef {{ tenantId: string, userId: string }} Owner */
/** @typedef {import('@aws-appsync/utils').Context<Arguments>} Context */

/**
 * Records the caller's session if they request their own messages.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').DynamoDBPutItemRequest}
 */
export function request(ctx) {
  const owner = callerOf(ctx);
  if (ctx.args.userId !== owner.userId) {
    util.error('You can only subscribe to your own status updates: userId must be your own.', 'Unauthorized');
  }
  checkId('jobId', ctx.args.jobId);
  checkId('requestId', ctx.args.requestId);
  const nowMs = util.time.nowEpochMilliSeconds();
  return {
    operation: 'PutItem',
    key: util.dynamodb.toMapValues({ tenantId: owner.tenantId, userId: owner.userId }),
    attributeValues: util.dynamodb.toMapValues({
      subscribedAt: nowMs,
      expiresAt: util.time.epochMilliSecondsToSeconds(nowMs) + SESSION_SECONDS,
    }),
  };
}

/**
 * Sets the filter that selects this subscriber's messages.
 *
 * @param {Context} ctx
 * @returns {null} nothing is delivered at the start
 */
export function response(ctx) {
  // Without a session the publisher would send nothing, so the client must get an error and retry.
  if (ctx.error) {
    util.error('The subscription could not be started. Try again.', 'InternalFailure');
  }
  const owner = callerOf(ctx);
  const filters = [equal('tenantId', owner.tenantId), equal('userId', owner.userId)];
  if (ctx.args.jobId) {
    filters.push(equal('jobId', canonicalId(ctx.args.jobId)));
  }
  if (ctx.args.requestId) {
    filters.push(equal('requestId', canonicalId(ctx.args.requestId)));
  }
  extensions.setSubscriptionFilter({ filterGroup: [{ filters }] });
  return null;
}

/**
 * Reads the caller's tenant and user from their credential. A user without a tenant is their own tenant; a caller with
 * an API key is public.
 *
 * @param {Context} ctx
 * @returns {Owner}
 */
function callerOf(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  const claims = identity?.claims;
  if (!claims) {
    if (util.authType() === 'API Key Authorization') {
      return { tenantId: PUBLIC, userId: PUBLIC };
    }
    util.error('Sign in with an ID token: this credential names no user.', 'Unauthorized');
  }
  if (claims.token_use !== 'id') {
    util.error('Send the ID token: access tokens lack the tenant claim.', 'Unauthorized');
  }
  const userId = claims[USER_ID_CLAIM] ?? '';
  if (userId === '') {
    util.error(`The token must name its user in the claim ${USER_ID_CLAIM}.`, 'Unauthorized');
  }
  const claimedTenant = claims[TENANT_ID_CLAIM] ?? '';
  const tenantId = claimedTenant === '' ? userId : claimedTenant;
  if (!isIdText(tenantId) || !isIdText(userId)) {
    util.error(`The token's tenant and user must be text of at most ${MAX_NAME_CHARACTERS} characters without '#'.`, 'Unauthorized');
  }
  if (tenantId === PUBLIC && userId === PUBLIC) {
    util.error('The token names the user public of the tenant public, which is reserved for API keys.', 'Unauthorized');
  }
  return { tenantId, userId };
}

/**
 * Returns whether a claim can be part of a record's owner, `tenant#user`. A '#' in it could impersonate another owner.
 *
 * @param {unknown} claim
 * @returns {boolean}
 */
function isIdText(claim) {
  return typeof claim === 'string' && claim.length <= MAX_NAME_CHARACTERS && !claim.includes('#');
}

/**
 * Refuses an id argument that is given but fits no job or run.
 *
 * @param {'jobId' | 'requestId'} name
 * @param {string | null | undefined} id
 */
function checkId(name, id) {
  if (id === '' || (id && id.length > MAX_ID_CHARACTERS)) {
    util.error(`${name} must be 1 to ${MAX_ID_CHARACTERS} characters, or absent.`, 'BadRequest');
  }
}

/**
 * Writes an id as records and messages do: a UUID in its usual form is in lower case.
 *
 * @param {string} id
 * @returns {string}
 */
function canonicalId(id) {
  const lower = id.toLowerCase();
  const groups = lower.split('-').map((group) => group.length);
  const hexadecimal = lower.split('').every((character) => '0123456789abcdef-'.includes(character));
  return hexadecimal && groups.join() === '8,4,4,4,12' ? lower : id;
}

/**
 * @param {string} fieldName
 * @param {string} value
 * @returns {{ fieldName: string, operator: 'eq', value: string }} one condition of a server filter
 */
function equal(fieldName, value) {
  return { fieldName, operator: 'eq', value };
}
