import { describe, expect, it } from 'vitest';
import { CarryoverError, decode, decodeLenient, encode, toHex } from '../../../src/codec/index.js';
import { FDT_CODES, fdt } from '../../../src/formats/fdt/index.js';
import { fixture, goldens, unhex } from './goldens.js';

/** The value as JSON has it: bytes as hex, 64-bit integers as text. */
function throughJSON(value: unknown): unknown {
  const text = JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    return part instanceof Uint8Array ? toHex(part) : part;
  });
  return JSON.parse(text);
}
/** Decodes strictly and encodes what JSON made of it. */
function roundTrip(bytes: Uint8Array): { value: unknown; bytes: string } {
  const { schema } = fdt.reading(bytes, {});
  const value: unknown = decode(schema, bytes);
  // The schema is that of the format, whose values JSON gave back.
  return { value, bytes: toHex(encode(schema, throughJSON(value) as never)) };
}

describe('recognising', () => {
  it('by the magic number and the header', () => {
    const found = fdt.recognise(fixture('kho-v4-root.dtb'));
    expect(found).toMatchObject({ generation: 'v17', confidence: 0.8 });
    expect(fdt.recognise(new Uint8Array(64))).toBeUndefined();
    expect(fdt.recognise(Uint8Array.of(0xd0, 0x0d))).toBeUndefined();
    expect(fdt.recognise(Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed))?.confidence).toBe(0.5);
  });
  it('each generation of what dtc compiled', () => {
    for (const { version, bytes } of goldens.compiled) {
      expect(fdt.recognise(unhex(bytes))?.generation).toBe(`v${version}`);
      expect(fdt.reading(unhex(bytes), {}).generation).toBe(`v${version}`);
    }
  });
  it('takes the generation that is asked for, if there is one', () => {
    const bytes = unhex(
      goldens.compiled.find(({ name, version }) => name === 'values' && version === 3)?.bytes ?? '',
    );
    const reading = fdt.reading(bytes, { generation: 'v2' });
    expect(reading).toMatchObject({ generation: 'v2', because: ['v2 was asked for', expect.any(String)] });
    const value: unknown = decode(reading.schema, bytes);
    expect(value).toMatchObject({ version: 3, read_as: 2, layout: 'image' });
    expect(toHex(encode(reading.schema, throughJSON(value) as never))).toBe(toHex(bytes));
    expect(() => fdt.reading(bytes, { generation: 'v99' })).toThrow(/\[version-unknown\]/);
  });
});

describe('values', () => {
  it('name the layout of each capture', () => {
    const layouts = ['kho-v4-root', 'kho-v4-memblock', 'kho-v4-kho_test', 'luo-v1'].map((name) => {
      const bytes = fixture(`${name}.dtb`);
      const result = roundTrip(bytes);
      expect(result.bytes).toBe(toHex(bytes));
      expect(result.value).not.toHaveProperty('image');
      return [name, (result.value as { layout: string }).layout];
    });
    expect(Object.fromEntries(layouts)).toEqual({
      'kho-v4-root': 'read-write',
      'kho-v4-memblock': 'sequential',
      'kho-v4-kho_test': 'sequential',
      'luo-v1': 'sequential',
    });
  });
  it('survive JSON, whatever wrote the tree', () => {
    for (const { bytes } of [...goldens.compiled, ...goldens.made, ...goldens.edited.cases])
      expect(roundTrip(unhex(bytes)).bytes).toBe(bytes);
  });
  it('survive JSON for every mutant that decodes', () => {
    let decoded = 0;
    for (const { bytes, edits } of goldens.checked)
      for (const [changes, cut] of edits.slice(0, 60)) {
        const mutant = unhex(bytes);
        for (const [at, value] of changes) mutant[at] = value;
        const input = mutant.slice(0, cut);
        const { schema } = fdt.reading(input, {});
        const { value, problems } = decodeLenient(schema, input);
        if (problems.length > 0) continue;
        decoded++;
        expect(toHex(encode(schema, throughJSON(value) as never))).toBe(toHex(input));
      }
    expect(decoded).toBeGreaterThan(100);
  });
  it('keep what follows in a page', () => {
    const page = new Uint8Array(4096);
    page.set(fixture('kho-v4-root.dtb'));
    page.set(new TextEncoder().encode('compatible\0'), 4000);
    const result = roundTrip(page);
    expect(result.bytes).toBe(toHex(page));
    expect((result.value as { trailing: Uint8Array }).trailing.length).toBe(4096 - 405);
  });
  it('can be changed, also over an image', () => {
    const bytes = unhex(goldens.edited.cases[0]?.bytes ?? '');
    const { schema } = fdt.reading(bytes, {});
    const value = throughJSON(decode(schema, bytes)) as {
      layout: string;
      root: { properties: { name: string; value: string }[] };
    };
    expect(value.layout).toBe('image');
    const [first] = value.root.properties;
    if (first === undefined) throw new Error('no property');
    first.value = '00000002';
    const changed = encode(schema, value as never);
    expect(changed.length).toBe(bytes.length);
    expect([...bytes.keys()].filter((i) => changed[i] !== bytes[i]).length).toBe(1);
  });
  it.each([
    [{ version: '17' }, 'version'],
    [{ layout: 'odd' }, 'layout'],
    [{ reservations: [{ address: '-1', size: '1' }] }, 'reservations[0].address'],
    [
      { root: { name: '', properties: [{ name: 'x', value: 'xyz' }], nodes: [] } },
      'root.properties[0].value',
    ],
    [
      { root: { name: '', properties: [], nodes: [{ name: 'a', properties: {}, nodes: [] }] } },
      'root.nodes[0].properties',
    ],
  ])('that have no place are refused: %j', (part, path) => {
    const bytes = fixture('kho-v4-root.dtb');
    const { schema } = fdt.reading(bytes, {});
    const value = { ...(throughJSON(decode(schema, bytes)) as object), ...part };
    try {
      encode(schema, value as never);
      throw new Error('it was taken');
    } catch (error) {
      if (!(error instanceof CarryoverError)) throw error;
      expect(error.toJSON()).toMatchObject({ code: 'value-type', path });
    }
  });
});

describe('findings', () => {
  const check = (bytes: Uint8Array) => {
    const reading = fdt.reading(bytes, {});
    const { value, size } = decodeLenient(reading.schema, bytes);
    return {
      value: fdt.present(value, reading),
      findings: fdt.check(value, reading, bytes, size),
      verdict: fdt.verdict?.(value, reading, bytes),
    };
  };
  it('are none for a sound tree', () => {
    const { findings, verdict } = check(fixture('kho-v4-root.dtb'));
    expect(findings).toEqual([]);
    expect(verdict).toEqual([
      'version 17: 5 nodes, 10 properties, 0 memory reservations',
      'libfdt accepts it',
    ]);
  });
  it('name the property, and what is presented is what could be read', () => {
    const bytes = fixture('kho-v4-root.dtb');
    // The name offset of the first property of /memblock.
    bytes[0x80] = 1;
    const { findings, value, verdict } = check(bytes);
    expect(findings).toEqual([
      {
        severity: 'error',
        rule: 'fdt/name-offset',
        path: 'root.nodes[0].properties[0]',
        offset: 0x80,
        message:
          '/memblock/?0x100002f: the name of the property is not in the strings block (expected less than 0x39, found 0x100002f); libfdt returns -FDT_ERR_BADOFFSET',
      },
    ]);
    expect(verdict?.[1]).toBe('fdt_check_header accepts it, fdt_check_full returns -FDT_ERR_BADOFFSET');
    const reading = fdt.reading(bytes, {});
    expect(toHex(encode(reading.schema, throughJSON(value) as never))).toBe(toHex(bytes));
  });
  it('tell of a cut file, and keep it', () => {
    const cut = fixture('kho-v3-root-cut.dtb');
    const { findings, value } = check(cut);
    expect(findings.map(({ rule }) => rule)).toContain('fdt/truncated');
    expect(value).toMatchObject({
      layout: 'image',
      root: { nodes: [{ name: 'memblock' }, { name: 'LUO' }, { name: 'kho_test' }] },
    });
    expect(toHex(encode(fdt.reading(cut, {}).schema, throughJSON(value) as never))).toBe(toHex(cut));
  });
  it('note what follows the tree', () => {
    const page = new Uint8Array(4096);
    page.set(fixture('kho-v4-root.dtb'));
    expect(check(page).findings).toEqual([]);
    page[4095] = 1;
    expect(check(page).findings).toMatchObject([{ severity: 'note', rule: 'fdt/trailing', offset: 4095 }]);
  });
  it('have a rule each', () => {
    const rules = new Set(fdt.rules.map(({ name }) => name));
    expect(rules.size).toBe(fdt.rules.length);
    for (const code of Object.keys(FDT_CODES))
      if (code !== 'fdt-unwritable') expect(rules).toContain(code.replace('fdt-', 'fdt/'));
  });
});
