import { expect, test } from 'vitest';
import { select } from '../src/attachments.ts';

const MB = 1_048_576;
const file = (name: string, bytes = 1, type = '') => new File([new Uint8Array(bytes)], name, { type });
const names = (files: File[]) => files.map(({ name }) => name);

test.each([
  ['a program', file('a.exe', 1, 'application/x-msdownload'), /^a\.exe is of another type than those that agents take: png, /],
  ['an empty file', file('a.txt', 0), 'a.txt is empty.'],
  ['a large file', file('a.pdf', 10 * MB + 1), 'a.pdf has 10.0 MB; at most 10.0 MB are allowed.'],
])('%s is refused', (_, added, reason) => {
  const { taken, refused } = select([], [added]);
  expect(taken).toEqual([]);
  expect(refused).toMatch(reason);
});

test('a picture of the clipboard, and a file whose type the browser does not know, are taken', () => {
  expect(select([], [file('image', 1, 'image/png'), file('NOTES.MD')])).toMatchObject({ taken: [{ name: 'image' }, { name: 'NOTES.MD' }], refused: '' });
});

test('at most five files of 20 MB are taken, and each refused one is named', () => {
  const five = ['1.txt', '2.txt', '3.txt', '4.txt', '5.txt'].map((name) => file(name));
  const { taken, refused } = select(five.slice(0, 3), [five[3]!, five[4]!, file('6.txt')]);
  expect(names(taken)).toEqual(['4.txt', '5.txt']);
  expect(refused).toBe('6.txt is one too many: at most 5 files are allowed.');
  const ten = file('10.txt', 10 * MB);
  expect(select([ten, ten], [file('more.txt', MB)])).toEqual({ taken: [], refused: 'With more.txt, the files have 21.0 MB; at most 20.0 MB are allowed.' });
});
