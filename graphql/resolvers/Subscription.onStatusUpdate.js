// Subscribes callers to their own status messages only. It runs once, when a subscription starts. It records a session,
// which tells the status publisher that the user is watching, and sets a server filter on the credential's tenant and
// user. AppSync ignores a subscription's arguments if there is a server filter, so the filter alone selects messages.
import { extensions, util } from '@aws-appsync/utils';

// Terraform inserts its settings by replacing these three statements as plain text.
const USER_ID_CLAIM = 'sub';
const TENANT_ID_CLAIM = 'custom:tenantId';
/** @type {Oidc | null} */
const OIDC = null;

// AppSync does not report disconnects, so sessions expire. Each new subscription renews its session.
const SESSION_SECONDS = 25 * 60 * 60;
const MAX_ID_CHARACTERS = 128;
const MAX_NAME_CHARACTERS = 200;
// The tenant and the user of callers with an API key.
const PUBLIC = 'public';
const OPENID_CONNECT = 'Open ID Connect Authorization';
const NO_USER = 'Sign in with an ID token: this credential names no user.';

/** @typedef {{ issuer: string, audience: string, tenantIdClaim: string | null }} Oidc */
/** @typedef {{ userId: string, jobId?: string | null, requestId?: string | null }} Arguments */
/** @typedef {{ tenantId: string, userId: string }} Owner */
/** @typedef {{ tenantId: unknown, userId: unknown }} Names */
/** @typedef {Record<string, unknown>} Claims */
/** @typedef {import('@aws-appsync/utils').Context<Arguments>} Context */

/**
 * Records the caller's session if they request their own messages.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').DynamoDBPutItemRequest}
 */
export function request(ctx) {
  const owner = callerOf(ctx);
  // A client that does not know of issuers gives the claim `sub` of its token.
  const isOwn = ctx.args.userId === owner.userId || (isOfIssuer(owner.userId) && ctx.args.userId === claimsOf(ctx)?.sub);
  if (!isOwn) {
    util.error('You can only subscribe to your own status updates: userId must be your own.', 'Unauthorized');
  }
  checkId('jobId', ctx.args.jobId);
  checkId('requestId', ctx.args.requestId);
  // All callers with an API key are one user. The messages of all its runs would tell each of them the ids of the others'.
  if (!claimsOf(ctx) && !ctx.args.jobId && !ctx.args.requestId) {
    util.error('Callers with an API key watch a run or a job by its id: give requestId or jobId.', 'Unauthorized');
  }
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
 * an API key is public. `chalicelib/api/identity.py` has the same rules.
 *
 * @param {Context} ctx
 * @returns {Owner}
 */
function callerOf(ctx) {
  const claims = claimsOf(ctx);
  if (!claims) {
    if (util.authType() === 'API Key Authorization') {
      return { tenantId: PUBLIC, userId: PUBLIC };
    }
    util.error(NO_USER, 'Unauthorized');
  }
  const { tenantId, userId } = util.authType() === OPENID_CONNECT ? namesOfOidc(claims, OIDC) : namesOfUserPool(claims);
  if (!isIdText(tenantId) || !isIdText(userId)) {
    util.error(`The token's tenant and user must be text of at most ${MAX_NAME_CHARACTERS} characters without '#'.`, 'Unauthorized');
  }
  if (tenantId === PUBLIC && userId === PUBLIC) {
    util.error('The token names the user public of the tenant public, which is reserved for API keys.', 'Unauthorized');
  }
  return { tenantId, userId };
}

/**
 * Returns the names in a token of the user pool. None may look like a name of an identity provider.
 *
 * @param {Claims} claims
 * @returns {Names}
 */
function namesOfUserPool(claims) {
  if (claims.token_use !== 'id') {
    util.error('Send the ID token: access tokens lack the tenant claim.', 'Unauthorized');
  }
  const userId = userIn(claims, USER_ID_CLAIM);
  const tenantId = claimOr(claims, TENANT_ID_CLAIM, userId);
  if (isOfIssuer(userId) || isOfIssuer(tenantId)) {
    util.error("The token's tenant or user is named like one of an identity provider: https://issuer|name.", 'Unauthorized');
  }
  return { tenantId, userId };
}

/**
 * Returns the names in a token of the identity provider, with its issuer.
 *
 * @param {Claims} claims
 * @param {Oidc | null} oidc
 * @returns {Names}
 */
function namesOfOidc(claims, oidc) {
  // While Terraform adds a provider, AppSync takes its tokens before it has the new text of this resolver.
  if (!oidc) {
    util.error(NO_USER, 'Unauthorized');
  }
  const { audience, issuer, tenantIdClaim } = oidc;
  // AppSync has compared both, but it also accepts a token for another audience if its `azp` is the audience.
  if (claims.iss !== issuer || ![claims.aud].flat().includes(audience)) {
    util.error("The token was issued for another audience. Sign in with this system's client.", 'Unauthorized');
  }
  const userId = userIn(claims, 'sub');
  const tenantId = tenantIdClaim ? claimOr(claims, tenantIdClaim, userId) : userId;
  return { tenantId: ofIssuer(issuer, tenantId), userId: ofIssuer(issuer, userId) };
}

/**
 * @param {Context} ctx
 * @returns {Claims | undefined} the verified claims of the caller's token
 */
function claimsOf(ctx) {
  return /** @type {{ claims?: Claims } | null} */ (ctx.identity)?.claims;
}

/**
 * Returns the user in a token.
 *
 * @param {Claims} claims
 * @param {string} name
 * @returns {unknown}
 */
function userIn(claims, name) {
  const userId = claimOr(claims, name, '');
  if (userId === '') {
    util.error(`The token must name its user in the claim ${name}.`, 'Unauthorized');
  }
  return userId;
}

/**
 * @param {Claims} claims
 * @param {string} name
 * @param {unknown} absent
 * @returns {unknown} a claim; `absent` if it is missing, null or empty
 */
function claimOr(claims, name, absent) {
  const claim = claims[name] ?? '';
  return claim === '' ? absent : claim;
}

/**
 * @param {string} issuer
 * @param {unknown} name
 * @returns {unknown} a name in a token of the identity provider, with its issuer
 */
function ofIssuer(issuer, name) {
  return typeof name === 'string' ? `${issuer}|${name}` : name;
}

/**
 * @param {unknown} name
 * @returns {boolean} whether a name looks like one that has its issuer
 */
function isOfIssuer(name) {
  return typeof name === 'string' && name.startsWith('https://') && name.includes('|');
}

/**
 * Returns whether a name can be part of a record's owner, `tenant#user`. A '#' in it could impersonate another owner.
 *
 * @param {unknown} claim
 * @returns {claim is string}
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
