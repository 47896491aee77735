// Reads a run's record through the progress_reader Lambda. The Lambda decides whose record it is from the caller's
// credential, so this resolver hands over the verified claims and never an identity made from arguments. `metadata` and
// `result` are JSON text and pass untouched: JavaScript would round integers over 2^53.
import { util } from '@aws-appsync/utils';

/** @typedef {{ requestId: string, afterSeq?: number | null }} Arguments */
/** @typedef {Record<string, unknown>} Progress */
/** @typedef {{ data: Progress, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda for the record.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of progress_reader
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'getAgentProgress',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into an AgentProgress, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {Progress}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The run could not be read. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
