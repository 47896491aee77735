// What a user of examples/use-chat does: asks, stops watching, reloads, answers the question, and cancels another run.
import { createRoot } from 'react-dom/client';
import App from './App';
import user from './user.json';

const root = document.getElementById('root')!;
const seen: Record<string, unknown> = JSON.parse(sessionStorage.getItem('seen') ?? '{}');

function until<T>(look: () => T | null | undefined | false): Promise<T> {
  return new Promise((resolve) => {
    const check = () => {
      const found = look();
      if (found) resolve(found);
      else setTimeout(check, 10);
    };
    check();
  });
}
const find = <E extends Element>(selector: string) => until(() => root.querySelector<E>(selector));
const button = (text: string) => until(() => [...root.querySelectorAll('button')].find((each) => each.textContent === text && !each.disabled));
const shown = () => [...root.querySelectorAll<HTMLElement>('section')].map(({ dataset, innerText }) => ({ role: dataset.role, text: innerText }));
const question = () => find<HTMLInputElement>('label input');

async function send(text: string): Promise<void> {
  (await find<HTMLInputElement>('[name=text]')).value = text;
  (await button('Send')).click();
}

async function use(): Promise<void> {
  if (!sessionStorage.getItem('seen')) {
    (await find<HTMLInputElement>('[name=name]')).value = user.name;
    (await find<HTMLInputElement>('[name=password]')).value = user.password;
    (await button('Sign in')).click();
    await send('Buy three turbines.');
    await question();
    seen.asked = shown();
    (await button('Stop watching')).click();
    await find('main[data-status=ready]');
    sessionStorage.setItem('seen', JSON.stringify(seen));
    return location.reload();
  }
  (await question()).value = 'yes';
  (await button('Answer')).click();
  await until(() => root.textContent.includes('Bought'));
  await find('main[data-status=ready]');
  seen.answered = shown();
  await send('Buy four turbines.');
  await question();
  (await button('Cancel the run')).click();
  await find('main[data-status=ready]');
  await fetch('/report', { method: 'POST', body: JSON.stringify({ ...seen, chatId: location.hash.slice(1) }) });
}

const failed = (error: unknown) => fetch('/report', { method: 'POST', body: JSON.stringify({ ...seen, failed: String(error) }) });
addEventListener('error', ({ message }) => void failed(message));
createRoot(root).render(<App />);
use().catch(failed);
