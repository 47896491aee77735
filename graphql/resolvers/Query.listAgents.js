// Lists the agents and the playbooks through the progress_reader Lambda, which admits whoever may read runs: this
// resolver hands over the verified claims.
import { util } from '@aws-appsync/utils';

/** @typedef {{ name: string, description: string }} Named */
/** @typedef {{ agents: Named[], playbooks: Named[] }} AgentList */
/** @typedef {{ data: AgentList, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<{}, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda for both lists.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of progress_reader
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'listAgents',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into an AgentList, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {AgentList}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The agents could not be listed. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
