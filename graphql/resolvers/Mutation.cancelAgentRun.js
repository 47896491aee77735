// Cancels a run through the run_starter Lambda. The Lambda decides from the caller's credential whose run it is, so this
// resolver hands over the verified claims, never an identity made from arguments.
import { util } from '@aws-appsync/utils';

/** @typedef {{ requestId: string }} Arguments */
/** @typedef {{ success: boolean, requestId: string } & Record<string, unknown>} CancelAnswer */
/** @typedef {{ data: CancelAnswer, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda to cancel the run.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of run_starter
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'cancelAgentRun',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into a CancelAnswer, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {CancelAnswer}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The run could not be cancelled. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
