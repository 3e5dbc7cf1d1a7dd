import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readSources, violations } from './floors.js';

/** Checks made-up files of src/; every target that is imported has to be among them. */
const check = (files: Record<string, string>) => violations(new Map(Object.entries(files)));

it('src keeps to its floors', () => {
  const sources = readSources(fileURLToPath(new URL('../src', import.meta.url)));
  expect(sources.size).toBeGreaterThan(0);
  expect(violations(sources)).toEqual([]);
});

describe('the check itself', () => {
  it('lets imports go down, and stay on their floor', () => {
    expect(
      check({
        'codec/index.ts': `export * from './layout.js';`,
        'codec/layout.ts': `export const a = 1;`,
        'memory/index.ts': `import { a } from '../codec/index.js'; import 'some-package'; export { a };`,
        'formats/kho/index.ts': `export * from '../../memory/index.js';`,
        'state/index.ts': `import 'node:fs'; import '../formats/kho/index.js';`,
        'build/index.ts': `import '../state/index.js';`,
        'fuzz/index.ts': `import '../state/index.js'; const load = (name: string) => import(name);`,
        'interop/restructure.ts': `import 'restructure'; import '../codec/index.js';`,
        'testing/index.ts': `import 'fast-check'; import '../codec/index.js';`,
        'index.ts': `export * from './codec/index.js'; export * from './fuzz/index.js';`,
        'cli/main.ts': `import '../index.js'; import '../build/index.js'; import './text.js';`,
        'cli/text.ts': ``,
      }),
    ).toEqual([]);
  });

  const order = ['codec', 'memory', 'formats', 'state', 'build', 'cli'];
  const upward = order.flatMap((from, i) => order.slice(i + 1).map((to) => [from, to] as const));
  const sideways = [
    ['build', 'fuzz'],
    ['fuzz', 'build'],
    ['fuzz', 'cli'],
    ['interop', 'memory'],
    ['testing', 'formats'],
    ['testing', 'cli'],
    ['codec', 'interop'],
    ['cli', 'testing'],
  ] as const;

  it.each([...upward, ...sideways])('%s may not import %s', (from, to) => {
    const files = { [`${from}/a.ts`]: `\nimport '../${to}/b.js';`, [`${to}/b.ts`]: '' };
    expect(check(files)).toEqual([`${from}/a.ts:2: ${from} may not import ${to} ('../${to}/b.js')`]);
  });

  it('keeps cli out of the index, and the index out of everything but cli', () => {
    expect(check({ 'index.ts': `export * from './cli/main.js';`, 'cli/main.ts': '' })).toEqual([
      "index.ts:1: index may not import cli ('./cli/main.js')",
    ]);
    expect(check({ 'index.ts': '', 'state/a.ts': `import '../index.js';` })).toEqual([
      "state/a.ts:1: state may not import index ('../index.js')",
    ]);
  });

  it.each([
    `import { b } from '../state/b.js';`,
    `import type { B } from '../state/b.js';`,
    `import { type B } from '../state/b.js';`,
    `export { b } from '../state/b.js';`,
    `export * from '../state/b.js';`,
    `export type { B } from '../state/b.js';`,
    `type B = import('../state/b.js').B;`,
    `type B = typeof import('../state/b.js');`,
    `const b = await import('../state/b.js');`,
    `const b = () => import(\`../state/b.js\`);`,
    `import b = require('../state/b.js');`,
    `const b = require('../state/b.js');`,
  ])('sees %s', (text) => {
    expect(check({ 'codec/a.ts': text, 'state/b.ts': '' })).toEqual([
      "codec/a.ts:1: codec may not import state ('../state/b.js')",
    ]);
  });

  it('does not see imports in comments and strings', () => {
    const text = `// import '../state/b.js';\nexport const text = "import '../state/b.js'";`;
    expect(check({ 'codec/a.ts': text, 'state/b.ts': '' })).toEqual([]);
  });

  it.each(['node:fs', 'fs', 'fast-check', '@scope/package'])('codec may not import %s', (name) => {
    expect(check({ 'codec/a.ts': `import '${name}';` })).toEqual([
      `codec/a.ts:1: codec imports nothing from outside, but '${name}'`,
    ]);
  });

  it.each(['memory', 'formats'])('%s may not import from Node', (part) => {
    expect(check({ [`${part}/a.ts`]: `import type { Buffer } from 'node:buffer';\nimport 'fs';` })).toEqual([
      `${part}/a.ts:1: ${part} runs in browsers, but imports 'node:buffer'`,
      `${part}/a.ts:2: ${part} runs in browsers, but imports 'fs'`,
    ]);
  });

  it('refuses what would hide an import from it', () => {
    expect(
      check({
        'codec/a.ts': `/// <reference types="node" />\nconst load = (name: string) => import(name);`,
        'state/a.ts': `import 'carryover/codec';\nimport '../../test/a.js';\nimport './missing.js';`,
        'attic/a.ts': `import '../cli/main.js';`,
        'extra.ts': '',
      }),
    ).toEqual([
      'codec/a.ts:2: codec may not import what is only known at run time',
      "codec/a.ts:1: codec imports nothing from outside, but 'node'",
      "state/a.ts:1: import 'carryover/codec' by its relative path",
      "state/a.ts:2: '../../test/a.js' is no file of src/",
      "state/a.ts:3: './missing.js' is no file of src/",
      'attic/a.ts: belongs to no part of src/; name it in MAY_IMPORT',
      'extra.ts: belongs to no part of src/; name it in MAY_IMPORT',
    ]);
  });

  it('finds circles, also of one file, also through import()', () => {
    expect(
      check({
        'codec/a.ts': `import './b.js';`,
        'codec/b.ts': `export * from './c.js';`,
        'codec/c.ts': `const a = () => import('./a.js');`,
        'codec/d.ts': `import './d.js';`,
      }),
    ).toEqual([
      'circle: codec/a.ts -> codec/b.ts -> codec/c.ts -> codec/a.ts',
      'circle: codec/d.ts -> codec/d.ts',
    ]);
  });

  it('does not take type-only imports for circles, but an import of nothing but types for one', () => {
    const a = `import './b.js'; export type A = 1;`;
    expect(check({ 'codec/a.ts': a, 'codec/b.ts': `import type { A } from './a.js';` })).toEqual([]);
    expect(check({ 'codec/a.ts': a, 'codec/b.ts': `import { type A } from './a.js';` })).toEqual([
      'circle: codec/a.ts -> codec/b.ts -> codec/a.ts',
    ]);
  });
});
