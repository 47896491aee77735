// What the users of the examples' pages have in common: they wait for what they need, sign in, and report what they have seen.
import user from './user.json';

export const root = document.getElementById('root')!;
const saved = sessionStorage.getItem('seen');
/** What is reported, also what was seen before a reload. */
export const seen: Record<string, unknown> = JSON.parse(saved ?? '{}');
export const reloaded = saved !== null;

export function until<T>(look: () => T | null | undefined | false): Promise<T> {
  return new Promise((resolve) => {
    const check = () => {
      const found = look();
      if (found) resolve(found);
      else setTimeout(check, 10);
    };
    check();
  });
}
export const find = <E extends Element>(selector: string) => until(() => root.querySelector<E>(selector));
export const button = (text: string) => until(() => [...root.querySelectorAll('button')].find((each) => each.textContent === text && !each.disabled));
export const question = () => find<HTMLInputElement>('label input');

export async function signIn(): Promise<void> {
  (await find<HTMLInputElement>('[name=name]')).value = user.name;
  (await find<HTMLInputElement>('[name=password]')).value = user.password;
  (await button('Sign in')).click();
}

export async function answer(): Promise<void> {
  (await question()).value = 'yes';
  (await button('Answer')).click();
}

export function reload(): void {
  sessionStorage.setItem('seen', JSON.stringify(seen));
  location.reload();
}

export const report = (last: object = {}) => fetch('/report', { method: 'POST', body: JSON.stringify({ ...seen, ...last }) });

/** Does what the user does, and reports how that fails. */
export function act(use: () => Promise<void>): void {
  const failed = (error: unknown) => void report({ failed: String(error) });
  addEventListener('error', ({ message }) => failed(message));
  use().catch(failed);
}
