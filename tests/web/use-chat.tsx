// What a user of examples/use-chat does: asks, stops watching, reloads, answers the question, and cancels another run.
import { createRoot } from 'react-dom/client';
import App from './App';
import { act, answer, button, find, question, reload, reloaded, report, root, seen, signIn, until } from './user';

const shown = () => [...root.querySelectorAll<HTMLElement>('section')].map(({ dataset, innerText }) => ({ role: dataset.role, text: innerText }));

async function send(text: string): Promise<void> {
  (await find<HTMLInputElement>('[name=text]')).value = text;
  (await button('Send')).click();
}

async function use(): Promise<void> {
  if (!reloaded) {
    await signIn();
    await send('Buy three turbines.');
    await question();
    seen.asked = shown();
    (await button('Stop watching')).click();
    await find('main[data-status=ready]');
    return reload();
  }
  await answer();
  await until(() => root.textContent.includes('Bought'));
  await find('main[data-status=ready]');
  seen.answered = shown();
  await send('Buy four turbines.');
  await question();
  (await button('Cancel the run')).click();
  await find('main[data-status=ready]');
  await report({ chatId: location.hash.slice(1) });
}

createRoot(root).render(<App />);
act(use);
