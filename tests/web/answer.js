// A run asks a question. The second tab answers it, then the first tab tries to answer it differently.
export async function report({ agent, tab, until, over }) {
  const watch = tab().start({ agent, query: "Buy turbines." });
  const other = tab().watch(watch.id);
  const [{ questions }, { questions: sameQuestions }] = await Promise.all(
    [watch, other].map((each) => until(each, ({ questions }) => questions.length)),
  );
  const answers = Object.fromEntries(questions.map(({ id }) => [id, "yes"]));
  await other.answer(answers);
  const answered = await until(watch, ({ status }) => status !== "waiting");
  const tooLate = await watch.answer({ [questions[0].id]: "no" }).catch(({ type }) => type);
  return { id: watch.id, questions, sameQuestions, answered, tooLate, view: await until(watch, over), other: await until(other, over) };
}
