/**
 * Bad specs: what is said of each stands in goldens/bad-specs.txt, and nothing is ever written.
 * `UPDATE=1 npx vitest run test/build/bad-specs.test.ts` writes the texts anew; read them before believing them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILD_CODES, buildDocument, readDocument, specTextOf } from '../../src/build/index.js';
import { isCarryoverError } from '../../src/codec/index.js';
import { makeShell } from '../cli/shell.js';
import { fencedBlocks } from '../examples.js';
import { runs, SEED } from '../laws/seed.js';
import { BAD_SPECS, HUGE_SPECS } from './bad-specs.js';

const file = new URL('goldens/bad-specs.txt', import.meta.url);

function told(source: string | Uint8Array): string {
  try {
    const text = typeof source === 'string' ? source : specTextOf(source);
    buildDocument(readDocument(text));
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    expect(Object.keys(BUILD_CODES)).toContain(error.code);
    return String(error).replace(/^CarryoverError: /, '');
  }
  return 'nothing is wrong';
}

describe('bad specs', () => {
  it('are told at line and column, each in these words', () => {
    let golden = '';
    for (const [name, source] of BAD_SPECS) {
      const text = told(source);
      expect(text, name).toMatch(/in line \d+, column \d+ \[/);
      const shown = typeof source === 'string' ? source : Buffer.from(source).toString('latin1');
      golden += `# ${name}\n${JSON.stringify(shown.length > 200 ? `${shown.slice(0, 200)}…` : shown)}\n${text}\n\n`;
    }
    if (process.env.UPDATE === '1') writeFileSync(file, golden);
    else expect(golden).toBe(readFileSync(file, 'utf8'));
  });

  it.each(HUGE_SPECS)('of %s are refused before anything is made', (_, source, wanted) => {
    expect(told(source())).toMatch(wanted);
  });

  it('of aliases upon aliases end', () => {
    const files = `&g {token: 1, memfd: {}}${', *g'.repeat(3000)}`;
    const text = `sessions:\n- &s {name: x, files: [${files}]}\n${'- *s\n'.repeat(3000)}`;
    expect(told(text)).toContain('aliases stand for more than 200000 parts');
  });

  it.each([20000, 100000])('that are nested %i deep are refused', (depth) => {
    expect(told(`sessions: ${'['.repeat(depth)}${']'.repeat(depth)}`)).toContain('nested too deeply');
  });

  it('leave no file behind, and end with 1', async () => {
    const shell = await makeShell();
    shell.files.set('bad.yaml', new TextEncoder().encode('sesions: []\n'));
    const { exit, err, out } = await shell.line('carryover build bad.yaml -o out.elf');
    expect({ exit, out: out.length, written: shell.files.has('out.elf') }).toEqual({
      exit: 1,
      out: 0,
      written: false,
    });
    expect(err).toContain('line 1, column 1');
  });
});

describe('damaged specs', () => {
  const docs = readFileSync(new URL('../../docs/specs.md', import.meta.url), 'utf8');
  const sound = fencedBlocks('docs/specs.md', docs, 'yaml').map(({ code }) => code);
  const words = [
    '',
    ':',
    '- ',
    '{',
    '[',
    '"',
    '0x',
    '-1',
    '&a ',
    '*a',
    '<<',
    '\n',
    '\0',
    'true',
    '1 TiB',
    '~',
  ];
  const damage = fc.tuple(fc.nat(), fc.nat(20), fc.constantFrom(...words));
  it('are built, or refused with a code of their own', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...sound),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        (text, list) => {
          let damaged = text;
          for (const [at, length, word] of list) {
            const from = at % (damaged.length + 1);
            damaged = damaged.slice(0, from) + word + damaged.slice(from + length);
          }
          expect(told(damaged)).not.toBe('');
        },
      ),
      { seed: SEED, numRuns: runs(400) },
    );
  });
});

describe('odd specs that are right', () => {
  it.each([
    ['nothing', ''],
    ['a comment', '# nothing\n'],
    ['a byte order mark', '\uFEFFkernel: 7.2\n'],
    ['CRLF', 'kernel: 7.2\r\nsessions: []\r\n'],
    ['JSON', '{"kernel": "7.2", "sessions": [{"name": "a", "files": []}]}'],
    ['a token as text', 'sessions: [{name: a, files: [{token: "0xffff_ffff_ffff_ffff", memfd: {}}]}]'],
    ['anchors', 'sessions:\n- &a {name: a, files: [{token: 1, memfd: {}}]}\n- {<<: *a, name: b}\n'],
    ['a name that is a number', 'sessions: [{name: 17}]'],
    ['a name from the prototype', 'memblock: {__proto__: {size: 4096}, constructor: {}}'],
    ['keys without values', 'sessions:\nmemory:\nkernel:\n'],
  ])('%s', (_, text) => expect(told(text)).toBe('nothing is wrong'));
});
