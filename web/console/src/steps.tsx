/**
 * Every step, oldest first. Only the rows in view are in the document, because a run may have 100,000 steps.
 *
 * While the run goes on and the list is scrolled to its end, it follows new steps.
 */
import { type RunView, type Step } from '@runcast/client';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { Section } from './section.tsx';
import { asText, messageOf, type Tone } from './words.ts';

const ROW_PX = 38;
const BEYOND_VIEW = 8;
const AT_END_PX = 60;

export function Steps({ run }: { run: RunView }) {
  const { steps } = run;
  const scroll = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => steps[index]!.id,
    overscan: BEYOND_VIEW,
  });
  useEffect(() => {
    if (following.current && steps.length) virtual.scrollToIndex(steps.length - 1, { align: 'end' });
  }, [steps.length, virtual]);

  if (!steps.length) return null;
  const names = new Map(run.runs.map(({ requestId, name, attempt }) => [requestId, attempt === 1 ? name : `${name} (attempt ${attempt})`]));
  const began = steps[0]!.timestamp;
  const toggle = (id: string) =>
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  return (
    <Section title="Steps">
      <div
        className="steps card"
        ref={scroll}
        role="region"
        aria-label="All steps"
        tabIndex={0}
        onScroll={({ currentTarget }) => void (following.current = atEnd(currentTarget))}
      >
        <ol style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const step = steps[index]!;
            return (
              <li
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                aria-setsize={steps.length}
                aria-posinset={index + 1}
                className="step"
                data-seq={step.seq}
                data-status={step.status}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Row
                  step={step}
                  agent={names.get(step.requestId) ?? step.agentName}
                  seconds={(step.timestamp - began) / 1_000}
                  open={open.has(step.id)}
                  onToggle={() => toggle(step.id)}
                />
              </li>
            );
          })}
        </ol>
      </div>
    </Section>
  );
}

/** Whether an element is scrolled to its end. */
export const atEnd = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement): boolean => scrollHeight - scrollTop - clientHeight < AT_END_PX;

function Row({ step, agent, seconds, open, onToggle }: { step: Step; agent: string | null; seconds: number; open: boolean; onToggle: () => void }) {
  const { metadata } = step;
  const details = Object.keys(metadata).length > 0;
  const word = open ? 'Less' : 'Details';
  return (
    <>
      <span className="dot" data-tone={toneOf(step)} aria-hidden="true" />
      <span className="step-time">{seconds.toFixed(1)} s</span>
      <span className="step-text">
        <span className="step-message">{messageOf(step)}</span>
        {agent && <span className="muted">{agent}</span>}
      </span>
      {details && (
        <button className="quiet" aria-expanded={open} aria-label={`${word} of step ${step.seq ?? 'without a number'}`} onClick={onToggle}>
          {word}
        </button>
      )}
      {open && <pre className="step-details">{asText(metadata)}</pre>}
    </>
  );
}

function toneOf({ status }: Step): Tone {
  if (['agent_error', 'tool_error', 'error'].includes(status)) return 'error';
  if (['agent_complete', 'tool_complete', 'complete'].includes(status)) return 'good';
  if (['waiting', 'cancelled', 'cancelling'].includes(status)) return 'warning';
  return ['calling_tool', 'executing', 'answered'].includes(status) ? 'busy' : 'muted';
}
