/** Files to attach: picked here, or pasted into or dropped on the page. */
import { attachmentTypes } from '@runcast/client';
import { type ClipboardEvent, type DragEvent, useRef } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { type Attachment, type Attachments, type Taker } from './attachments.ts';
import { ErrorNotice } from './error-notice.tsx';
import { formatBytes } from './words.ts';

const ACCEPT = [...attachmentTypes.keys()].map((ending) => `.${ending}`).join();

/** Shows nothing if the agent takes no attachments and there are none. */
export function AttachmentField({ attachments, taker }: { attachments: Attachments; taker: Taker }) {
  const { all, add, retry, remove } = attachments;
  const refused = !taker.attachments && all.length > 0 ? `${noAttachments(taker)} Remove the files, or choose another agent.` : attachments.refused;
  const input = useRef<HTMLInputElement>(null);
  useAnnouncement(refused || stateOf(all));
  if (!taker.attachments && !refused) return null;
  // The button that was pressed will disappear.
  const moveFocus = () => input.current?.focus();
  return (
    <div className="attachments">
      {taker.attachments && (
        <label className="button">
          <input
            ref={input}
            className="visually-hidden"
            type="file"
            multiple
            accept={ACCEPT}
            onChange={({ currentTarget }) => {
              add([...currentTarget.files!]);
              // The same file may be picked again after it was removed.
              currentTarget.value = '';
            }}
          />
          Attach files
        </label>
      )}
      {taker.attachments && all.length === 0 && <small>or paste or drop them</small>}
      {all.length > 0 && (
        <ul aria-label="Attachments">
          {all.map((attachment, index) => (
            <li key={index} className="attachment">
              <Description
                attachment={attachment}
                onRetry={() => {
                  retry(attachment);
                  moveFocus();
                }}
              />
              <button
                type="button"
                className="quiet"
                aria-label={`Remove ${attachment.file.name}`}
                onClick={() => {
                  remove(attachment);
                  moveFocus();
                }}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      {refused && <ErrorNotice>{refused}</ErrorNotice>}
    </div>
  );
}

const noAttachments = ({ name }: Taker): string => `${name} takes no attachments.`;

/** Says how far the uploads are. */
function stateOf(all: readonly Attachment[]): string {
  const failed = all.find(({ problem }) => problem);
  if (failed) return `${failed.file.name}: ${failed.problem}`;
  const uploading = all.filter(({ id }) => id === null).map(({ file }) => file.name);
  if (uploading.length) return `Uploading ${uploading.join(', ')}`;
  return all.length ? `Attached: ${all.map(({ file }) => file.name).join(', ')}` : '';
}

/** Returns the handlers with which a page takes files that are pasted or dropped; an agent without attachments refuses them. */
export function fileHandlers({ add, refuse }: Attachments, taker: Taker) {
  const take = (event: ClipboardEvent | DragEvent, { files }: DataTransfer) => {
    if (!files.length) return;
    event.preventDefault();
    if (taker.attachments) add([...files]);
    else refuse(noAttachments(taker));
  };
  return {
    onPaste(event: ClipboardEvent) {
      // A text that was copied from an Office program comes with a picture of itself.
      if (!event.clipboardData.types.includes('text/plain')) take(event, event.clipboardData);
    },
    onDragOver(event: DragEvent) {
      if (event.dataTransfer.types.includes('Files')) event.preventDefault();
    },
    onDrop: (event: DragEvent) => take(event, event.dataTransfer),
  };
}

function Description({ attachment: { file, id, problem }, onRetry }: { attachment: Attachment; onRetry: () => void }) {
  return (
    <>
      <span className="attachment-name">{file.name}</span>
      <small>{formatBytes(file.size)}</small>
      {problem ? (
        <>
          <small className="attachment-problem">{problem}</small>
          <button type="button" className="quiet" aria-label={`Upload ${file.name} again`} onClick={onRetry}>
            Try again
          </button>
        </>
      ) : (
        id === null && <progress aria-label={`Uploading ${file.name}`} />
      )}
    </>
  );
}
