/** Generated siblings: valid ones are sound, and each fault is found, and nothing else. */
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/build/generate/forms.js';
import type { Made } from '../../../src/build/generate/types.js';
import { SIBLING_GENERATORS } from '../../../src/build/siblings/generate/index.js';
import { runs, SEED } from '../../laws/seed.js';

const elfOf = (made: Made): Uint8Array => bytesOf(made, 'elf') ?? new Uint8Array();
const told = (list: readonly { rule: string; severity: string; path: string }[]): string[] =>
  list.map(({ rule, severity, path }) => `${severity} ${rule} ${path}`).sort();

describe.each(SIBLING_GENERATORS.map((generator) => [generator.format, generator] as const))(
  '%s',
  (_, generator) => {
    it('boundaries are sound', { timeout: 60_000 }, () => {
      const wrong: string[] = [];
      for (const { name } of generator.generations)
        for (const each of generator.boundaries(name)) {
          const findings = told(generator.check(each.make()));
          if (findings.length > 0) wrong.push(`${each.name}: ${findings.join()}`);
        }
      expect(wrong).toEqual([]);
    });
    it('random instances are sound, and the same every time', { timeout: 60_000 }, () => {
      for (const { name } of generator.generations)
        for (let i = 0; i < runs(6); i++) {
          const made = generator.random(name, SEED, i).make();
          expect([name, i, ...told(generator.check(made))]).toEqual([name, i]);
          const again = generator.random(name, SEED, i).make();
          expect(Buffer.compare(elfOf(again), elfOf(made))).toBe(0);
        }
    });
    it('each rule is broken by an instance', { timeout: 60_000 }, () => {
      const broken = new Set(Object.keys(generator.unbroken));
      const wrong: string[] = [];
      for (const { name } of generator.generations)
        for (const violation of generator.violations(name)) {
          broken.add(violation.rule);
          const found = told(generator.check(violation.make()));
          const expected = told(violation.expected);
          if (found.join() !== expected.join())
            wrong.push(`${violation.name}: ${found.join(', ')}; expected ${expected.join(', ')}`);
        }
      expect(wrong).toEqual([]);
      expect(generator.rules.map(({ name }) => name).filter((name) => !broken.has(name))).toEqual([]);
    });
  },
);
