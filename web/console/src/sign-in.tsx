/** The page of a user who is not signed in. */
import { type FormEvent, useState } from 'react';
import { useAnnouncement } from './announcer.tsx';
import { ErrorNotice } from './error-notice.tsx';
import { Logo } from './logo.tsx';
import type { Session, SignInStep } from './session.ts';

type Asked = Exclude<SignInStep, 'done'> | 'password';

export function SignIn({ session }: { session: Session }) {
  const [asked, setAsked] = useState<Asked>('password');
  const [error, setError] = useState('');
  const [busy, setBusy] = useState(false);
  useAnnouncement(error);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = (name: string) => String(form.get(name) ?? '');
    setBusy(true);
    setError('');
    try {
      const next = await (asked === 'password' ? session.signIn(given('username').trim(), given('password')) : session.confirm(given(asked)));
      if (next !== 'done') setAsked(next);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : String(failure));
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="alone">
      <Logo />
      <h1>Sign in</h1>
      <form className="card form" onSubmit={(event) => void submit(event)} aria-describedby={error ? 'sign-in-error' : undefined}>
        <Fields asked={asked} key={asked} />
        {error && <ErrorNotice id="sign-in-error">{error}</ErrorNotice>}
        <button className="primary" disabled={busy}>
          {busy ? 'Signing in …' : asked === 'password' ? 'Sign in' : 'Continue'}
        </button>
      </form>
    </main>
  );
}

function Fields({ asked }: { asked: Asked }) {
  switch (asked) {
    case 'password':
      return (
        <>
          <label className="field">
            <span>User name</span>
            <input name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
          </label>
          <label className="field">
            <span>Password</span>
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
        </>
      );
    case 'new-password':
      return (
        <label className="field">
          <span>New password</span>
          <input name="new-password" type="password" autoComplete="new-password" required autoFocus />
          <small>This is your first sign-in: choose a password of your own.</small>
        </label>
      );
    case 'code':
      return (
        <label className="field">
          <span>Code</span>
          <input name="code" inputMode="numeric" autoComplete="one-time-code" required autoFocus />
          <small>Enter the code from your authenticator app, text message or email.</small>
        </label>
      );
  }
}
