// @vitest-environment happy-dom
/** How the page tells users apart. It keeps nothing of one for another: the id is the key of all that it shows. */
import { fetchAuthSession } from '@aws-amplify/core';
import { type Auth } from '@runcast/client';
import { act, renderHook, waitFor } from '@testing-library/react';
import { expect, test, vi } from 'vitest';
import { useUser } from '../src/session.ts';

vi.mock('@aws-amplify/core', async (original) => ({ ...(await original<object>()), fetchAuthSession: vi.fn() }));

const signedIn = (payload: Record<string, string>) =>
  vi.mocked(fetchAuthSession).mockResolvedValue({ tokens: { idToken: { payload } } } as never);

test('two users of one name are two users', async () => {
  let changed = () => {};
  const auth = { onChange: (listener: () => void) => ((changed = listener), () => {}) } as unknown as Auth;
  signedIn({ sub: 'a-1', name: 'Ana' });
  const { result } = renderHook(() => useUser(auth));
  await waitFor(() => expect(result.current).toEqual({ id: 'a-1', name: 'Ana' }));
  signedIn({ sub: 'a-2', name: 'Ana' });
  act(() => changed());
  await waitFor(() => expect(result.current).toEqual({ id: 'a-2', name: 'Ana' }));
});
