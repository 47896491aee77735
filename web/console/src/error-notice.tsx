import { type ReactNode } from 'react';

/** An error. With `onRetry`, it has a button that tries again. */
export function ErrorNotice({ id, onRetry, children }: { id?: string; onRetry?: () => void; children: ReactNode }) {
  return (
    <div className="notice" data-tone="error" id={id}>
      {children}
      {onRetry && (
        <>
          {' '}
          <button onClick={onRetry}>Try again</button>
        </>
      )}
    </div>
  );
}
