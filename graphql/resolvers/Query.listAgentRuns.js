// Lists the caller's runs through the progress_reader Lambda. The Lambda decides whose runs they are from the caller's
// credential, so this resolver hands over the verified claims and never an identity made from arguments.
import { util } from '@aws-appsync/utils';

/** @typedef {{ limit?: number | null, cursor?: string | null }} Arguments */
/** @typedef {{ runs: Array<Record<string, unknown>>, nextCursor: string | null }} AgentRuns */
/** @typedef {{ data: AgentRuns, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda for the runs.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of progress_reader
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'listAgentRuns',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into AgentRuns, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {AgentRuns}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The runs could not be listed. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
