/**
 * The README shows what is: its commands give the screens that stand below them, its examples run.
 * `UPDATE=1 npx vitest run test/readme.test.ts` writes the screens anew; read what changed before believing it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as build from '../src/build/index.js';
import * as codec from '../src/codec/index.js';
import * as kho from '../src/formats/kho/index.js';
import * as memory from '../src/memory/index.js';
import { makeShell } from './cli/shell.js';
import { fencedBlocks, runExample } from './examples.js';

const file = new URL('../README.md', import.meta.url);
const readme = readFileSync(file, 'utf8');
const modules = {
  'carryover/codec': codec,
  'carryover/build': build,
  'carryover/formats/kho': kho,
  'carryover/memory': memory,
};

/** The file with each console block's screens, and with the layout that the example prints, as they are now. */
async function played(): Promise<string> {
  const shell = await makeShell({ columns: 100 });
  let text = readme;
  for (const { code } of fencedBlocks('README.md', readme, 'console')) {
    let screen = '';
    for (const line of code.split('\n').filter((line) => line.startsWith('$ '))) {
      const { out, err } = await shell.line(line.slice(2));
      screen += `${line}\n${new TextDecoder().decode(out)}${err}`;
    }
    text = text.replace(code, () => screen.replaceAll('\n\n$ ', '\n$ ').replace(/\n*$/, '\n'));
  }
  const example = fencedBlocks('README.md', readme, 'ts').find(({ code }) => code.includes('formatLayout'));
  const [shown] = fencedBlocks('README.md', readme, 'c');
  if (example === undefined || shown === undefined) throw new Error('the README has lost its example');
  const [outcome] = runExample({ ...example, code: `${example.code}\ntext; // => ''` }, modules, {}).slice(
    -1,
  );
  return text.replace(shown.code, () => `${String(outcome?.actual).trimEnd()}\n`);
}

describe('the README', () => {
  it('shows the screens that its commands give', async () => {
    const now = await played();
    if (process.env.UPDATE === '1') writeFileSync(file, now);
    else expect(now).toBe(readme);
  });

  const examples = fencedBlocks('README.md', readme, 'ts');
  it.each(examples.map((example) => [example.where, example] as const))('runs %s', (_, example) => {
    const outcomes = runExample(example, modules, {});
    expect(outcomes.length).toBeGreaterThan(0);
    for (const { line, actual, expected } of outcomes) expect(actual, line).toEqual(expected);
  });

  it('shows the spec that it builds', () => {
    const [spec] = fencedBlocks('README.md', readme, 'yaml');
    expect(spec?.code).toBe(readFileSync(new URL('../fixtures/specs/vm.yaml', import.meta.url), 'utf8'));
  });

  it('names the two commands that set everything up', () => {
    expect(readme).toContain('npm ci && npm start');
    expect(readme).toContain('npm ci && npm test');
  });
});
