// Sends one status message to its subscribers. There is nothing to store: the NONE data source echoes the input, and
// AppSync delivers what the mutation selected of it. Only IAM callers get here (the schema's directive), so whose
// message it is has been decided before. AppSync drops a message over its limit without an error: it is refused here.
import { util } from '@aws-appsync/utils';

// AppSync delivers at most 240 KB to a subscriber; the rest is room for the envelope.
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
 * Returns the size of a text in UTF-8. `length` counts UTF-16 code units, a third of it for most of Asia's scripts.
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
 * Returns the message as it was sent; `metadata` stays the JSON text that it is.
 *
 * @param {Context} ctx
 * @returns {StatusUpdate}
 */
export function response(ctx) {
  return ctx.result;
}
