/** Coalesces calls: `update` runs once for all calls before the next animation frame, or soon where there is none. */
export function onFrame(update: () => void): () => void {
  let waiting = false;
  const run = () => {
    waiting = false;
    update();
  };
  return () => {
    if (waiting) return;
    waiting = true;
    // A hidden page has no frames, and without a page there may be none.
    if (globalThis.document?.hidden === false) requestAnimationFrame(run);
    else setTimeout(run, 16);
  };
}
