/** The entry: reads the deployment's configuration, and shows the console. */
import '@runcast/react/styles.css';
import './styles.css';
import { type Config, createRuncast } from '@runcast/client';
import { RuncastProvider } from '@runcast/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Announcer } from './announcer.tsx';
import { App } from './app.tsx';
import { createSession } from './session.ts';

const root = createRoot(document.getElementById('root')!);

async function begin() {
  const response = await fetch('/config.json', { cache: 'no-cache' });
  if (!response.ok) throw new Error(`/config.json cannot be read: HTTP status ${response.status}.`);
  const config = (await response.json()) as Config;
  const session = createSession(config);
  const runcast = createRuncast({ config, auth: session.auth });
  root.render(
    <StrictMode>
      <Announcer>
        <RuncastProvider runcast={runcast}>
          <App session={session} />
        </RuncastProvider>
      </Announcer>
    </StrictMode>,
  );
}

begin().catch((error: unknown) =>
  root.render(
    <main className="alone">
      <h1>The console cannot start</h1>
      <p>{error instanceof Error ? error.message : String(error)}</p>
    </main>,
  ),
);
