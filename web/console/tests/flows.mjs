// What users do in the console. `node flows.mjs FLOW < SETTINGS` prints what the flow has seen, as JSON.
import { axe, ended, open, settings, signIn, start, stepsOf, withBrowser } from './browser.mjs';

const { alice, agent } = settings;
const WIDE = { viewport: { width: 1280, height: 900 } };

const flows = {
  /** A user signs in, starts a run, and sees each step, also after a reload. */
  async run(browser) {
    const { page, problems } = await open(browser, WIDE);
    await signIn(page, { ...alice, password: 'Wrong-1-password' });
    const refused = await page.locator('#sign-in-error').textContent();
    const violations = await axe(page);
    await signIn(page, alice);
    const id = await start(page, agent, 'Where is the ground flat?');
    await ended(page);
    const steps = await stepsOf(page);
    await page.reload();
    await ended(page);
    const reloaded = await stepsOf(page);
    const connection = await page.locator('.connection').getAttribute('data-connection');
    violations.push(...(await axe(page)));
    return { id, refused, steps, reloaded, connection, violations, problems };
  },
};

const [name] = process.argv.slice(2);
console.log(JSON.stringify(await withBrowser(flows[name])));
