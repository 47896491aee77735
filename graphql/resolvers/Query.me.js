// Returns what AppSync has verified of the caller's token. The REST API sends a caller's token here instead of verifying it
// itself, and applies the rules of `chalicelib/api/identity.py` to the claims. No data source is needed.
import { util } from '@aws-appsync/utils';

/** @typedef {{ authType: string | undefined, claims: string }} VerifiedToken */
/** @typedef {import('@aws-appsync/utils').Context<{}, {}, undefined, undefined, VerifiedToken>} Context */

/**
 * Passes on the verified claims, as JSON text, and how the caller is authorized.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').NONERequest}
 */
export function request(ctx) {
  const identity = /** @type {{ claims: unknown }} */ (ctx.identity);
  return { payload: { authType: util.authType(), claims: JSON.stringify(identity.claims) } };
}

/**
 * @param {Context} ctx
 * @returns {VerifiedToken} the payload
 */
export function response(ctx) {
  return ctx.result;
}
