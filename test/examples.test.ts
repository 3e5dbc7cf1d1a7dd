import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as codec from '../src/codec/index.js';
import { examplesInComments, fencedBlocks, runExample } from './examples.js';

const modules = { 'carryover/codec': codec };

function sources(folder: string): string[] {
  return readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);
}
const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

describe('examples in doc comments', () => {
  const examples = sources('src/codec').flatMap((file) => examplesInComments(file, read(file)));
  it('are found', () => expect(examples.length).toBeGreaterThan(3));
  it.each(examples.map((example) => [example.where, example] as const))('%s', (_, example) => {
    const outcomes = runExample(example, modules, codec);
    expect(outcomes.length).toBeGreaterThan(0);
    for (const { line, actual, expected } of outcomes) expect(actual, line).toEqual(expected);
  });
});

describe('the runner of examples', () => {
  it('takes a wrong value for wrong', () => {
    const [outcome] = runExample({ where: 'here', code: 'const two = 1 + 1; // => 3' }, modules, {});
    expect(outcome?.actual).toBe(2);
    expect(outcome?.expected).toBe(3);
  });
  it('reads bytes and errors', () => {
    const code = 'encode(be16, 7) // => 00 07\nencode(u8, 256) // throws value-range';
    const outcomes = runExample({ where: 'here', code }, modules, codec);
    for (const { actual, expected } of outcomes) expect(actual).toEqual(expected);
    expect(outcomes.length).toBe(2);
  });
  it('finds the blocks of a Markdown file', () => {
    expect(fencedBlocks('f', 'a\n```ts\nx\n```\n', 'ts')).toEqual([{ where: 'f:2', code: 'x\n' }]);
  });
});
