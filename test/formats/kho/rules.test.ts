/** Each rule fires on memory in which exactly that is wrong, and no rule is without such a case. */
import { describe, expect, it } from 'vitest';
import { HANDOVER_RULES } from '../../../src/formats/kho/index.js';
import { BUILT_FAULTS } from './built-faults.js';
import { FAULTS, FOLLOWS } from './faults.js';
import { OTHER_FAULTS } from './other-faults.js';
import { addressOf, copyOf, open } from './patch.js';
import { openCapture, rulesOf } from './support.js';

describe('a copy of a capture with one fault', () => {
  it.each(Object.entries(FAULTS))('%s', (_, { on, rules, patch }) => {
    const handover = openCapture(on);
    const memory = copyOf(on);
    patch(memory, (path) => addressOf(handover, path), handover);
    const found = rulesOf(open(memory, on, { khoFdt: handover.root.address }));
    for (const rule of rules) expect(found).toContain(rule);
    const before = rulesOf(handover);
    expect(
      found.filter((rule) => !before.includes(rule) && !rules.includes(rule) && !FOLLOWS.has(rule)),
    ).toEqual([]);
  });
});

const named = [...BUILT_FAULTS, ...OTHER_FAULTS].map((fault) => [fault.rules.join(', '), fault] as const);

describe('something that is built with one fault', () => {
  it.each(named)('%s', (_, { rules, found }) => {
    const all = found();
    for (const rule of rules) expect(all).toContain(rule);
  });
});

/** Formats whose rules are broken here; those of files and devices have tables beside their own tests. */
const FORMATS = new Set([
  'kho',
  'luo',
  'memfd',
  'memblock',
  'kexec-metadata',
  'kho-test',
  'debugfs',
  'receiver',
]);

it('every rule has a case', () => {
  const covered = new Set([
    ...Object.values(FAULTS).flatMap(({ rules }) => rules),
    ...BUILT_FAULTS.flatMap(({ rules }) => rules),
    ...OTHER_FAULTS.flatMap(({ rules }) => rules),
  ]);
  const names = HANDOVER_RULES.map(({ name }) => name).filter((name) =>
    FORMATS.has(name.split('/')[0] ?? ''),
  );
  expect(names.length).toBeGreaterThan(140);
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
});

it('every rule says what must hold, under a name of its own', () => {
  const names = HANDOVER_RULES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, title, text: explanation } of HANDOVER_RULES) {
    expect(name).toMatch(/^[a-z-]+\/[a-z-]+$/);
    expect(title).not.toMatch(/\.$/);
    expect(explanation).toMatch(/[.…]$/);
  }
});

it('scratch may have areas of size 0 anywhere', () => {
  const areas = [
    { addr: 0x800000n, size: 0n },
    { addr: 0x10000000n, size: 0x1000n },
  ];
  expect(rulesOf(openCapture('v3', { scratch: areas }))).toEqual([]);
});
