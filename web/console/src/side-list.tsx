/** A list of the side panel, page by page, with the link that begins a new entry. */
import { type useRuns } from '@runcast/react';
import { type ReactNode } from 'react';
import { ErrorNotice } from './error-notice.tsx';
import { Pill } from './pill.tsx';
import { type Label } from './words.ts';

/** A list as a hook has loaded it, whatever its entries are. */
type Loaded = Pick<ReturnType<typeof useRuns>, 'loading' | 'error' | 'reload' | 'more'>;

export interface SideListProps {
  /** The id of the open entry. */
  readonly open: string | null;
  readonly Heading: 'h1' | 'h2';
}

export function SideList({
  title,
  Heading,
  begin,
  filters,
  loaded: { loading, error, reload, more },
  empty,
  children,
}: {
  title: string;
  Heading: 'h1' | 'h2';
  begin: { word: string; address: string };
  filters?: ReactNode;
  loaded: Loaded;
  /** Shown if there are no entries. */
  empty: string;
  children: readonly ReactNode[];
}) {
  return (
    <>
      <div className="side-head">
        <Heading>{title}</Heading>
        <a className="button primary" href={begin.address}>
          {begin.word}
        </a>
      </div>
      {filters}
      {error && <ErrorNotice onRetry={reload}>{error.message}</ErrorNotice>}
      <ul className="runs">{children}</ul>
      {!children.length && !error && <p className="empty">{loading ? 'Loading …' : empty}</p>}
      {more && (
        <button onClick={more} disabled={loading}>
          More
        </button>
      )}
    </>
  );
}

export function SideEntry({
  address,
  open,
  name,
  label,
  text,
  children,
}: {
  address: string;
  open: boolean;
  name: string;
  label: Label | null;
  text?: string | null;
  children: ReactNode;
}) {
  return (
    <li>
      <a className="entry" href={address} aria-current={open ? 'page' : undefined}>
        <span className="entry-head">
          <strong>{name}</strong>
          {label && <Pill {...label} />}
        </span>
        {text && <span className="entry-query">{text}</span>}
        <span className="entry-facts">{children}</span>
      </a>
    </li>
  );
}
