// AWS's own rules for APPSYNC_JS, in the strictest set there is. Node runs what AppSync refuses at deployment (async,
// try, for, ++, regular expressions, recursion), so this is the only check of that without an AWS account. The rules
// on methods and functions need types, so the project service is on.
import appsync from '@aws-appsync/eslint-plugin';

/** @type {import('eslint').Linter.Config[]} */
export default [
  { languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } } },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  appsync.configs.recommended,
];
