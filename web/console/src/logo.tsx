export const Logo = () => (
  <span className="logo">
    <img src="/favicon.svg" alt="" width="28" height="28" />
    Runcast
  </span>
);
