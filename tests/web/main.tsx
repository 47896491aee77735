// What a user of the page of docs/frontend.md does: sign in, start, and look until the run has ended.
import { createRoot } from 'react-dom/client';
import App from './App';
import { act, button, find, report, root, signIn } from './user';

async function use(): Promise<void> {
  await signIn();
  (await button('Start')).click();
  await find('.runcast-progress[data-status=complete]');
  const steps = [...root.querySelectorAll<HTMLElement>('.runcast-step')];
  await report({ steps: steps.map(({ dataset, textContent }) => ({ seq: Number(dataset.seq), text: textContent })) });
}

createRoot(root).render(<App />);
act(use);
