import { useEffect, useState } from 'react';

/** Returns the seconds since `startedAt` (epoch milliseconds), counted while `running`; null before it has started. */
export function useElapsed(startedAt: number | null, running: boolean): number | null {
  const [now, setNow] = useState<number | null>(null);
  useEffect(() => {
    setNow(Date.now());
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running, startedAt]);
  return startedAt === null || now === null ? null : Math.max(0, (now - startedAt) / 1_000);
}

/** Returns a duration for people: `7 s`, `2 min 5 s`, `1 h 2 min`. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
