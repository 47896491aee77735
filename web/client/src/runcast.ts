/** The entry: starts, watches and lists the user's runs and jobs over one connection. */
import type { Auth, Stop } from './auth.js';
import type { Config } from './config.js';
import type { Conversation, ListedConversation } from './conversation.js';
import { createLive } from './live.js';
import {
  deleteConversation, getConversation, listAgentRuns, listAgents, listConversations, startAgentRun, startJob,
} from './operations.js';
import { patience } from './patience.js';
import { createSession } from './session.js';
import { parsed } from './step.js';
import type { Liveness, Status } from './view.js';
import { follow, type FollowedRun, type Start, type Watch } from './watch.js';

/** A JSON object. */
export type Parameters = Readonly<Record<string, unknown>>;

/** A run or a job of the list. */
export interface ListedRun {
  readonly requestId: string;
  readonly agent: string;
  /** The job that the run belongs to; of a job, its own id. */
  readonly jobId: string | null;
  /** Of a job: the playbook that it executes. */
  readonly playbook: string | null;
  /** The conversation that the run belongs to. */
  readonly conversationId: string | null;
  /** The beginning of its query; null if no API has started it. */
  readonly query: string | null;
  readonly status: Status;
  readonly liveness: Liveness;
  /** How many steps have been recorded. */
  readonly seq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly error: string | null;
  readonly reason: string | null;
}

/** A part of a list. */
export interface Page {
  /** At most so many entries, 1 to 50. */
  readonly limit?: number;
  /** The `nextCursor` of the previous page. */
  readonly cursor?: string;
}

export interface ListFilter extends Page {
  /** Only runs with this status. */
  readonly status?: string;
  /** Only runs of this agent. */
  readonly agent?: string;
}

/** A playbook that can be started as a job. */
export interface Startable {
  readonly name: string;
  readonly description: string;
}

/** An agent that can be started. */
export interface StartableAgent extends Startable {
  /** The JSON Schema of its parameters; null if it declares none. */
  readonly parametersSchema: Parameters | null;
  /** Whether its runs take attachments. */
  readonly attachments: boolean;
}

/** A new run of an agent, or with `rerunOf` a run or a job with the input of an earlier one. */
export type NewRun =
  | {
      readonly agent: string;
      readonly query: string;
      readonly parameters?: Parameters;
      /** What `upload` has returned for at most 5 files, of 20 MB together. */
      readonly attachments?: readonly string[];
      /** A UUID: the conversation that the run continues. An unused one starts a new conversation. */
      readonly conversationId?: string;
      /** A complete run of a conversation: starts a new conversation from the state in which that run ended. */
      readonly branchFrom?: string;
    }
  | { readonly rerunOf: string };

interface AgentInfo extends Omit<StartableAgent, 'parametersSchema'> {
  readonly parametersSchema: string | null;
}

/** One user's runs and jobs. */
export interface Runcast {
  /** Starts a run. It is started once, however often the request has to be repeated. */
  start(run: NewRun): Watch;
  /** Starts a job. */
  startJob(job: { playbook: string; query: string; parameters?: Parameters }): Watch;
  /** Watches a run or a job by its id. While it is followed, the same id gives the same watch. */
  watch(id: string): Watch;
  /**
   * Lists runs and jobs, newest first. A page may be short, or even empty, and still have a `nextCursor`.
   *
   * @throws RuncastError - Nobody is signed in, or there is no answer.
   */
  list(filter?: ListFilter): Promise<{ runs: ListedRun[]; nextCursor: string | null }>;
  /**
   * Lists what can be started.
   *
   * @throws RuncastError - Nobody is signed in, or there is no answer.
   */
  agents(): Promise<{ agents: StartableAgent[]; playbooks: Startable[] }>;
  /**
   * Lists conversations, the one with the newest turn first. A new one may be missing for some seconds.
   *
   * @throws RuncastError - Nobody is signed in, or there is no answer.
   */
  conversations(page?: Page): Promise<{ conversations: ListedConversation[]; nextCursor: string | null }>;
  /**
   * Returns a conversation; null if this user has none with this id: it has no turn yet, was deleted, or has expired.
   *
   * @throws RuncastError - Nobody is signed in, or there is no answer.
   */
  conversation(id: string): Promise<Conversation | null>;
  /**
   * Deletes a conversation and its messages. Idempotent.
   *
   * @throws RuncastError - `Conflict`: it has an open run. `BadRequest`: the user has no such conversation.
   */
  deleteConversation(id: string): Promise<void>;
  /**
   * Sends a GraphQL document that is not among those above. Returns the answer of its only field.
   *
   * @throws RuncastError - It is refused, nobody is signed in, or there is no answer.
   */
  ask<T>(document: string, variables?: object): Promise<T>;
  /** Calls `listener` when the user signs in or out, or is another one. */
  onUser(listener: () => void): Stop;
}

/**
 * Connects to Runcast as the signed-in user. Nothing is sent before the first call.
 *
 * @param options - `config`: Terraform's output `frontend_config`; `auth`: `cognitoAuth(config)`, `amplifyAuth(...)` or
 *   an object of your own.
 */
export function createRuncast({ config, auth }: { config: Config; auth: Auth }): Runcast {
  const session = createSession(config, auth);
  const live = createLive(config, session);
  const shared = { session, live };
  const watches = new Map<string, FollowedRun>();

  // It notices who the user is, and tells the others.
  auth.onChange(() => void session.token().catch(() => {}));
  const wake = () => {
    if (globalThis.document?.hidden) return;
    live.wake();
    watches.forEach((watch) => watch.doubt());
  };
  for (const event of ['online', 'visibilitychange']) globalThis.addEventListener?.(event, wake);

  const watch = (id: string, start?: Start): Watch => {
    const found = watches.get(id);
    if (found) return found;
    const made = follow(id, shared, start, () => {
      if (watches.get(id) === made) watches.delete(id);
    });
    watches.set(id, made);
    return made;
  };
  const begin = (kind: Start['kind'], document: string, input: object & { parameters?: Parameters }): Watch => {
    const id = uuid();
    const parameters = input.parameters && JSON.stringify(input.parameters);
    const variables = { ...input, parameters, [kind === 'job' ? 'jobId' : 'requestId']: id };
    return watch(id, { kind, begin: () => session.ask(document, variables, patience.start) });
  };

  return {
    start: (run) => begin('rerunOf' in run ? null : 'run', startAgentRun, run),
    startJob: (job) => begin('job', startJob, job),
    watch: (id) => watch(usualSpelling(id)),
    list: (filter) => session.ask(listAgentRuns, filter),
    async agents() {
      const { agents, playbooks } = await session.ask<{ agents: AgentInfo[]; playbooks: Startable[] }>(listAgents);
      return { agents: agents.map((agent) => ({ ...agent, parametersSchema: parsed(agent.parametersSchema) as Parameters | null })), playbooks };
    },
    conversations: (page) => session.ask(listConversations, page),
    async conversation(conversationId) {
      const answer = await session.ask<Conversation & { success: boolean }>(getConversation, { conversationId });
      return answer.success ? answer : null;
    },
    deleteConversation: (conversationId) => session.change(deleteConversation, { conversationId }),
    ask: session.ask,
    onUser: session.onUser,
  };
}

/** Returns an id as records and live messages have it: a UUID is in lower case. */
const usualSpelling = (id: string) => (/^[\da-f-]{36}$/i.test(id) ? id.toLowerCase() : id);

/** Returns a random UUID. `crypto.randomUUID` is missing in pages without TLS. */
function uuid(): string {
  // An 8, the variant, becomes one of 8, 9, a and b; a 0 any digit.
  return '00000000-0000-4000-8000-000000000000'.replace(/[08]/g, (digit) =>
    (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0]! & (15 >> (+digit / 4)))).toString(16),
  );
}
