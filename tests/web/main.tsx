// What a user of the page of docs/frontend.md does: sign in, start, and look until the run has ended.
import { createRoot } from 'react-dom/client';
import App from './App';
import user from './user.json';

const root = document.body.appendChild(document.createElement('div'));
createRoot(root).render(<App />);

async function find<E extends Element>(selector: string): Promise<E> {
  for (;;) {
    const found = root.querySelector<E>(selector);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function use() {
  (await find<HTMLInputElement>('[name=name]')).value = user.name;
  (await find<HTMLInputElement>('[name=password]')).value = user.password;
  (await find<HTMLFormElement>('form')).requestSubmit();
  (await find<HTMLButtonElement>('button:not(form *)')).click();
  await find('.runcast-progress[data-status=complete]');
  const steps = [...root.querySelectorAll<HTMLElement>('.runcast-step')];
  return steps.map(({ dataset, textContent }) => ({ seq: Number(dataset.seq), text: textContent }));
}

void use().then((steps) => fetch('/report', { method: 'POST', body: JSON.stringify(steps) }));
