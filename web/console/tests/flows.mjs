// What users do in the console. `node flows.mjs FLOW < SETTINGS` prints what the flow has seen, as JSON.
import { axe, ended, open, painted, say, settings, shownId, signIn, start, stepsOf, withBrowser } from './browser.mjs';

const { alice, newcomer, agent, playbook } = settings;
const SLOW = '[model:slow 20] ';
const WIDE = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

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

  /** A new user chooses a password, and starts the first run with the keyboard alone. */
  async newcomer(browser) {
    const { page, problems } = await open(browser, WIDE);
    await signIn(page, newcomer);
    await page.getByLabel('New password').fill(newcomer.newPassword);
    const violations = await axe(page);
    await page.keyboard.press('Enter');
    const empty = await page.locator('.side .empty', { hasText: 'No runs yet' }).textContent();
    await page.getByRole('radio').first().waitFor();
    violations.push(...(await axe(page)));
    await page.getByLabel('Task').focus();
    await page.keyboard.type('Where is it flat?');
    await page.keyboard.press('Control+Enter');
    await ended(page);
    const id = shownId(page);
    const focused = await page.evaluate(() => document.activeElement.tagName);
    const current = await page.locator('.entry[aria-current=page] .pill', { hasText: 'complete' }).textContent();
    return { id, empty, focused, current, steps: await stepsOf(page), violations, problems };
  },

  /** A job is followed from a phone; one of its runs is opened, and the way back is taken. */
  async job(browser) {
    const { page, problems } = await open(browser, PHONE);
    await signIn(page, alice);
    const id = await start(page, playbook, 'Where could a wind farm be built?');
    await ended(page);
    const violations = await axe(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    const agents = await page.locator('.runcast-agent').evaluateAll((all) => all.map(({ dataset }) => dataset.status));
    const steps = await stepsOf(page);
    await page.locator('.runcast-agent a').first().click();
    await page.getByRole('link', { name: 'a job' }).waitFor(); // the job's page has no such link
    await ended(page);
    const run = { id: shownId(page), steps: await stepsOf(page) };
    await page.getByRole('link', { name: 'a job' }).click();
    await page.locator('.runcast-agent').first().waitFor();
    await page.getByRole('link', { name: 'All runs', exact: true }).click();
    const listed = await page.locator('.entry').first().locator('strong').textContent();
    violations.push(...(await axe(page)));
    return { id, agents, steps, run, width, listed, violations, problems };
  },

  /** Two tabs show a run; one cancels it, and starts it again; then one signs out. */
  async tabs(browser) {
    const { context, page, problems } = await open(browser, { ...WIDE, colorScheme: 'dark' });
    await signIn(page, alice);
    const id = await start(page, agent, `${SLOW}Where is it steep?`);
    const other = await context.newPage();
    await other.goto(page.url());
    await other.locator('.step').first().waitFor();
    await page.reload();
    for (const tab of [page, other]) await tab.locator('.connection[data-connection=live]').waitFor();
    const violations = await axe(page);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await ended(page, 'cancelled');
    await ended(other, 'cancelled');
    const steps = [await stepsOf(page), await stepsOf(other)];
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.locator('article:not([data-status=cancelled]) .step').first().waitFor();
    const again = shownId(page);
    await page.getByLabel('State').selectOption('cancelled');
    // The list without the filter has a cancelled run, too.
    await page.locator('.entry', { hasNotText: 'cancelled' }).first().waitFor({ state: 'detached' });
    const states = await page.locator('.entry .pill').allTextContents();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('heading', { name: 'Sign in' }).waitFor();
    return { id, again, steps, states, violations, problems };
  },

  /** A run asks; the answer is given, and a run that somebody else owns is not found. */
  async question(browser) {
    const { page, problems } = await open(browser, WIDE);
    await signIn(page, alice);
    const id = await start(page, 'buyer', 'Buy three turbines.');
    const field = page.locator('.runcast-question input');
    await field.waitFor();
    const violations = await axe(page);
    await page.reload();
    await field.fill('yes');
    await page.getByRole('button', { name: 'Answer' }).click();
    await ended(page);
    const result = await page.locator('section[aria-label=Result]').textContent();
    await page.reload();
    await ended(page);
    const fields = await field.count();
    const steps = await stepsOf(page);
    await page.goto(`${settings.url}/#/${settings.strangers}`);
    const strangers = await page.locator('article[data-status=not-found] .notice').textContent();
    return { id, result, open: fields, steps, strangers, violations, problems };
  },

  /** A chat of three turns, with the keyboard alone: the text is shown as it is written; then the chat is opened again and deleted. */
  async chat(browser) {
    const { page, problems } = await open(browser, WIDE);
    await signIn(page, alice);
    await page.getByRole('link', { name: 'Chats' }).click();
    await page.locator('.chat select').selectOption(agent);
    const violations = await axe(page);
    await watchTexts(page);
    const queries = ['Where is it flat?', 'And where is it steep?', 'Thank you.'];
    for (const query of queries) await say(page, query);
    const id = shownId(page).split('/')[1];
    const listed = await page.locator('.entry[aria-current=page] strong').textContent();
    const shown = await messagesOf(page);
    const texts = await page.evaluate(() => window.texts);
    violations.push(...(await axe(page)));
    await page.reload();
    await page.locator('.message').nth(1).waitFor();
    const reloaded = await messagesOf(page);
    page.on('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { name: 'New chat' }).waitFor();
    return { id, queries, texts, listed, shown, reloaded, violations, problems };
  },

  /** In a dark chat on a phone, an agent gets a file and asks; the page is reloaded, and the question is answered within the chat. */
  async chatQuestion(browser) {
    const { page, problems } = await open(browser, { ...PHONE, colorScheme: 'dark' });
    await signIn(page, alice);
    await page.goto(`${settings.url}/#/chat`);
    await page.getByRole('heading', { level: 1, name: 'Chats' }).waitFor();
    const violations = await axe(page);
    await page.getByRole('link', { name: 'New chat' }).click();
    await page.locator('.chat select').selectOption('buyer');
    await page.getByLabel('Attach files').setInputFiles({ name: 'offers.csv', mimeType: 'text/csv', buffer: Buffer.from('turbine,price') });
    await attached(page, 'offers.csv');
    await page.getByLabel('Message', { exact: true }).fill('Buy three turbines.');
    await page.getByRole('button', { name: 'Send' }).click();
    const field = page.locator('.runcast-question input');
    await field.waitFor();
    await page.reload();
    await field.waitFor();
    violations.push(...(await axe(page)));
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    const asked = await messagesOf(page);
    const attachedTo = [await namesOf(page)];
    await field.fill('yes');
    await page.getByRole('button', { name: 'Answer' }).click();
    await page.locator('.chat:not(:has(.turn)) .message').nth(1).waitFor();
    attachedTo.push(await namesOf(page));
    return { asked, attachedTo, shown: await messagesOf(page), width, violations, problems };
  },

  /** Two tabs show a new chat. While a turn of the first one waits, the second one sends a message, and gets that turn to answer. */
  async chatTabs(browser) {
    const { context, page, problems } = await open(browser, WIDE);
    await signIn(page, alice);
    const other = await context.newPage();
    const tabs = [page, other];
    for (const tab of tabs) {
      await tab.goto(`${settings.url}/#/chat/${settings.chatId}`);
      await tab.locator('.chat select').selectOption('buyer');
    }
    await page.locator('summary', { hasText: 'Parameters' }).click();
    await page.getByLabel('Message', { exact: true }).fill('Buy three turbines.');
    await page.getByRole('button', { name: 'Send' }).click();
    // The parameter is missing, so its field is shown.
    const focused = await page.locator('.parameters input:focus').evaluate(({ labels }) => labels[0].textContent);
    const violations = await axe(page);
    for (const tab of tabs) await tab.getByLabel('site').fill('Hill 7');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.runcast-question input').waitFor();
    await other.getByLabel('Message', { exact: true }).fill('Buy four turbines.');
    await other.getByRole('button', { name: 'Send' }).click();
    await other.locator('.runcast-question input').waitFor();
    const notice = await other.locator('.composer .notice').textContent();
    const shown = await messagesOf(other);
    violations.push(...(await axe(other)));
    await other.locator('.runcast-question input').fill('yes');
    await other.getByRole('button', { name: 'Answer' }).click();
    for (const tab of tabs) await tab.locator('.chat:not(:has(.turn)) .message').nth(1).waitFor();
    await other.getByRole('button', { name: 'Send' }).click();
    await other.locator('.runcast-question input').waitFor();
    await other.getByRole('button', { name: 'Cancel' }).click();
    await ended(other, 'cancelled');
    return { focused, notice, shown, answered: await messagesOf(page), violations, problems };
  },

  /** On a phone, files are attached to a message and to a run: picked, dropped and pasted. Others are refused, or removed. */
  async attachments(browser) {
    const { page, problems } = await open(browser, PHONE);
    await signIn(page, alice);
    await page.goto(`${settings.url}/#/chat/new`);
    await page.locator('.chat select').selectOption('looker');
    const picked = ['run.exe', 'wrong.txt'].map((name) => ({ name, mimeType: '', buffer: Buffer.from('x') }));
    await page.getByLabel('Attach files').setInputFiles([...picked, { name: 'map.png', mimeType: 'image/png', buffer: Buffer.from(PNG, 'base64') }]);
    const refused = await page.locator('.attachments .notice').textContent();
    await attached(page, 'map.png');
    await page.getByRole('button', { name: 'Remove wrong.txt' }).click();
    const focused = await page.evaluate(() => document.activeElement.type);
    await hand(page, '.chat', 'drop', 'notes.md', '# Site');
    await attached(page, 'notes.md');
    const listed = await page.locator('.attachment').evaluateAll((all) => all.map(({ children }) => children[0].textContent));
    const violations = await axe(page);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.getByLabel('Message', { exact: true }).fill('What do you see?');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('.chat:not(:has(.turn)) .message').nth(1).waitFor();
    const shown = await messagesOf(page);
    const named = [await namesOf(page)];
    await page.reload();
    await page.locator('.message').nth(1).waitFor();
    named.push(await namesOf(page));
    await page.goto(`${settings.url}/#/new`);
    await page.getByRole('radio', { name: /^looker/ }).check();
    await page.getByLabel('Task').fill('What do you see?');
    await hand(page, '[name=query]', 'paste', 'sizes.csv', 'a,b');
    await attached(page, 'sizes.csv');
    violations.push(...(await axe(page)));
    await page.getByRole('button', { name: 'Start run' }).click();
    await ended(page);
    const result = await page.locator('section[aria-label=Result]').textContent();
    return { refused, focused, listed, width, shown, named, result, violations, problems };
  },

  /** A run with 10,000 steps, among them hostile ones, at 200 % zoom. */
  async large(browser) {
    const { page, problems } = await open(browser, { viewport: { width: 640, height: 450 } });
    const hostile = '<img src=x onerror="document.title=1"><script>document.title = 1</script>';
    const steps = Array.from({ length: 10_000 }, (_, index) => ({
      type: 'progress', step: 'text', status: 'thinking', message: `${hostile} ${index + 1}`, elapsed: index, timestamp: 1e12 + index * 1_000,
      seq: index + 1, agentName: null, toolName: null, metadata: JSON.stringify({ hostile }),
    }));
    const record = {
      success: true, requestId: 'large', steps, status: 'complete', createdAt: 1e12, updatedAt: 2e12, error: null, reason: 'complete', nextSeq: null,
      liveness: 'done', leaseUntil: null, result: JSON.stringify({ text: hostile, facts: {} }), conversationId: null, playbook: null, runs: null, resultLink: null,
    };
    await page.route('**/graphql', async (route) =>
      route.request().postData().includes('getAgentProgress') ? route.fulfill({ json: { data: { getAgentProgress: record } } }) : route.continue(),
    );
    await signIn(page, alice);
    await page.goto(`${settings.url}/#/large`);
    await ended(page);
    const list = page.getByRole('region', { name: 'All steps' });
    const rows = [];
    for (const part of [0, 0.3, 0.7, 1]) {
      await list.evaluate((element, to) => (element.scrollTop = to * element.scrollHeight), part);
      await painted(page);
      rows.push(await list.locator('.step').count());
    }
    const last = await list.locator('.step[aria-posinset="10000"] .step-message').textContent();
    await list.locator('.step[aria-posinset="10000"] button').click();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    return { rows, last, width, images: await page.locator('main img').count(), title: await page.title(), violations: await axe(page), problems };
  },
};

/** A picture of one pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const attached = (page, name) => page.locator('.attachment:not(:has(progress))', { hasText: name }).waitFor();

/** Drops or pastes a file. */
const hand = (page, selector, kind, name, text) =>
  page.locator(selector).evaluate(
    (element, [kind, name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], name));
      const options = { bubbles: true, cancelable: true };
      element.dispatchEvent(kind === 'paste' ? new ClipboardEvent(kind, { ...options, clipboardData: data }) : new DragEvent(kind, { ...options, dataTransfer: data }));
    },
    [kind, name, text],
  );

const messagesOf = (page) => page.locator('.message').evaluateAll((all) => all.map(({ dataset, lastChild }) => ({ role: dataset.role, text: lastChild.textContent })));

/** The names of the files in the chat. */
const namesOf = (page) => page.locator('.message-attachments').evaluateAll((all) => all.map(({ lastChild }) => lastChild.textContent));

/** Collects each text of the agent's last message in `window.texts`. */
async function watchTexts(page) {
  await page.evaluate(() => {
    const texts = (window.texts = []);
    new MutationObserver(() => {
      const [last] = [...document.querySelectorAll('.message[data-role=assistant]')].slice(-1);
      if (last && texts.at(-1) !== last.lastChild.textContent) texts.push(last.lastChild.textContent);
    }).observe(document.getElementById('main'), { subtree: true, childList: true, characterData: true });
  });
}

const [name] = process.argv.slice(2);
console.log(JSON.stringify(await withBrowser(flows[name])));
