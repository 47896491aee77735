// The console in a real browser: opens pages, signs in, and checks each page for what screen readers and keyboards need.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const OPTIONS = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'];

/** What a flow works with: the console's address, the users, and what can be started. */
export const settings = JSON.parse(readFileSync(0, 'utf8'));

/** Opens a browser for the length of `flow`. */
export async function withBrowser(flow) {
  const browser = await chromium.launch({ executablePath: settings.chromium, args: OPTIONS, timeout: 60_000 });
  try {
    return await flow(browser);
  } finally {
    await browser.close();
  }
}

/** Returns a page of a new user agent, and the list to which its errors, and requests that its policy refuses, are added. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(message.text());
  });
  await page.goto(settings.url);
  return { context, page, problems };
}

export async function signIn(page, { name, password }) {
  await page.getByLabel('User name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Returns what axe finds in the page as it is shown, including its contrasts. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Starts a run or a job from the form, and returns its id when its first step is shown. */
export async function start(page, name, query) {
  await page.goto(`${settings.url}/#/new`);
  await page.getByRole('radio', { name: new RegExp(`^${name}(\\s|$)`) }).check();
  await page.getByLabel('Task').fill(query);
  await page.getByRole('button', { name: /^Start/ }).click();
  await page.locator('article .step').first().waitFor();
  return shownId(page);
}

/** Sends a message in the chat that the page shows, with the keyboard, and waits for the end of the turn. */
export async function say(page, query) {
  await page.getByLabel('Message', { exact: true }).focus();
  await page.keyboard.type(query);
  await page.keyboard.press('Enter');
  // Without an open turn, all messages come from the record.
  await page.locator('.chat:not(:has(.turn)) .message[data-role=user]', { hasText: query }).waitFor();
}

/** Returns the id of the run or the job that the page shows. */
export const shownId = (page) => decodeURIComponent(new URL(page.url()).hash.slice(2));

export const ended = (page, status = 'complete') => page.locator(`article[data-status=${status}][data-up-to-date=true]`).waitFor({ timeout: 120_000 });

/** Waits until the page shows the effect of a scroll. */
export const painted = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

/** Returns the recorded steps that the page shows, from the first to the last, by scrolling through them. */
export async function stepsOf(page) {
  const list = page.getByRole('region', { name: 'All steps' });
  const seen = new Map();
  await list.evaluate((element) => (element.scrollTop = 0));
  for (;;) {
    const rows = await list.locator('.step').evaluateAll((all) =>
      all.map((row) => [row.getAttribute('aria-posinset'), row.dataset.seq ?? null, row.querySelector('.step-message').textContent]),
    );
    for (const [position, seq, message] of rows) seen.set(Number(position), { seq: seq === null ? null : Number(seq), message });
    const more = await list.evaluate((element) => {
      const before = element.scrollTop;
      element.scrollTop += element.clientHeight;
      return element.scrollTop > before;
    });
    if (!more) break;
    await painted(page);
  }
  // A message without a number is in no record.
  return [...seen].sort(([one], [other]) => one - other).map(([, step]) => step).filter(({ seq }) => seq !== null);
}
