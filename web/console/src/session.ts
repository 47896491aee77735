/** The user's sign-in with Cognito. Amplify proves the password by SRP, so it never leaves the browser. */
import { confirmSignIn, signIn, signOut } from '@aws-amplify/auth';
import { cognitoUserPoolsTokenProvider } from '@aws-amplify/auth/cognito';
import { Amplify, fetchAuthSession, Hub } from '@aws-amplify/core';
import { amplifyAuth, type Auth, type Config } from '@runcast/client';
import { useEffect, useState } from 'react';

/** What Cognito asks for next; `done` if the user is signed in. */
export type SignInStep = 'done' | 'new-password' | 'code';

export interface Session {
  readonly auth: Auth;
  /**
   * Begins to sign in.
   *
   * @throws Error - Cognito refuses the user or the password, or gives no answer. Its message is for people.
   */
  signIn(username: string, password: string): Promise<SignInStep>;
  /**
   * Answers the last step: with the new password, or with the code from an app, a text message or an email.
   *
   * @throws Error - As `signIn`.
   */
  confirm(response: string): Promise<SignInStep>;
  signOut(): Promise<void>;
}

const STEPS: Readonly<Record<string, SignInStep>> = {
  DONE: 'done',
  CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED: 'new-password',
  CONFIRM_SIGN_IN_WITH_TOTP_CODE: 'code',
  CONFIRM_SIGN_IN_WITH_SMS_CODE: 'code',
  CONFIRM_SIGN_IN_WITH_EMAIL_CODE: 'code',
};

/** Configures Amplify, and returns the sign-in of this page. */
export function createSession(config: Config): Session {
  cognitoUserPoolsTokenProvider.setAuthConfig(config.Auth);
  Amplify.configure({ Auth: config.Auth }, { Auth: { tokenProvider: cognitoUserPoolsTokenProvider } });
  return {
    auth: amplifyAuth({ fetchAuthSession, Hub }),
    async signIn(username, password) {
      return step(await signIn({ username, password, options: { authFlowType: 'USER_SRP_AUTH' } }));
    },
    async confirm(response) {
      return step(await confirmSignIn({ challengeResponse: response }));
    },
    signOut: () => signOut(),
  };
}

function step({ nextStep: { signInStep } }: { nextStep: { signInStep: string } }): SignInStep {
  const known = STEPS[signInStep];
  if (known) return known;
  throw new Error(`Signing in needs a step that this page does not have (${signInStep}). Ask your administrator.`);
}

/** Who is signed in: the id is the user's alone, and several users may have one name. */
export type User = { id: string; name: string };

/** Returns the signed-in user, null if nobody is, and undefined until that is known. */
export function useUser(auth: Auth): User | null | undefined {
  const [user, setUser] = useState<User | null>();
  useEffect(() => {
    let current = true;
    const look = () =>
      fetchAuthSession().then(
        ({ tokens }) => current && setUser(tokens?.idToken ? userIn(tokens.idToken.payload) : null),
        () => current && setUser(null),
      );
    void look();
    const stop = auth.onChange(() => void look());
    return () => {
      current = false;
      stop();
    };
  }, [auth]);
  return user;
}

const userIn = (claims: Readonly<Record<string, unknown>>): User => ({
  id: String(claims.sub),
  name: String(claims.name ?? claims['cognito:username'] ?? claims.email ?? claims.sub),
});
