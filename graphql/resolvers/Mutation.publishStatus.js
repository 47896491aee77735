// Sends one status message to its subscribers. The NONE data source returns the input, and AppSync delivers the selected
// fields. The schema admits only IAM callers, so the message's owner is trusted. AppSync silently drops a message over its
// limit, so this resolver refuses it with an error.
import { util } from '@aws-appsync/utils';

// AppSync delivers at most 240 KB to a subscriber. The difference is for the envelope.
// Source: https://docs.aws.amazon.com/general/latest/gr/appsync.html
const MAX_INPUT_BYTES = 200 * 1024;

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
  const bytes = utf8Bytes(JSON.stringify(ctx.args.input));
  if (bytes > MAX_INPUT_BYTES) {
    util.error(`input must be at most ${MAX_INPUT_BYTES} bytes as JSON, not ${bytes}.`, 'BadRequest');
  }
  return { payload: ctx.args.input };
}

/**
 * Returns the size of a text in UTF-8. `length` counts UTF-16 code units, a third of the size for most Asian scripts.
 *
 * @param {string} text
 * @returns {number}
 */
function utf8Bytes(text) {
  const encoded = util.base64Encode(text); // 4 characters for 3 bytes, the last ones padded with "="
  const padding = (encoded.endsWith('=') ? 1 : 0) + (encoded.endsWith('==') ? 1 : 0);
  return (encoded.length / 4) * 3 - padding;
}

/**
 * Returns the message unchanged; `metadata` remains JSON text.
 *
 * @param {Context} ctx
 * @returns {StatusUpdate}
 */
export function response(ctx) {
  return ctx.result;
}
