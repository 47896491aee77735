/** Runcast on a real local socket: one run or one job with its runs, and faults that a test sets. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Auth, Config } from '../src/index.js';
import type { SentStep } from '../src/step.js';

export const USER_ID = 'user-1';

export const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`;

type FakeStep = Omit<SentStep, 'seq'> & { seq: number };

export class FakeRecord {
  steps: FakeStep[] = [];
  status = 'in_progress';
  liveness = 'live';
  result: string | null = null;

  constructor(
    readonly server: FakeRuncast,
    readonly requestId: string,
    readonly jobId: string | null = null,
    readonly name = '',
  ) {}

  /** Records a step, without a message on the live channel. */
  record(status: string, message = '', metadata?: object, toolName: string | null = null): number {
    const seq = this.steps.length + 1;
    const json = metadata ? JSON.stringify(metadata) : null;
    this.steps.push({ seq, status, message, metadata: json, timestamp: 1_000 + seq, agentName: 'terrain', toolName });
    return seq;
  }

  /** Sends recorded steps on the live channel. */
  send(...seqs: number[]): void {
    for (const seq of seqs) this.sendUpdate(this.steps[seq - 1]!);
  }

  sendUpdate(update: object): void {
    const { requestId, jobId } = this;
    const blank = { agentName: null, toolName: null, message: null, timestamp: 1_000, metadata: null, seq: null };
    this.server.send({ ...blank, requestId, jobId, ...update });
  }

  /** Records steps and sends them. */
  step(status: string, message = '', metadata?: object, toolName?: string): number {
    const seq = this.record(status, message, metadata, toolName);
    this.send(seq);
    return seq;
  }

  /** Asks a question. */
  ask(id: string, name: string, reason?: unknown): void {
    this.status = 'waiting';
    this.step('waiting', 'Waiting for an answer', { interrupts: [{ id, name, reason }] });
  }

  end(status = 'complete', result: unknown = null): void {
    this.status = status;
    this.liveness = 'done';
    this.result = JSON.stringify(result);
    this.record(status === 'complete' ? 'agent_complete' : status);
  }

  progress(afterSeq: number, pageSteps: number) {
    const steps = this.steps.slice(afterSeq, afterSeq + pageSteps);
    const last = afterSeq + steps.length;
    const isJob = this.requestId === this.jobId;
    return {
      success: true,
      steps,
      status: this.status,
      liveness: this.liveness,
      createdAt: 1_000,
      error: null,
      reason: null,
      nextSeq: last < this.steps.length ? last : null,
      result: this.result,
      conversationId: null,
      playbook: isJob ? 'survey' : null,
      runs: isJob ? this.server.runs.map((run) => run.node()) : null,
      resultLink: null,
    };
  }

  node() {
    const { name, requestId, status, liveness, steps } = this;
    const seq = steps.length;
    return { name, agent: name, stage: 'one', attempt: 1, requestId, status, liveness, seq, elapsed: 1, createdAt: 1_000, error: null, reason: null };
  }
}

export class FakeRuncast implements Auth {
  url = '';
  own: FakeRecord | undefined;
  runs: FakeRecord[] = [];
  agents: object[] = [];
  /** What `getConversation` answers; undefined for no such conversation. */
  conversation: object | undefined;
  pageSteps = 500;
  blocked = false;
  /** Whether sockets open, but get no answer. */
  mute = false;
  /** Answers of the next requests instead of the proper ones; null hangs up. */
  troubles: (object | null | undefined)[] = [];
  requests: { field: string; variables: Record<string, unknown>; token: string }[] = [];
  sockets = new Set<WebSocket>();
  opened = 0;
  subscriptions = new Map<string, { socket: WebSocket; id: string; variables: Record<string, string> }>();
  idToken: string | null = jwt({ sub: USER_ID, n: 1 });
  forced = 0;
  started: ((id: string, isJob: boolean) => void) | undefined;
  /** The files that were uploaded, and the fields before them. */
  uploads: FormData[] = [];
  /** The HTTP status of the next uploads. */
  uploadStatus = 204;
  /** Whether the uploads are answered, once that is known. Otherwise they break off. */
  stored = Promise.resolve(true);
  #listeners = new Set<() => void>();
  #http = createServer((request, response) => void this.#answer(request, response));
  #websockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphql-ws' });

  async listen(): Promise<this> {
    this.#http.on('upgrade', (request, socket, head) => {
      this.opened++;
      if (this.blocked) return void socket.destroy();
      this.#websockets.handleUpgrade(request, socket, head, (websocket) => this.#serve(websocket));
    });
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    return this;
  }

  close(): void {
    this.drop();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  get config(): Config {
    return {
      Auth: { Cognito: { userPoolId: 'pool', userPoolClientId: 'client', userPoolEndpoint: this.url } },
      API: { GraphQL: { endpoint: `${this.url}/graphql` } },
      runcast: { realtimeUrl: `${this.url.replace('http', 'ws')}/realtime`, userIdClaim: 'sub' },
    };
  }

  // The user's sign-in

  token = async ({ force }: { force: boolean }) => {
    if (force) this.forced++;
    return this.idToken;
  };

  onChange(listener: () => void) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  signIn(idToken: string | null): void {
    this.idToken = idToken;
    this.#listeners.forEach((listener) => listener());
  }

  // The live channel

  drop(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  /** Ends all subscriptions; their sockets stay open. */
  end(): void {
    for (const { socket, id } of this.subscriptions.values()) socket.send(JSON.stringify({ id, type: 'error', payload: {} }));
    this.subscriptions.clear();
  }

  send(update: { requestId: string; jobId: string | null }): void {
    for (const { socket, id, variables } of this.subscriptions.values()) {
      const { requestId, jobId } = variables;
      if ((requestId && requestId !== update.requestId) || (jobId && jobId !== update.jobId)) continue;
      socket.send(JSON.stringify({ id, type: 'data', payload: { data: { onStatusUpdate: update } } }));
    }
  }

  #serve(socket: WebSocket): void {
    this.sockets.add(socket);
    const mine = new Set<string>();
    socket.on('close', () => {
      this.sockets.delete(socket);
      mine.forEach((id) => this.subscriptions.delete(id));
    });
    socket.on('message', (text) => {
      if (this.mute) return;
      const { type, id, payload } = JSON.parse(String(text));
      const send = (frame: object) => socket.send(JSON.stringify(frame));
      if (type === 'connection_init') send({ type: 'connection_ack', payload: { connectionTimeoutMs: 300_000 } });
      if (type === 'start') {
        const { variables } = JSON.parse(payload.data);
        this.subscriptions.set(id, { socket, id, variables });
        mine.add(id);
        send({ type: 'start_ack', id });
      }
      if (type === 'stop') {
        this.subscriptions.delete(id);
        send({ type: 'complete', id });
      }
    });
  }

  // The requests

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // As AppSync does, so that pages of any origin may ask.
    for (const what of ['Origin', 'Headers']) response.setHeader(`Access-Control-Allow-${what}`, '*');
    if (request.method === 'OPTIONS') return void response.end();
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    if (request.url === '/bucket') {
      this.uploads.push(await new Response(body, { headers: { 'Content-Type': request.headers['content-type']! } }).formData());
      if (!(await this.stored)) return void request.socket.destroy();
      return void response.writeHead(this.uploadStatus).end();
    }
    const { query, variables } = JSON.parse(String(body));
    const field = /\{(\w+)/.exec(query)![1]!;
    this.requests.push({ field, variables, token: request.headers.authorization! });
    const trouble = this.troubles.shift();
    if (trouble === null) return void request.socket.destroy();
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(trouble ?? { data: { [field]: this.#result(field, variables) } }));
  }

  #result(field: string, variables: Record<string, string>): unknown {
    const records = [...(this.own ? [this.own] : []), ...this.runs];
    if (field === 'getAgentProgress') {
      const record = records.find(({ requestId }) => requestId === variables.requestId);
      if (!record) return { success: false, error: 'No such run.' };
      return record.progress(Number(variables.afterSeq), this.pageSteps);
    }
    if (field === 'startAgentRun' || field === 'startJob') {
      const id = (variables.requestId ?? variables.jobId)!;
      this.own ??= new FakeRecord(this, id, variables.jobId ?? null);
      setTimeout(() => this.started?.(id, field === 'startJob'));
      return { requestId: id, status: 'in_progress', createdAt: 1_000 };
    }
    if (field === 'answerAgentRun') {
      this.own!.status = 'in_progress';
      this.own!.step('answered', '', { questions: JSON.parse(variables.answers!) });
      return { success: true, liveness: 'live', status: 'in_progress' };
    }
    if (field === 'getConversation') return { success: !!this.conversation, ...this.conversation };
    if (field === 'createUpload') {
      const fields = JSON.stringify({ key: `uploads/${variables.name}`, 'Content-Type': variables.contentType });
      return { attachmentId: `attachment-${variables.name}`, url: `${this.url}/bucket`, fields, expiresAt: 2_000 };
    }
    if (field === 'deleteConversation') return { success: !!this.conversation, error: 'No such conversation.' };
    if (field === 'cancelAgentRun') return { success: true, liveness: 'cancelling', status: 'in_progress' };
    return { runs: [], conversations: [], nextCursor: null, agents: this.agents, playbooks: [] };
  }
}
