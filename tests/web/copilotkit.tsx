// What a user of examples/copilotkit does: asks, reloads while the agent waits, answers the question, and reloads again.
import { createRoot } from 'react-dom/client';
import App from './App';
import { act, answer, find, question, reload, reloaded, report, root, seen, signIn, until } from './user';

const shown = () =>
  [...root.querySelectorAll<HTMLElement>('[data-testid=copilot-user-message], [data-testid=copilot-assistant-message]')].map(
    ({ dataset, textContent }) => ({ role: dataset.testid!.split('-')[1], text: textContent }),
  );

async function send(text: string): Promise<void> {
  const field = await find<HTMLTextAreaElement>('[data-testid=copilot-chat-textarea]');
  // React notices a value that the element's own setter has not set.
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value')!.set!.call(field, text);
  field.dispatchEvent(new Event('input', { bubbles: true }));
  (await find<HTMLButtonElement>('[data-testid=copilot-send-button]:not(:disabled)')).click();
}

async function use(): Promise<void> {
  if (!reloaded) {
    await signIn();
    await send('Buy three turbines.');
    await question();
    seen.asked = shown();
    return reload();
  }
  if (!seen.answered) {
    await question();
    seen.askedAgain = shown();
    await answer();
    await until(() => root.textContent.includes('Bought'));
    await until(() => !root.querySelector('[data-copilot-running=true]'));
    seen.answered = shown();
    return reload();
  }
  await until(() => root.textContent.includes('Bought'));
  await report({ threadId: location.hash.slice(1), last: shown(), questions: root.querySelectorAll('label input').length });
}

createRoot(root).render(<App />);
act(use);
