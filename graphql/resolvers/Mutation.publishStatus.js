// Sends one status message to its subscribers. There is nothing to store: the NONE data source echoes the input, and
// AppSync delivers what the mutation selected of it. Only IAM callers get here (the schema's directive), so whose
// message it is has been decided before. AppSync drops a message over its limit without an error: it is refused here.
import { util } from '@aws-appsync/utils';

// AppSync delivers at most 240 KB to a subscriber; the rest is room for the envelope and for escapes.
// Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
const MAX_INPUT_CHARACTERS = 200000;

/** @typedef {Record<string, unknown>} StatusUpdate */
/** @typedef {{ input: StatusUpdate }} Arguments */
/** @typedef {import('@aws-appsync/utils').Context<Arguments, {}, undefined, undefined, StatusUpdate>} Context */

/**
 * Passes the message through, if AppSync can deliver it.
 *
 * @param {Context} ctx
 * @returns {import('@aws-appsync/utils').NONERequest}
 */
export function request(ctx) {
  const characters = JSON.stringify(ctx.args.input).length;
  if (characters > MAX_INPUT_CHARACTERS) {
    util.error(`input must be at most ${MAX_INPUT_CHARACTERS} characters as JSON, not ${characters}.`, 'BadRequest');
  }
  return { payload: ctx.args.input };
}

/**
 * Returns the message as it was sent; `metadata` stays the JSON text that it is.
 *
 * @param {Context} ctx
 * @returns {StatusUpdate}
 */
export function response(ctx) {
  return ctx.result;
}
