/** The files for a run or a message: they are uploaded while the user writes. */
import { attachmentTypes, type StartableAgent, upload } from '@runcast/client';
import { useRuncast } from '@runcast/react';
import { useState } from 'react';
import { formatBytes, MB } from './words.ts';

export interface Attachment {
  readonly file: File;
  /** Null until the file is uploaded. */
  readonly id: string | null;
  /** Why it was not uploaded; empty while it is uploading, and after that. */
  readonly problem: string;
}

/** What is to be started. Playbooks take no attachments. */
export type Taker = Pick<StartableAgent, 'name' | 'attachments'>;

export interface Attachments {
  readonly all: readonly Attachment[];
  /** Why the files that were added last are not among them; empty if they are. */
  readonly refused: string;
  add(files: Iterable<File>): void;
  /** Uploads a file again that was not uploaded. */
  retry(attachment: Attachment): void;
  /** Says why files are not taken. */
  refuse(reason: string): void;
  remove(attachment: Attachment): void;
  /** Replaces all of them by others, which are uploaded. */
  replace(all: readonly Attachment[]): void;
}

const MAX_FILES = 5;
const MAX_BYTES = 10 * MB;
const MAX_TOTAL_BYTES = 20 * MB;

export function useAttachments(): Attachments {
  const runcast = useRuncast();
  const [all, setAll] = useState<readonly Attachment[]>([]);
  const [refused, setRefused] = useState('');
  const send = async (file: File) => {
    const change = (to: Partial<Attachment>) => setAll((before) => before.map((each) => (each.file === file ? { ...each, ...to } : each)));
    change({ problem: '' });
    await upload(runcast, file).then(
      (id) => change({ id }),
      (error: Error) => change({ problem: error.message }),
    );
  };
  return {
    all,
    refused,
    add(files) {
      const { taken, refused } = select(all.map(({ file }) => file), files);
      setRefused(refused);
      // An upload may have ended since `all` was rendered.
      setAll((now) => [...now, ...taken.map((file) => ({ file, id: null, problem: '' }))]);
      for (const file of taken) void send(file);
    },
    retry: ({ file }) => void send(file),
    refuse: setRefused,
    remove({ file }) {
      setRefused('');
      setAll((now) => now.filter((each) => each.file !== file));
    },
    replace(next) {
      setRefused('');
      setAll(next);
    },
  };
}

/** Returns those of the added files that may be sent together with the present ones, and why the others may not. */
export function select(present: readonly File[], added: Iterable<File>): { taken: File[]; refused: string } {
  const taken: File[] = [];
  const refusals: string[] = [];
  for (const file of added) {
    const refusal = refusalOf(file, [...present, ...taken]);
    if (refusal) refusals.push(refusal);
    else taken.push(file);
  }
  return { taken, refused: refusals.join(' ') };
}

function refusalOf({ name, size, type }: File, others: readonly File[]): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  if (!attachmentTypes.has(ending) && ![...attachmentTypes.values()].includes(type)) {
    return `${name} is of another type than those that agents take: ${[...attachmentTypes.keys()].join(', ')}.`;
  }
  if (!size) return `${name} is empty.`;
  if (size > MAX_BYTES) return `${name} has ${formatBytes(size)}; at most ${formatBytes(MAX_BYTES)} are allowed.`;
  if (others.length >= MAX_FILES) return `${name} is one too many: at most ${MAX_FILES} files are allowed.`;
  const total = others.reduce((sum, other) => sum + other.size, size);
  return total > MAX_TOTAL_BYTES ? `With ${name}, the files have ${formatBytes(total)}; at most ${formatBytes(MAX_TOTAL_BYTES)} are allowed.` : '';
}

/** Returns the ids for a start, as its field. */
export const attachmentsOf = (all: readonly Attachment[]): { attachments?: string[] } => (all.length ? { attachments: all.map(({ id }) => id!) } : {});

/** Whether a run of this agent or playbook can be started with them now. */
export const sendable = (all: readonly Attachment[], { attachments: taken }: Taker): boolean => all.every(({ id }) => taken && id !== null);
