// The first user starts a run and watches it to its end; the second one watches the same id.
export async function report({ agent, tab, tabOfAnother, until, over }) {
  const runcast = tab();
  const other = await tabOfAnother();
  const connections = new Set();
  const watch = runcast.start({ agent, query: "Where is the ground flat?" });
  watch.subscribe(() => connections.add(watch.view.connection));
  const view = await until(watch, over);
  const others = await until(other.watch(watch.id), ({ status }) => status !== "starting");
  const { runs } = await runcast.list({ limit: 50 });
  const { agents } = await runcast.agents();
  return {
    id: watch.id,
    view,
    others,
    connections: [...connections],
    listed: runs.map(({ requestId }) => requestId),
    agents: agents.map(({ name }) => name),
  };
}
