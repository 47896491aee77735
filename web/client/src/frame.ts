/** Coalesces calls: `update` runs once for all calls before the next animation frame, or soon where there is none. */
export function onFrame(update: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    const run = () => {
      waiting = false;
      update();
    };
    // A hidden page has no frames.
    if (typeof requestAnimationFrame === 'function' && !globalThis.document?.hidden) requestAnimationFrame(run);
    else setTimeout(run, 16);
  };
}
