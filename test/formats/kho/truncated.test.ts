/** Dumps whose files end early: what is left is shown, what is gone is told, and nothing is made up. */
import { describe, expect, it } from 'vitest';
import { isCarryoverError } from '../../../src/codec/index.js';
import { openHandover } from '../../../src/formats/kho/index.js';
import { bytesSource, openImage } from '../../../src/memory/index.js';
import { unzipped } from '../../memory/fixtures.js';
import { CAPTURES, type Capture, jsonOf, luoOf, openCapture } from './support.js';

// All 256 MiB of the kdump's memory are looked through for a root, each time.
describe.each([
  ['v4', 60],
  ['kdump', 12],
  ['v3', 60],
  ['v1b', 60],
] satisfies [Capture, number][])('%s', (name, times) => {
  const bytes = unzipped(CAPTURES[name]);
  const whole = openCapture(name);
  const sessions = luoOf(whole).sessions;
  const known = new Map(sessions.map((session) => [session.name, session]));

  it(`cut at ${times} lengths`, { timeout: 60_000 }, () => {
    let found = 0;
    let refused = 0;
    for (let i = 0; i <= times; i++) {
      const length = Math.floor((bytes.length * i) / times);
      try {
        const handover = openHandover(openImage(bytesSource(bytes.subarray(0, length))));
        found++;
        const { LUO } = handover.value.entries;
        if (i === times) {
          expect(jsonOf(handover.value)).toEqual(jsonOf(whole.value));
          continue;
        }
        if (typeof LUO !== 'object' || LUO === null || !('sessions' in LUO)) continue;
        const luo = luoOf(handover);
        // Sessions that are shown are those of the whole, and a list that lacks some says so.
        for (const session of luo.sessions) {
          expect(known.has(session.name)).toBe(true);
          const { files = [] } = known.get(session.name) ?? {};
          if (session.files.length < files.length) expect(session.files_incomplete).toBe(true);
        }
        if (luo.sessions.length < sessions.length && luo.sessions_incomplete === undefined)
          expect(handover.findings.map(({ rule }) => rule)).toContain('luo/not-serialized');
      } catch (error) {
        if (!isCarryoverError(error)) throw error;
        expect(error.code).toMatch(/^(kho-no-root|memory-|format-)/);
        refused++;
      }
    }
    expect(found).toBeGreaterThan(1);
    expect(refused).toBeGreaterThan(0);
  });

  it('cut behind its root tells what is absent', () => {
    const cut = openHandover(openImage(bytesSource(bytes.subarray(0, Math.floor(bytes.length * 0.9)))), {
      khoFdt: whole.root.address,
    });
    expect(cut.findings.length).toBeGreaterThan(whole.findings.length);
    expect(cut.findings.every(({ message }) => message.length > 10)).toBe(true);
  });
});
