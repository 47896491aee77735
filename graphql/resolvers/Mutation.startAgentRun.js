// Starts a run through the run_starter Lambda. The Lambda checks every argument and decides from the caller's
// credential whose run it is, so this resolver hands over the verified claims, never an identity made from arguments.
import { util } from '@aws-appsync/utils';

/** @typedef {{ agent: string, query: string, parameters?: unknown, requestId?: string | null }} Arguments */
/** @typedef {{ requestId: string, status: string, createdAt: number }} StartedRun */
/** @typedef {{ data: StartedRun, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda to start the run. `parameters` arrives here parsed (AppSync) or as text, and is passed on as it is.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of run_starter
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'startAgentRun',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into a StartedRun, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {StartedRun}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The run could not be started. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
