/**
 * Uploads the attachments of runs.
 *
 * It is no method of `Runcast`, so that pages without attachments do not load it.
 */
import { RuncastError } from './errors.js';
import { createUpload } from './operations.js';
import { patience } from './patience.js';
import type { Runcast } from './runcast.js';

/** The files that runs take, by the ending of their names, with their content types. */
export const attachmentTypes: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
  ['pdf', 'application/pdf'],
  ['csv', 'text/csv'],
  ['doc', 'application/msword'],
  ['docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'],
  ['xls', 'application/vnd.ms-excel'],
  ['xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
  ['html', 'text/html'],
  ['txt', 'text/plain'],
  ['md', 'text/markdown'],
]);

/**
 * Uploads a file, and returns its id for the `attachments` of a start. Several runs may use it.
 *
 * @param file - One of `attachmentTypes`, of 10 MB at most.
 * @throws RuncastError - `BadRequest`: its type, name or size is refused. `TooManyRequests`: the user has uploaded too much.
 *   `Unavailable`: it was not stored, and may be tried again.
 */
export async function upload(runcast: Pick<Runcast, 'ask'>, file: File): Promise<string> {
  const { name, size: bytes } = file;
  // Browsers do not know the type of each file, and take a CSV file for that of another program.
  const contentType = attachmentTypes.get(endingOf(name)) ?? file.type;
  const { attachmentId, url, fields } = await runcast.ask<{ attachmentId: string; url: string; fields: string }>(createUpload, { name, contentType, bytes });
  const form = new FormData();
  for (const [field, value] of Object.entries<string>(JSON.parse(fields))) form.append(field, value);
  form.append('file', file);
  const response = await fetch(url, { method: 'POST', body: form, signal: AbortSignal.timeout(patience.upload) }).catch((error: Error) => {
    throw notStored(error.message);
  });
  if (!response.ok) throw notStored(`HTTP status ${response.status}`);
  return attachmentId;
}

const notStored = (why: string) => new RuncastError('Unavailable', `The file was not stored (${why}). Try again.`);

const endingOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1).toLowerCase();
