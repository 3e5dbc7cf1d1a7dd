/** A handover whose memory is spread over the files of a split kdump. */
import { describe, expect, it } from 'vitest';
import { jsonOf, openHandover } from '../../../src/formats/kho/index.js';
import { bytesSource, type Image, openImage } from '../../../src/memory/index.js';
import { copyOf } from './patch.js';
import { splitKdump } from './split-kdump.js';
import { type Capture, contentOf, luoOf, openCapture, rulesOf } from './support.js';

const open = (parts: readonly Uint8Array[]): Image => openImage(parts.map((part) => bytesSource(part)));

describe.each(['v4', 'v1b', 'v3'] satisfies Capture[])('%s in three files', (name) => {
  const memory = copyOf(name);
  const frames = [...memory.pages.keys()].sort((a, b) => a - b);
  // In the midst of the metadata, where pointers lead from one file to another.
  const cuts = [frames[Math.floor(frames.length / 3)] ?? 0, frames[Math.floor((frames.length * 2) / 3)] ?? 0];
  const parts = splitKdump(memory, cuts);

  it('is what the whole is, in any order of the files', () => {
    const whole = openCapture(name);
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
    ]) {
      const handover = openHandover(open(order.map((i) => parts[i] ?? new Uint8Array())));
      expect(jsonOf(handover.value)).toEqual(jsonOf(whole.value));
      expect(rulesOf(handover)).toEqual(rulesOf(whole));
      const { bytes } = contentOf(handover, 'vm-alpha', 0x1001n);
      expect(Buffer.from(bytes.subarray(0, 15)).toString()).toBe('alpha page zero');
    }
  });

  it('says that a list is in a file that was not given', () => {
    const { root } = openCapture(name);
    for (const missing of [0, 1, 2]) {
      const given = parts.filter((_, i) => i !== missing);
      const [start, end] =
        [
          [0, cuts[0] ?? 0],
          [cuts[0] ?? 0, cuts[1] ?? 0],
          [cuts[1] ?? 0, Infinity],
        ][missing] ?? [];
      const at = Number(root.address) / 4096;
      if (start !== undefined && end !== undefined && at >= start && at < end) {
        expect(() => openHandover(open(given), { khoFdt: root.address })).toThrow('another part');
        continue;
      }
      const handover = openHandover(open(given), { khoFdt: root.address });
      expect(
        handover.findings.some(({ message }) => message.includes('another part of the split dump')),
      ).toBe(true);
    }
  });
});

describe('lists that the dump lacks', () => {
  it('are told from lists that are empty', () => {
    const whole = openCapture('v4');
    const page = (path: string): number => {
      const found = whole.objects.find((object) => object.path === path);
      if (found === undefined) throw new Error(`nothing is at ${path}`);
      return Number(found.address) / 4096;
    };
    const without = (path: string): ReturnType<typeof openHandover> => {
      const memory = copyOf('v4');
      memory.pages.delete(page(path));
      return openHandover(memory.image(62), { khoFdt: whole.root.address });
    };
    const sessions = without('entries.LUO.sessions.blocks[0]');
    expect(luoOf(sessions)).toMatchObject({ sessions: [], sessions_incomplete: true });
    expect(rulesOf(sessions)).toContain('kho/memory-absent');

    const files = luoOf(without('entries.LUO.sessions[1].files.blocks[1]'));
    expect(files.sessions_incomplete).toBeUndefined();
    expect(files.sessions[1]?.files).toHaveLength(63);
    expect(files.sessions.map(({ files_incomplete }) => files_incomplete)).toEqual([
      undefined,
      true,
      undefined,
    ]);

    const flbs = luoOf(without('entries.LUO.flbs'));
    expect(flbs).toMatchObject({ flbs: [], flbs_incomplete: true });
    const { sessions: complete, ...others } = luoOf(whole);
    expect(Object.keys(others)).toEqual(['compatible', 'liveupdate_num', 'flbs']);
    expect(complete.every((session) => !('files_incomplete' in session))).toBe(true);
  });
});
