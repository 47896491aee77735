// Measures the console: when each recorded step is on the screen, and the longest task of the page while many steps arrive at once.
import { ended, open, settings, signIn, start, withBrowser } from './browser.mjs';

const { alice, agent, runs, many } = settings;

const measured = await withBrowser(async (browser) => {
  const { page } = await open(browser, { viewport: { width: 1280, height: 900 } });
  await signIn(page, alice);
  await page.getByRole('radio').first().waitFor();
  await page.evaluate(observe);
  const shown = [];
  for (let run = 0; run < runs; run++) {
    const id = await start(page, agent, 'Where on this site could a wind farm be built?');
    await ended(page);
    shown.push({ id, epochMs: await page.evaluate(() => window.taken().shown) });
  }
  // The form lists only the agents of the deployment.
  await page.route('**/graphql', (route) => {
    const request = route.request().postDataJSON();
    if (request.query.includes('startAgentRun')) Object.assign(request.variables, many);
    return route.continue({ postData: JSON.stringify(request) });
  });
  await start(page, agent, 'x');
  await ended(page);
  return { shown, tasksMs: await page.evaluate(() => window.taken().tasks) };
});
console.log(JSON.stringify(measured));

/** Runs in the page: notes the first frame with each step, by its `seq`, and the duration of each task over 50 ms. */
function observe() {
  let shown = {};
  let tasks = [];
  window.taken = () => {
    const taken = { shown, tasks };
    shown = {};
    tasks = [];
    return taken;
  };
  const painted = new MessageChannel();
  painted.port1.onmessage = ({ data }) => data.forEach((seq) => (shown[seq] ??= Date.now()));
  new MutationObserver(() => {
    const found = [...document.querySelectorAll('.step[data-seq]')].map(({ dataset }) => dataset.seq).filter((seq) => !(seq in shown));
    // A message that is sent in a frame arrives after it has been painted.
    if (found.length) requestAnimationFrame(() => painted.port2.postMessage(found));
  }).observe(document.body, { subtree: true, childList: true });
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
}
