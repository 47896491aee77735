// Takes the pictures in docs/: a job while it works, a run and a chat, in light, in dark and on a phone.
import { ended, open, say, settings, signIn, start, withBrowser } from './browser.mjs';

const { alice, agent, playbook, pictures } = settings;
const WIDE = { viewport: { width: 1280, height: 860 } };
const LOOKS = { light: WIDE, dark: { ...WIDE, colorScheme: 'dark' }, phone: { viewport: { width: 390, height: 844 }, isMobile: true } };

await withBrowser(async (browser) => {
  const { context, page } = await open(browser, WIDE);
  await signIn(page, alice);
  const run = await start(page, agent, 'Where on this site is the ground flat enough for turbines?');
  await ended(page);
  await page.goto(`${settings.url}/#/chat/new`);
  await page.locator('.chat select').selectOption(agent);
  for (const query of ['Where on this site is the ground flat?', 'And how rough is it there?']) await say(page, query);
  const { hash: chat } = new URL(page.url());
  await page.goto(`${settings.url}/#/new`);
  const storageState = await context.storageState();
  const opened = [];
  for (const [look, options] of Object.entries(LOOKS)) opened.push([look, (await open(browser, { ...options, storageState })).page]);
  const job = await start(page, playbook, 'Where on this site could a wind farm be built? [model:slow 9]');
  for (const [, each] of opened) await each.goto(`${settings.url}/#/${job}`);
  for (const [look, each] of opened) {
    await each.locator('.runcast-stage:nth-child(2) .runcast-agent[data-status=in_progress]').first().waitFor();
    await each.locator('.connection[data-connection=live]').waitFor();
    await each.screenshot({ path: `${pictures}/console-job-${look}.png` });
    await each.goto(`${settings.url}/#/${run}`);
    await ended(each);
    await each.getByRole('heading', { level: 1, name: agent }).waitFor();
    await each.screenshot({ path: `${pictures}/console-run-${look}.png` });
    await each.goto(`${settings.url}/${chat}`);
    await each.locator('.message').nth(1).waitFor();
    await each.screenshot({ path: `${pictures}/console-chat-${look}.png` });
  }
});
