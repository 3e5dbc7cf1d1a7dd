import { describe, expect, it } from 'vitest';
import {
  editHandover,
  fileWrites,
  findingsChanged,
  innerSource,
  locateField,
  OverlayImage,
  patchHandover,
} from '../../../src/build/edit/index.js';
import { CarryoverError } from '../../../src/codec/index.js';
import { bytesSource, type CoreSegment, elfCore, openImage } from '../../../src/memory/index.js';
import { type HandoverState, handoverDocument, openCopy } from '../../../src/state/index.js';
import { CAPTURES } from '../../formats/kho/support.js';
import { fixture } from '../../memory/fixtures.js';
import { differences, differing, fileOf, set, stateOf } from './support.js';

const file = fileOf(CAPTURES.v4);
const state = stateOf(file);
const FILE = 'entries.LUO.sessions[0].files[0]';

/** The error in one line: its code and its reason. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CarryoverError) return `${error.code}: ${error.reason}`;
    throw error;
  }
  throw new Error('nothing was refused');
}
function decodedOf(of: HandoverState): unknown {
  return (handoverDocument(of) as { value: unknown }).value;
}
function imageOf(of: HandoverState) {
  const image = of.memory?.image;
  if (image === undefined) throw new Error('there is no memory');
  return image;
}

describe('paths', () => {
  const now = new OverlayImage(imageOf(state));
  it('name a session by its name', () => {
    const { name } = (decodedOf(state) as { entries: { LUO: { sessions: { name: string }[] } } }).entries.LUO
      .sessions[1] ?? { name: '' };
    expect(locateField(state, `entries.LUO.sessions[${name}].name`).text(now)).toBe(JSON.stringify(name));
  });
  it('lead to members of structs that the value does not show', () => {
    expect(locateField(state, 'entries.LUO.sessions[0].file_set.count').type).toBe('u64');
    expect(locateField(state, 'entries.LUO.sessions.blocks[0].count').text(now)).toMatch(/^\d+$/);
    expect(locateField(state, `${FILE}.memfd.folios.chunks[0].next`).extents[0]?.size).toBe(8);
  });
  it('lead to properties of device trees', () => {
    const { root } = state.memory?.handover ?? {};
    expect(locateField(state, 'fdt.compatible').text(now)).toBe('"kho-v4"');
    expect(locateField(state, 'fdt.preserved-memory-map').text(now)).toBe(`0x${root?.map?.toString(16)}`);
    expect(locateField(state, 'fdt.LUO.blob-size').text(now)).toBe('32');
  });
  it('that lead nowhere are told with what was probably meant', () => {
    expect(refusal(() => locateField(state, 'entries.LUO.sesions[0].name'))).toMatch(
      /^path-unknown: .*did you mean sessions\?/,
    );
    expect(refusal(() => locateField(state, 'entries.LUO.sessions[nobody].name'))).toMatch(
      /^path-unknown: there is no "entries\.LUO\.sessions\[nobody\]\.name": entries\.LUO\.sessions has vm-/,
    );
  });
  it.each([
    ['page_size', 'is found out, and stands nowhere'],
    ['preserved.pages', 'sums up a map of bits; preserved+=ADDRESS/ORDER'],
    [`${FILE}.memfd.folios[0].order`, 'is that of the preserved block'],
    [`${FILE}.memfd.folios[0].count`, 'says how many entries follow each other'],
    ['entries.LUO.sessions', 'is a list of'],
    ['fdt.address', 'is where it lies'],
  ])('%s is refused: it %s', (path, reason) => {
    expect(refusal(() => locateField(state, path))).toContain(
      `edit-impossible: ${path} cannot be set: it ${reason}`,
    );
  });
  it('of a copy of debugfs are refused: it has no memory', () => {
    const copy = openCopy(new Map([['in/fdt', fixture('kho/kho-debugfs/in/fdt')]]), undefined);
    expect(refusal(() => locateField(copy, 'fdt.compatible'))).toMatch(/^input-no-memory/);
  });
});

describe('values', () => {
  it('that are too large or too long are refused', () => {
    const to = (path: string, value: string) => refusal(() => editHandover(state, [{ path, value }]));
    expect(to(`${FILE}.token`, '0x10000000000000000')).toMatch(/^value-range/);
    expect(to(`${FILE}.token`, 'x')).toMatch(/^value-type/);
    expect(to('entries.LUO.sessions[0].name', 'n'.repeat(65))).toMatch(/^value-/);
    expect(to(`${FILE}.memfd.folios[0].pfn`, `${1n << 52n}`)).toMatch(/^value-range/);
    expect(to('fdt.compatible', 'kho-v4-but-longer')).toMatch(
      /^edit-impossible: fdt\.compatible has room for 4 to 7 characters/,
    );
  });
  it('of flags are names as decode shows them', () => {
    const { steps } = editHandover(state, [{ path: `${FILE}.memfd.seals`, value: 'GROW|SHRINK' }]);
    expect(steps[0]?.after).toContain('F_SEAL_SHRINK|F_SEAL_GROW (0x6)');
  });
  it('leave nothing of a longer text', () => {
    const { image, steps } = editHandover(state, [{ path: 'entries.LUO.sessions[0].name', value: 'x' }]);
    const [extent] = steps[0]?.extents ?? [];
    const bytes = image.readSome(extent?.address ?? 0n, 64).bytes;
    expect([...bytes]).toEqual([120, ...new Array<number>(63).fill(0)]);
  });
});

describe('the length of a property', () => {
  const edit = { path: 'fdt.compatible', value: 'kho-v10' };
  const lengthAt = (keepDerived: boolean): number => {
    const { image, steps } = editHandover(state, [edit], { keepDerived });
    const at = (steps[0]?.extents[0]?.address ?? 0n) - 8n;
    return image.readSome(at, 4).bytes[3] ?? 0;
  };
  it('follows', () => {
    expect(lengthAt(false)).toBe(8);
    expect(set(state, file, edit)).toHaveLength(file.length);
    expect(stateOf(set(state, file, edit)).memory?.handover.root.compatible).toEqual(['kho-v10']);
  });
  it('is kept where that is asked for', () => {
    expect(lengthAt(true)).toBe(7);
  });
});

describe('counts', () => {
  const path = 'entries.LUO.sessions[0].files.blocks[0].count';
  it('of a session follow from those of its blocks', () => {
    const { steps } = editHandover(state, [{ path, value: '1' }]);
    expect(steps.map((step) => [step.path, step.derived, step.after])).toEqual([
      [path, false, '1'],
      ['entries.LUO.sessions[0].file_set.count', true, '1'],
    ]);
  });
  it('are kept where that is asked for, or where they are given', () => {
    expect(editHandover(state, [{ path, value: '1' }], { keepDerived: true }).steps).toHaveLength(1);
    const given = { path: 'entries.LUO.sessions[0].file_set.count', value: '9' };
    expect(editHandover(state, [{ path, value: '1' }, given]).steps.map(({ after }) => after)).toEqual([
      '1',
      '9',
    ]);
  });
  it('of pages follow from the chunks of a list', () => {
    const entry = `${FILE}.memfd.folios.chunks[0].phys[0]`;
    const { steps } = editHandover(state, [{ path: entry, value: '0' }]);
    expect(steps[1]).toMatchObject({ path: `${FILE}.memfd.folios.total_pages`, derived: true, after: '0' });
  });
});

describe('folios', () => {
  const { path, run } = longRun();
  it('of a run move together', () => {
    const after = stateOf(set(state, file, { path: `${path}.pfn`, value: `${run.pfn + 0x100000n}` }));
    const found = differences(decodedOf(state), decodedOf(after));
    // Where nothing is preserved the folios are of order 0; all of the run goes on from its first.
    const image = new OverlayImage(imageOf(after));
    for (const i of [0, 1, run.count - 1])
      expect(locateField(state, `${path}[${i}].pfn`).text(image)).toBe(
        `0x${(run.pfn + 0x100000n + BigInt(i) * 2n ** BigInt(run.order)).toString(16)}`,
      );
    expect(found.every((place) => place.startsWith(path.replace(/\[\d+\]$/, '')))).toBe(true);
  });
  it('of a run are reached one by one', () => {
    const one = locateField(state, `${path}[1].pfn`);
    const first = locateField(state, `${path}[0].pfn`);
    expect((one.extents[0]?.address ?? 0n) - (first.extents[0]?.address ?? 0n)).toBe(16n);
    const { changes } = editHandover(state, [{ path: `${path}[1].pfn`, value: '5' }]);
    expect(changes.every(({ address }) => address >= (one.extents[0]?.address ?? 0n))).toBe(true);
    expect(refusal(() => locateField(state, `${path}[${run.count}].pfn`))).toContain(
      `has ${run.count} folios`,
    );
  });
  it('keep their flags beside the page frame', () => {
    const { image } = editHandover(state, [{ path: `${path}[0].pfn`, value: '0xfffffffffffff' }]);
    const flags = locateField(state, `${path}[0].flags`);
    expect(flags.text(image)).toBe(flags.text(new OverlayImage(imageOf(state))));
  });
});

interface Run {
  readonly pfn: bigint;
  readonly order: number;
  readonly count: number;
}
function longRun(): { path: string; run: Run } {
  const { LUO } = state.memory?.handover.value.entries ?? {};
  const { sessions } = LUO as { sessions: { files: { memfd?: { folios: Iterable<Run> } }[] }[] };
  for (const [i, session] of sessions.entries())
    for (const [j, each] of session.files.entries())
      for (const [k, run] of [...(each.memfd?.folios ?? [])].entries())
        if (run.count > 2 && !('step' in run))
          return { path: `entries.LUO.sessions[${i}].files[${j}].memfd.folios[${k}]`, run };
  throw new Error('there is no run of several folios');
}

describe('the map of preserved memory', () => {
  for (const capture of ['v4', 'arm64', 'v3', 'v1a', 'v1b'] as const)
    it(`${capture}: loses a block and gets it back`, () => {
      const bytes = fileOf(CAPTURES[capture]);
      const before = stateOf(bytes);
      const { ranges, pages } = before.memory?.handover.value.preserved ?? {};
      const [range] = ranges ?? [];
      if (range === undefined || pages === undefined) throw new Error('nothing is preserved');
      const block = `0x${range.address.toString(16)}/${range.order}`;
      const without = set(before, bytes, { path: 'preserved-', value: block });
      expect(differing(bytes, without)).toHaveLength(1);
      expect(stateOf(without).memory?.handover.value.preserved.pages).toBe(pages - 2n ** BigInt(range.order));
      const again = set(stateOf(without), without, { path: 'preserved+', value: block });
      expect(differing(bytes, again)).toEqual([]);
      expect(refusal(() => set(before, bytes, { path: 'preserved+', value: block }))).toContain(
        'preserved already',
      );
    });
  it('has no place for what no leaf covers', () => {
    expect(refusal(() => set(state, file, { path: 'preserved+', value: '0x8000000000000/0' }))).toMatch(
      /^edit-impossible: the map has no (leaf|node) for blocks of order 0 at 0x8000000000000/,
    );
    const old = fileOf(CAPTURES.v1b);
    expect(refusal(() => set(stateOf(old), old, { path: 'preserved+', value: '0x8000000000000/9' }))).toMatch(
      /^edit-impossible: .*the map has no bitmap of order 9/,
    );
    expect(refusal(() => set(state, file, { path: 'preserved-', value: '0x1001' }))).toContain(
      'does not begin at',
    );
  });
});

describe('bytes', () => {
  it('are written at an address', () => {
    const address = state.memory?.handover.root.address ?? 0n;
    const { changes } = patchHandover(state, address, Uint8Array.of(0, 1, 0xfe, 0xed));
    // The last two are there already.
    expect(changes).toEqual([{ address, before: Uint8Array.of(0xd0, 0x0d), after: Uint8Array.of(0, 1) }]);
  });
  it('are written over a path, as many as it has', () => {
    expect(patchHandover(state, `${FILE}.token`, Uint8Array.of(1)).steps[0]?.extents[0]?.size).toBe(1);
    expect(refusal(() => patchHandover(state, `${FILE}.token`, new Uint8Array(9)))).toContain('has 8 bytes');
  });
  it('are not written where the dump has no memory', () => {
    expect(refusal(() => patchHandover(state, 1n << 50n, Uint8Array.of(1)))).toMatch(/^memory-absent/);
  });
});

describe('what is found afterwards', () => {
  it('is told', () => {
    const edited = editHandover(state, [
      { path: 'entries.LUO.sessions[0].files[1].token', value: tokenOf(0) },
    ]);
    const { added, removed } = findingsChanged(state, edited);
    expect(added.map(({ rule }) => rule)).toEqual(['luo/token-duplicate']);
    expect(removed).toEqual([]);
  });
  it('is nothing where nothing breaks', () => {
    const edited = editHandover(state, [{ path: 'entries.LUO.sessions[0].name', value: 'vm-new' }]);
    expect(findingsChanged(state, edited)).toEqual({ added: [], removed: [] });
  });
});
function tokenOf(index: number): string {
  return locateField(state, `entries.LUO.sessions[0].files[${index}].token`).text(
    new OverlayImage(imageOf(state)),
  );
}

describe('where memory stands in the file', () => {
  const page = new Uint8Array(4096).fill(7);
  it('twice, both are changed', () => {
    const segments: CoreSegment[] = [
      { address: 0x1000n, bytes: page },
      { address: 0x2000n, bytes: page },
    ];
    const core = twice(elfCore({ endian: 'little', bits: 64, elfMachine: 62, segments }));
    const image = openImage(bytesSource(core));
    const overlay = new OverlayImage(image);
    overlay.write(0x1010n, Uint8Array.of(1, 2), 'x');
    const writes = fileWrites(overlay, overlay.changes(), innerSource(image, bytesSource(core)));
    expect(writes).toHaveLength(2);
    expect((writes[1]?.offset ?? 0) - (writes[0]?.offset ?? 0)).toBe(4096);
  });
});

/** Says of the second segment that it is the same memory as the first. */
function twice(core: Uint8Array): Uint8Array {
  const copy = core.slice();
  const view = new DataView(copy.buffer);
  const table = Number(view.getBigUint64(32, true));
  const loads = Array.from({ length: view.getUint16(56, true) }, (_, i) => table + 56 * i).filter(
    (at) => view.getUint32(at, true) === 1,
  );
  const [, second] = loads;
  if (second === undefined) throw new Error('there is no second segment');
  view.setBigUint64(second + 24, 0x1000n, true);
  return copy;
}
