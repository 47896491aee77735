// Three turns of a conversation. Each is watched live to its end; then another tab reads the messages.
export async function report({ agent, tab, tabOfAnother, until, over }) {
  const runcast = tab();
  const conversationId = "00000000-0000-4000-8000-000000000000".replace(/0/g, () => Math.floor(Math.random() * 16).toString(16));

  async function watched(query) {
    const watch = runcast.start({ agent, query, conversationId });
    const texts = new Set();
    watch.subscribe(() => texts.add(watch.view.text));
    return { id: watch.id, view: await until(watch, over), texts: [...texts] };
  }

  const before = await runcast.conversation(conversationId);
  const turns = [];
  for (const query of ["Where is it flat?", "And where is it steep?", "Thank you."]) turns.push(await watched(query));
  const conversation = await tab().conversation(conversationId);
  const { conversations } = await tab().conversations({ limit: 50 });
  const other = await (await tabOfAnother()).conversation(conversationId);
  await runcast.deleteConversation(conversationId);
  const afterwards = await runcast.conversation(conversationId);
  return { before, turns, conversation, listed: conversations.map(({ conversationId }) => conversationId), other, afterwards };
}
