// Answers a field through a Lambda. The Lambda checks every argument and decides from the caller's credential whose data
// it is, so this resolver passes on the verified claims, never an identity made from arguments. JSON text passes as it
// is, because JavaScript would round integers over 2^53.
import { util } from '@aws-appsync/utils';

/** @typedef {{ data: unknown, error?: { type: string, message: string, retryAfter?: number } }} Answer */
/** @typedef {{ claims?: Record<string, unknown>, userArn?: string }} Identity */
/** @typedef {import('@aws-appsync/utils').Context<Record<string, unknown>, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda to answer the field.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of run_starter and progress_reader
 */
export function request(ctx) {
  const identity = /** @type {Identity | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: ctx.info.fieldName,
      arguments: ctx.args,
      authType: util.authType(),
      identity: verified(identity),
    },
  };
}

/**
 * Returns what AppSync has verified of the caller: a user's claims, or the ARN of a caller with AWS credentials.
 *
 * @param {Identity | null} identity
 * @returns {Identity | null}
 */
function verified(identity) {
  if (identity?.claims) {
    return { claims: identity.claims };
  }
  return identity?.userArn ? { userArn: identity.userArn } : null;
}

/**
 * Returns the Lambda's data, or raises the error that it names.
 *
 * @param {Context} ctx
 * @returns {unknown}
 */
export function response(ctx) {
  // The Lambda's own error text may contain a stack trace, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error(`${ctx.info.fieldName} failed. Try again.`, 'InternalFailure');
  }
  if (ctx.result.error) {
    const { message, type, retryAfter } = ctx.result.error;
    util.error(message, type, null, retryAfter ? { retryAfter } : null);
  }
  return ctx.result.data;
}
