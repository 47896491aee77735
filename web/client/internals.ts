/**
 * The members of the client's own objects, whose names the published file shortens, so that a page pays less.
 *
 * Do not add a name that a page, the server or the platform uses, too: `tests/package.test.ts` compares the published file with the
 * sources, and these names with the GraphQL documents.
 */
export const internals = [
  'addLive', 'addRecorded', 'arrived', 'asked', 'begin', 'change', 'check', 'clockMs', 'complete', 'current', 'doubt', 'due', 'dueAt',
  'ended', 'failed', 'failures', 'hear', 'heardAt', 'heldSeq', 'inDoubt', 'live', 'look', 'lostForGood', 'over', 'own', 'readAt', 'readIn',
  'recorded', 'session', 'socket', 'started', 'step', 'stop', 'take', 'takeHead', 'told', 'wake', 'what',
];
