// Starts a job through the run_starter Lambda. The Lambda checks every argument and decides from the caller's
// credential whose job it is, so this resolver hands over the verified claims, never an identity made from arguments.
import { util } from '@aws-appsync/utils';

/** @typedef {{ playbook: string, query: string, parameters?: unknown, jobId?: string | null }} Arguments */
/** @typedef {{ jobId: string, status: string, createdAt: number }} StartedJob */
/** @typedef {{ data: StartedJob, error?: { type: string, message: string } }} Answer */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, Answer | null>} Context */

/**
 * Asks the Lambda to start the job. `parameters` arrives here parsed (AppSync) or as text, and is passed on as it is.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').LambdaRequest} the event of run_starter
 */
export function request(ctx) {
  const identity = /** @type {import('@aws-appsync/utils').AppSyncIdentityCognito | null} */ (ctx.identity);
  return {
    operation: 'Invoke',
    payload: {
      field: 'startJob',
      arguments: ctx.args,
      authType: util.authType(),
      identity: identity?.claims ? { claims: identity.claims } : null,
    },
  };
}

/**
 * Turns the Lambda's answer into a StartedJob, or into the error it names.
 *
 * @param {Context} ctx
 * @returns {StartedJob}
 */
export function response(ctx) {
  // The Lambda's own error text may hold a stack, so it is not passed on.
  if (ctx.error || !ctx.result) {
    util.error('The job could not be started. Try again.', 'InternalFailure');
  }
  if (ctx.result.error) {
    util.error(ctx.result.error.message, ctx.result.error.type);
  }
  return ctx.result.data;
}
