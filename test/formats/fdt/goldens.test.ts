import { describe, expect, it } from 'vitest';
import { CarryoverError, toHex } from '../../../src/codec/index.js';
import {
  FDT_LAYOUTS,
  type FDTNode,
  type FDTTree,
  fdtCheckFull,
  fdtCheckHeader,
  findNode,
  libfdtError,
  parseFDT,
  property,
  toDTS,
  writeFDT,
} from '../../../src/formats/fdt/index.js';
import { bare, fixture, goldens, treeOf, unhex } from './goldens.js';

describe('what dtc compiled', () => {
  const label = ({ name, version, options }: (typeof goldens.compiled)[number]) =>
    `${name} -V ${version} ${options.join(' ')}`;
  it.each(goldens.compiled.map((golden) => [label(golden), golden] as const))('%s', (_, golden) => {
    const bytes = unhex(golden.bytes);
    const fdt = parseFDT(bytes);
    expect(fdt.version).toBe(golden.version);
    expect(fdt.problems.map(({ code }) => code)).toEqual(golden.version === 1 ? ['fdt-old-version'] : []);
    expect(toDTS(fdt)).toBe(golden.dts);
    expect(toHex(writeFDT(fdt))).toBe(golden.bytes);
    const [option, value] = golden.options;
    // -a, of which there is no option here, only adds free space.
    const anew = writeFDT(fdt, {
      layout: 'dtc',
      ...(option === '-R' ? { reserveSlots: Number(value) } : {}),
      ...(option === '-p' ? { padding: Number(value) } : {}),
      ...(option === '-S' ? { totalSize: Number(value) } : {}),
      ...(option === '-a' ? { totalSize: bytes.length } : {}),
    });
    expect(toHex(anew)).toBe(golden.bytes);
    expect(fdt.bootCpuid).toBe(option === '-b' ? 5 : 0);
  });

  it('of one source, also when another version is asked for', () => {
    const newest = goldens.compiled.filter(({ version, options }) => version === 17 && options.length === 0);
    expect(newest.length).toBeGreaterThan(4);
    for (const source of newest)
      for (const version of [1, 2, 3, 16]) {
        const golden = goldens.compiled.find(
          (other) => other.name === source.name && other.version === version && other.options.length === 0,
        );
        const fdt = parseFDT(unhex(source.bytes));
        expect(toHex(writeFDT(fdt, { version, nameProperties: true }))).toBe(golden?.bytes);
      }
  });
});

it('dtc prints the captures as toDTS does', () => {
  expect(goldens.captures.length).toBeGreaterThan(3);
  for (const { name, dts } of goldens.captures) expect(toDTS(parseFDT(fixture(name)))).toBe(dts);
});

/** fdt_setprop does not clear the bytes that align a value: what stood there before stays. */
function withoutRemains(bytes: Uint8Array): Uint8Array {
  const visit = (node: FDTNode): void => {
    for (const { value, offset = 0 } of node.properties) {
      const end = offset + 12 + value.length;
      bytes.fill(0, end, Math.ceil(end / 4) * 4);
    }
    node.children.forEach(visit);
  };
  visit(parseFDT(bytes).root);
  return bytes;
}

it('libfdt writes the same bytes, sequentially and node by node', () => {
  expect(goldens.made.length).toBeGreaterThan(100);
  for (const { tree, layout, bytes } of goldens.made) {
    const made = treeOf(tree);
    const theirs = layout === 'sequential' ? bytes : toHex(withoutRemains(unhex(bytes)));
    expect(toHex(writeFDT(made, { layout }))).toBe(theirs);
    expect(bare(parseFDT(unhex(bytes)).root)).toEqual(bare(made.root));
  }
});

it('dtc, fdtdump and libfdt understand what the writer wrote', () => {
  expect(goldens.written.length).toBeGreaterThan(100);
  for (const { tree, options, bytes, dts, dump } of goldens.written) {
    const made = treeOf(tree);
    const again = writeFDT(made, options);
    expect(toHex(again)).toBe(bytes);
    // Of version 2 libfdt takes the start of the reservations for the size of the strings.
    if (options.version !== 2) expect(fdtCheckFull(again)).toBeUndefined();
    expect(toDTS(made)).toBe(dts);
    const words = new DataView(again.buffer);
    const fields = [
      'magic',
      'totalsize',
      'off_dt_struct',
      'off_dt_strings',
      'off_mem_rsvmap',
      'version',
      'last_comp_version',
    ];
    for (const [i, field] of fields.entries()) {
      const found = new RegExp(`// ${field}:\\s+(\\w+)`).exec(dump)?.[1];
      expect(Number(found)).toBe(words.getUint32(4 * i));
    }
  }
});

describe('what libfdt changed', () => {
  const [nops, opened, shorter, longer] = goldens.edited.cases;
  it('reads past NOPs, and writes them again', () => {
    const bytes = nops?.bytes ?? '';
    const fdt = parseFDT(unhex(bytes));
    expect(findNode(fdt, '/cpus/cpu@1')).toBeUndefined();
    expect(property(fdt.root, 'model')).toBeUndefined();
    expect(findNode(fdt, '/cpus/cpu@0')).toBeDefined();
    expect(toHex(writeFDT(fdt))).toBe(bytes);
    const compatible = property(fdt.root, 'compatible');
    if (compatible === undefined) throw new Error('no compatible');
    // A change of the same length changes nothing else, NOPs included.
    compatible.value[0] = 0x43;
    const changed = writeFDT(fdt);
    const differ = [...unhex(bytes).keys()].filter((i) => changed[i] !== unhex(bytes)[i]);
    expect(differ).toEqual([(compatible.offset ?? 0) + 12]);
  });
  it('opens a tree with free space', () => {
    const fdt = parseFDT(unhex(goldens.edited.base));
    expect(toHex(writeFDT(fdt, { totalSize: opened?.size ?? 0 }))).toBe(opened?.bytes);
  });
  it('sets a property in a tree with free space as fdt_setprop does', () => {
    for (const golden of [shorter, longer]) {
      const fdt = parseFDT(unhex(opened?.bytes ?? ''));
      const node = findNode(fdt, golden?.path ?? '');
      const found = node && property(node, golden?.name ?? '');
      if (found === undefined) throw new Error('the property is not there');
      found.value = unhex(golden?.value ?? '');
      const written = writeFDT(fdt);
      const theirs = unhex(golden?.bytes ?? '');
      expect(written.length).toBe(theirs.length);
      const after = parseFDT(theirs);
      expect(bare(parseFDT(written).root)).toEqual(bare(after.root));
      expect(toHex(written.subarray(0, 40))).toBe(toHex(theirs.subarray(0, 40)));
      // libfdt leaves remains of what it moved after a shorter value, and in the free space.
      const view = new DataView(theirs.buffer);
      const strings = view.getUint32(12);
      const names = (bytes: Uint8Array) => toHex(bytes.subarray(strings, strings + view.getUint32(32)));
      expect(names(written)).toBe(names(theirs));
    }
  });
});

it('says what libfdt says of thousands of broken trees', () => {
  let compared = 0;
  for (const { bytes, edits, answers } of goldens.checked)
    for (const [i, [changes, cut]] of edits.entries()) {
      const data = unhex(bytes);
      for (const [at, value] of changes) data[at] = value;
      const mutant = data.subarray(0, cut);
      const answer = answers[i];
      // libfdt 1.6.1 has no check there that later ones have.
      if (answer === undefined || answer === 'crash') continue;
      const [header, full] = answer;
      const what = `${toHex(mutant.subarray(0, 40))}… of ${bytes.length / 2} bytes, case ${i}`;
      expect([what, fdtCheckHeader(mutant) ?? null, fdtCheckFull(mutant) ?? null]).toEqual([
        what,
        header,
        full,
      ]);
      expect([what, strictSays(mutant) ?? null]).toEqual([what, expectedOfParser(mutant, full)]);
      compared++;
    }
  expect(compared).toBeGreaterThan(4000);
});

/** The error of libfdt that belongs to what a strict parse throws. */
function strictSays(bytes: Uint8Array): string | undefined {
  try {
    const fdt: FDTTree = parseFDT(bytes);
    // What parses is written as it was, whatever it was.
    expect(toHex(writeFDT(fdt))).toBe(toHex(bytes.subarray(0, new DataView(bytes.buffer).getUint32(4))));
    return undefined;
  } catch (error) {
    if (!(error instanceof CarryoverError)) throw error;
    expect(error.offset).toBeDefined();
    return error.code === 'fdt-no-root' || error.code === 'fdt-limit' ? undefined : libfdtError(error.code);
  }
}

/** The parser differs where it reads version 1, and where libfdt reads fields that version 2 does not have. */
function expectedOfParser(bytes: Uint8Array, full: string | null): string | null {
  const version = bytes.length >= 24 ? new DataView(bytes.buffer).getUint32(20) : 0;
  return version === 1 || version === 2 ? (strictSays(bytes) ?? null) : full;
}

it('every layout of every tree reads as the same tree', () => {
  for (const { tree } of goldens.made)
    for (const layout of FDT_LAYOUTS)
      for (const version of [1, 2, 3, 16, 17]) {
        const made = treeOf(tree);
        const fdt = parseFDT(writeFDT(made, { layout, version }));
        expect(bare(fdt.root)).toEqual(bare(made.root));
        expect(fdt.reservations).toEqual(made.reservations);
      }
});
