// A document of graphql/operations; vite.config.ts bundles it without comments and line breaks.
declare module '*.graphql' {
  const document: string;
  export default document;
}
