/** One thing changed in each real capture: one difference in what is decoded, and no other byte of the file. */
import { describe, expect, it } from 'vitest';
import { editHandover, innerSource } from '../../../src/build/edit/index.js';
import { bytesSource } from '../../../src/memory/index.js';
import { type HandoverState, handoverDocument } from '../../../src/state/index.js';
import { CAPTURES } from '../../formats/kho/support.js';
import { differences, differing, fileOf, set, stateOf } from './support.js';

const states = new Map<string, HandoverState>();
function stateFor(name: string): HandoverState {
  const known = states.get(name) ?? stateOf(fileOf(name));
  states.set(name, known);
  return known;
}
function decodedOf(state: HandoverState): unknown {
  return (handoverDocument(state) as { value: unknown }).value;
}

/** Sets one path, and says what of the value differs afterwards. */
function changed(name: string, path: string, value: string): { paths: string[]; bytes: number[] } {
  const file = fileOf(name);
  const state = stateFor(name);
  const after = set(state, file, { path, value });
  return { paths: differences(decodedOf(state), decodedOf(stateOf(after))), bytes: differing(file, after) };
}

const WITH_LUO = ['v4', 'arm64', 'v1b', 'v3'] as const;

describe('one edit of a capture', () => {
  for (const capture of WITH_LUO) {
    const name = CAPTURES[capture];
    it(`${capture}: the name of a session`, () => {
      const path = 'entries.LUO.sessions[0].name';
      const { paths, bytes } = changed(name, path, 'vm-beta');
      expect(paths).toEqual([path]);
      expect(bytes.length).toBeGreaterThan(0);
      const place = editHandover(stateFor(name), [{ path, value: 'vm-beta' }]).steps[0]?.extents[0];
      const at = stateFor(name).memory?.image.at(place?.address ?? 0n);
      const offset = at?.state === 'data' ? at.fileOffset : -1;
      expect(bytes.every((byte) => byte >= offset && byte < offset + 64)).toBe(true);
    });
    it(`${capture}: a token`, () => {
      const path = 'entries.LUO.sessions[0].files[0].token';
      const { paths, bytes } = changed(name, path, '0x7777');
      expect(paths).toEqual([path]);
      expect(bytes.length).toBeLessThanOrEqual(8);
    });
    it(`${capture}: the page frame of a run`, () => {
      const path = firstRun(stateFor(name));
      const value = JSON.parse(JSON.stringify(valueAt(decodedOf(stateFor(name)), path))) as string;
      const { paths } = changed(name, path, `0x${(BigInt(value) + 0x100000n).toString(16)}`);
      expect(paths).toEqual([path]);
    });
  }
  it('kdump: a page is stored once more at the end, and its descriptor leads there', () => {
    const name = CAPTURES.kdump;
    // QEMU writes a flattened stream; what comes out is the kdump that it stands for.
    const image = stateFor(name).memory?.image;
    if (image === undefined) throw new Error('there is no memory');
    const inner = innerSource(image, bytesSource(fileOf(name)));
    const file = inner.read(0, inner.size);
    const { paths } = changed(name, 'entries.LUO.sessions[0].files[0].token', '0x7777');
    const edit = { path: 'entries.LUO.sessions[0].files[0].token', value: '0x7777' };
    const bytes = differing(file, set(stateFor(name), fileOf(name), edit));
    expect(paths).toEqual(['entries.LUO.sessions[0].files[0].token']);
    expect(bytes.filter((at) => at < file.length).length).toBeLessThanOrEqual(16);
    expect(bytes.filter((at) => at >= file.length)).toHaveLength(4096);
  });
  it('kdump: what is changed twice is right', () => {
    const file = fileOf(CAPTURES.kdump);
    const once = set(stateFor(CAPTURES.kdump), file, { path: 'entries.LUO.sessions[0].name', value: 'one' });
    const twice = set(stateOf(once), once, { path: 'entries.LUO.sessions[0].files[0].token', value: '5' });
    expect(differences(decodedOf(stateFor(CAPTURES.kdump)), decodedOf(stateOf(twice)))).toEqual([
      'entries.LUO.sessions[0].name',
      'entries.LUO.sessions[0].files[0].token',
    ]);
  });
});

/** The first memfd that has a run whose folios are all of order 0, so that moving it changes nothing else. */
function firstRun(state: HandoverState): string {
  const { entries } = decodedOf(state) as {
    entries: { LUO: { sessions: { files: { memfd?: { folios: { order: number; count: number }[] } }[] }[] } };
  };
  for (const [i, session] of entries.LUO.sessions.entries())
    for (const [j, file] of session.files.entries())
      for (const [k, run] of (file.memfd?.folios ?? []).entries())
        if (run.order === 0 && run.count === 1)
          return `entries.LUO.sessions[${i}].files[${j}].memfd.folios[${k}].pfn`;
  throw new Error('there is no run');
}
function valueAt(value: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .reduce<unknown>(
      (at, part) => (typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined),
      value,
    );
}
