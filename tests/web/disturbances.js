// What happens to a page while a run goes on. Each flow reports the id and the last view, for a comparison with the record.
const sockets = new Set();
let offline = false;
const { WebSocket: Socket, fetch: ask } = globalThis;
globalThis.fetch = (...request) => (offline ? Promise.reject(new TypeError("offline")) : ask(...request));
globalThis.WebSocket = class extends Socket {
  constructor(url, protocols) {
    super(offline ? "ws://127.0.0.1:9/" : url, protocols);
    sockets.add(this);
  }
};

export async function report({ config, agent, auth, tab, until, over }) {
  const runcast = tab();
  const begun = ({ steps }) => steps.length > 1;
  const start = (of = runcast) => of.start({ agent, query: "[model:slow 1] Where is it flat?" });
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const ended = async (watch, more = {}) => ({ id: watch.id, view: await until(watch, over), ...more });

  const flows = {
    async blockedSockets() {
      const blocked = { ...config, runcast: { ...config.runcast, realtimeUrl: "ws://127.0.0.1:9/" } };
      return ended(start(tab(blocked)));
    },
    async twoTabs() {
      const watch = start();
      await until(watch, begun);
      const other = tab().watch(watch.id);
      return ended(watch, { other: await until(other, over) });
    },
    async reload() {
      const watch = start();
      await until(watch, begun);
      watch.close();
      return ended(tab().watch(watch.id));
    },
    async refusedToken() {
      const token = async ({ force }) => {
        const valid = await auth.token({ force: false });
        return force ? valid : `${valid.slice(0, -8)}AAAAAAAA`;
      };
      return ended(start(tab(config, { token, onChange: auth.onChange })));
    },
    async cancel() {
      const watch = start();
      await until(watch, begun);
      await watch.cancel();
      return ended(watch);
    },
    async job() {
      const [playbook] = (await runcast.agents()).playbooks;
      return playbook ? ended(runcast.startJob({ playbook: playbook.name, query: "Where could a wind farm be built?" })) : null;
    },
  };

  const reports = await Promise.all(Object.entries(flows).map(async ([name, flow]) => [name, await flow()]));
  const cut = start();
  await until(cut, begun);
  offline = true;
  sockets.forEach((socket) => socket.close());
  const offlineView = await until(cut, ({ connection }) => connection === "offline");
  await sleep(10_000);
  offline = false;
  const networkCut = await ended(cut, { offline: offlineView });
  // Signed out by another page of the same origin, which only the storage tells.
  const frame = document.documentElement.appendChild(document.createElement("iframe"));
  const signedOut = runcast.watch(cut.id);
  await until(signedOut, over);
  frame.contentWindow.localStorage.clear();
  const afterwards = await until(signedOut, ({ connection }) => connection === "signed-out");
  return { ...Object.fromEntries(reports), networkCut, afterwards };
}
