import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  CarryoverError,
  encode,
  isCarryoverError,
  type JSONValue,
  pathText,
} from '../../src/codec/index.js';
import {
  abiFromJSON,
  abiToJSON,
  byteRanges,
  convert,
  countBySeverity,
  encodeDocument,
  type Node,
  nodeAt,
  open,
  parseABI,
  parseEdit,
  type State,
  setFields,
  toDocument,
} from '../../src/state/index.js';
import { schemas, tiny, tinyValue } from './tiny.js';

const formats = [tiny];
const schema = schemas.a;
if (schema === undefined) throw new Error('the tiny format has no schema');

function make(records = 2, abi = ABI.x86_64): Uint8Array {
  return encode(schema as never, tinyValue(records) as never, { abi });
}
function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isCarryoverError(error)) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}
function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CarryoverError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}
function opened(bytes: Uint8Array, options: object = {}): State {
  return open(bytes, { formats, ...options });
}
function outline(node: Node, level = 0): string[] {
  return [...node.children()].flatMap((child) => {
    const key = child.kind === 'field' ? pathText(child.path.slice(-1)) : `(${child.kind})`;
    const place = `${child.offset}+${child.size}${child.bits === undefined ? '' : `:${child.bits.first}+${child.bits.count}`}`;
    return [
      `${'  '.repeat(level)}${key} ${place} ${child.text}`.trimEnd(),
      ...(child.isArray && child.count > 4 ? [] : outline(child, level + 1)),
    ];
  });
}

describe('open', () => {
  it('finds format, generation and ABI', () => {
    const state = opened(make(2, ABI.s390x));
    expect([state.reading.format, state.reading.generation, state.reading.abi?.name]).toEqual([
      'tiny',
      'a',
      's390x',
    ]);
    expect(state.findings).toEqual([]);
    expect(state.verdict).toEqual(['a receiver takes it']);
  });
  it('unpacks gzip where it is given what unpacks', () => {
    const packed = gzipSync(make());
    const state = opened(packed, { gunzip: gunzipSync });
    expect(state.gzip).toBe(true);
    expect(state.bytes.length).toBe(make().length);
    expect(codeOf(() => opened(packed))).toBe('format-unknown');
    expect(codeOf(() => opened(packed.subarray(0, 20), { gunzip: gunzipSync }))).toBe('gzip-invalid');
  });
  it('says what it cannot read, and what was probably meant', () => {
    expect(codeOf(() => opened(new Uint8Array(0)))).toBe('format-unknown');
    expect(codeOf(() => opened(new Uint8Array(9)))).toBe('format-unknown');
    expect(messageOf(() => opened(make(), { as: 'tinny' }))).toContain('did you mean tiny?');
    expect(codeOf(() => opened(make(), { as: 'tiny@z' }))).toBe('generation-unknown');
    expect(opened(make(), { as: 'tiny@raw' }).reading.generation).toBe('raw');
  });
  it('takes any bytes at all when told what they are', () => {
    for (let length = 0; length < 200; length += 7) {
      const state = opened(new Uint8Array(length).fill(0xff), { as: 'tiny' });
      expect(state.incomplete).toBeDefined();
      expect([...byteRanges(state)].reduce((end, range) => Math.max(end, range.offset + range.size), 0)).toBe(
        length,
      );
    }
  });
});

describe('the tree', () => {
  it('has the presented value with its places, and the bits between', () => {
    const bytes = make(1);
    bytes[0x10] = 5;
    expect(outline(opened(bytes).root)).toMatchInlineSnapshot(`
      [
        "head 0+12",
        "  magic 0+4 0x54494e59",
        "  pointer_size 4+4 8",
        "  (reserved) 8+4 4 bytes, zero",
        "label 12+4 "abc"",
        "  (tail) 16+4 4 bytes: 05000000",
        "seen 20+4",
        "  word 20+4 16909060",
        "  halves 20+4 [772, 258]",
        "    [0] 20+2 772",
        "    [1] 22+2 258",
        "nr 24+4 1",
        "(padding) 28+4 4 bytes, zero",
        "records 32+24 (1)",
        "  [0] 32+24",
        "    kind 32+1 FILE (1)",
        "    (padding) 33+1 1 byte, zero",
        "    mode 34+2 READ|WRITE (0x3)",
        "    (padding) 36+4 4 bytes, zero",
        "    size 40+8 0",
        "    low 48+1:0+4 0",
        "    high 48+3:4+20 0",
        "    (padding) 51+5 5 bytes, zero",
        "    name 56+7",
        "      length 56+1 6",
        "      text 57+6 6e616d652030 |name 0|",
      ]
    `);
  });
  it('has what is behind the value, and behind where decoding stopped', () => {
    const whole = make(1);
    const longer = new Uint8Array(whole.length + 3);
    longer.set(whole);
    expect(outline(opened(longer).root).at(-1)).toBe(`(unknown) ${whole.length}+3 000000`);
    const cut = opened(whole.subarray(0, 50));
    expect(outline(cut.root).at(-1)).toMatch(/^\(unknown\) /);
    expect(cut.incomplete?.code).toBe('count-limit');
  });
  it('finds nodes by their paths, and says what was probably meant', () => {
    const { root } = opened(make(3));
    expect(nodeAt(root, 'records[2].name.text').value).toEqual(new TextEncoder().encode('name 2'));
    expect(nodeAt(root, 'records[1].mode').text).toBe('READ|WRITE (0x3)');
    expect(messageOf(() => nodeAt(root, 'record[1]'))).toContain('did you mean records?');
    expect(messageOf(() => nodeAt(root, 'records[3]'))).toContain('has 3 elements');
    expect(messageOf(() => nodeAt(root, 'records.kind'))).toContain('records[0].kind');
    expect(messageOf(() => nodeAt(root, 'label.x'))).toContain('nothing inside');
    expect(codeOf(() => nodeAt(root, 'label..x'))).toBe('path-unknown');
  });
  it('makes elements when they are asked for, where they lie', () => {
    const count = 100_000;
    const bytes = make(count);
    const state = opened(bytes);
    const last = nodeAt(state.root, `records[${count - 1}]`);
    expect(nodeAt(state.root, `records[${count - 1}].high`).value).toBe(count - 1);
    expect(nodeAt(state.root, `records[${count - 1}].high`).text).toBe(String(count - 1));
    const name = nodeAt(state.root, `records[${count - 1}].name.text`);
    const { offset = 0, size = 0 } = name;
    expect(new TextDecoder().decode(bytes.subarray(offset, offset + size))).toBe(`name ${count - 1}`);
    expect(last.wire?.parent?.parts).toEqual([]);
  });
});

describe('byteRanges', () => {
  it('covers every byte once, in order', () => {
    const bytes = make(3);
    const state = opened(bytes);
    let at = 0;
    for (const range of byteRanges(state)) {
      expect(range.offset).toBeLessThanOrEqual(at);
      at = Math.max(at, range.offset + range.size);
    }
    expect(at).toBe(bytes.length);
  });
  it('begins and ends where it is asked to', () => {
    const state = opened(make(1000));
    const node = nodeAt(state.root, 'records[900]');
    const { offset = 0, size = 0 } = node;
    const paths = [...byteRanges(state, offset, offset + size)].map((range) => pathText(range.path));
    expect(new Set(paths)).toEqual(
      new Set([
        'records[900]',
        ...['kind', 'mode', 'size', 'low', 'high'].map((key) => `records[900].${key}`),
      ]),
    );
  });
});

describe('findings', () => {
  it('are those of decoding, of the declarations and of the format, with presented paths', () => {
    const value = tinyValue(2);
    const [first] = value.records;
    if (first !== undefined) Object.assign(first, { kind: 9, size: 500n });
    const bytes = encode(schema as never, value as never, { abi: ABI.x86_64 });
    bytes[8] = 1;
    const cut = opened(bytes.subarray(0, bytes.length - 3));
    expect(cut.findings.map(({ severity, rule, path }) => `${severity} ${rule} ${path}`)).toEqual([
      'warning tiny/big records[0].size',
      'warning decode/reserved-not-zero head.spare',
      'warning decode/enum-unknown records[0].kind',
      expect.stringMatching(/^error decode\/(truncated|count-limit) records\[1\]\.name\.text$/),
    ]);
    expect(countBySeverity(cut.findings)).toEqual({ error: 1, warning: 3, note: 0 });
  });
});

describe('documents', () => {
  const through = (json: JSONValue): JSONValue => JSON.parse(JSON.stringify(json)) as JSONValue;
  it('give the same bytes back, with slack and trailing bytes, with names and places', () => {
    for (const abi of [ABI.x86_64, ABI.i386, ABI.powerpc]) {
      const bytes = new Uint8Array([...make(3, abi), 1, 2, 3]);
      bytes[9] = 7;
      bytes[0x12] = 9;
      for (const options of [{}, { names: true, full: true }]) {
        const document = through(toDocument(opened(bytes), options));
        expect(encodeDocument(document, { formats })).toEqual(bytes);
      }
    }
  });
  it('compute counts anew on request', () => {
    const document = toDocument(opened(make(3)));
    const value = document.value as { records: JSONValue[] };
    const shorter = { ...document, value: { ...value, records: value.records.slice(1) } };
    expect(codeOf(() => encodeDocument(shorter, { formats }))).toBe('count-mismatch');
    const again = opened(encodeDocument(shorter, { formats, derive: true }));
    expect(nodeAt(again.root, 'nr').value).toBe(2);
  });
  it('that are not complete are refused', () => {
    const document = through(toDocument(opened(make(3).subarray(0, 60))));
    expect(codeOf(() => encodeDocument(document, { formats }))).toBe('document-incomplete');
  });
  it('that are not documents are refused', () => {
    const document = toDocument(opened(make(1)));
    const refused = (change: object): string =>
      codeOf(() => encodeDocument({ ...document, ...change }, { formats }));
    expect(codeOf(() => encodeDocument([], { formats }))).toBe('document-invalid');
    expect(refused({ format: 'x' })).toBe('format-unknown');
    expect(refused({ generation: 'x' })).toBe('generation-unknown');
    expect(refused({ generation: 5 })).toBe('document-invalid');
    expect(refused({ abi: 'vax' })).toBe('abi-unknown');
    expect(refused({ value: [] })).toBe('document-invalid');
    expect(refused({ trailing: 'xyz' })).toBe('document-invalid');
    expect(refused({ valeu: {} })).toBe('document-invalid');
  });
  it('name the presented path of what is wrong', () => {
    const document = toDocument(opened(make(1)));
    const bad = JSON.parse(
      JSON.stringify(document).replace('"text":"6e616d652030"', '"text":"6e6"'),
    ) as JSONValue;
    expect(messageOf(() => encodeDocument(bad, { formats }))).toContain(
      'records[0].name.text: these are not bytes',
    );
  });
});

describe('ABIs in words', () => {
  it('are names, or a preset with parts', () => {
    const odd = parseABI('i386,timeSize=8');
    expect(abiToJSON(odd)).toEqual({ like: 'i386', timeSize: 8 });
    expect(abiFromJSON(abiToJSON(odd))).toMatchObject({ timeSize: 8, pointerSize: 4, alignments: { 8: 4 } });
    for (const abi of Object.values(ABI)) expect(abiFromJSON(abiToJSON(abi))).toBe(abi);
    expect(abiToJSON(undefined)).toBe(null);
    expect(abiFromJSON(null)).toBeUndefined();
  });
  it('say what is wrong with them', () => {
    expect(messageOf(() => parseABI('x86-64'))).toContain('did you mean x86_64?');
    expect(messageOf(() => parseABI('i386,timesize=8'))).toContain('did you mean timeSize?');
    expect(codeOf(() => parseABI('i386,timeSize=3'))).toBe('abi-unknown');
    expect(codeOf(() => abiFromJSON({ timeSize: 8 }))).toBe('abi-unknown');
  });
});

describe('set', () => {
  const set = (state: State, ...edits: string[]): State => opened(setFields(state, edits.map(parseEdit)));
  it('changes fields of all kinds, and what follows from them', () => {
    const state = set(
      opened(make(2)),
      'label=xyz',
      'records[1].mode=WRITE',
      'records[1].kind=FILE',
      'records[0].high=0xfffff',
      'records[0].name.text=414243',
      'seen={"word":5}',
    );
    const text = (path: string): string => nodeAt(state.root, path).text;
    expect([text('label'), text('records[1].mode'), text('records[1].kind')]).toEqual([
      '"xyz"',
      'WRITE (0x2)',
      'FILE (1)',
    ]);
    expect([text('records[0].high'), text('records[0].low'), text('records[0].name.length')]).toEqual([
      '1048575',
      '0',
      '3',
    ]);
    expect(nodeAt(state.root, 'records[1].name.text').text).toContain('name 1');
  });
  it('changes a derived field as asked, and nothing else', () => {
    const before = make(2);
    const after = setFields(opened(before), [parseEdit('nr=9')]);
    expect(after.filter((byte, i) => byte !== before[i])).toEqual(Uint8Array.of(9));
  });
  it('changes single fields of what does not decode, in place', () => {
    const cut = make(2).subarray(0, 60);
    const after = setFields(opened(cut), [parseEdit('records[0].low=5'), parseEdit('head.spare=01000000')]);
    expect(after.filter((byte, i) => byte !== cut[i])).toEqual(Uint8Array.of(1, 5));
    expect(codeOf(() => setFields(opened(cut), [parseEdit('records=[]')]))).toBe('edit-impossible');
  });
  it('refuses what is no edit', () => {
    expect(codeOf(() => parseEdit('label'))).toBe('edit-impossible');
    expect(codeOf(() => parseEdit('seen={x'))).toBe('edit-impossible');
    expect(codeOf(() => set(opened(make(1)), 'lable=x'))).toBe('path-unknown');
    expect(codeOf(() => set(opened(make(1)), 'records[0].mode=RAED'))).toBe('value-type');
  });
});

describe('convert', () => {
  it('writes the same value for every ABI, with the hints for it', () => {
    const from = opened(make(3));
    for (const abi of Object.values(ABI)) {
      const { bytes, notes } = convert(from, { abi });
      expect(bytes).toEqual(
        encode(
          schema as never,
          { ...tinyValue(3), head: { pointer_size: abi.pointerSize, magic: 0x54494e59 } } as never,
          { abi },
        ),
      );
      expect(notes).toEqual([]);
    }
  });
  it('leaves out padding that has no place there, and says so', () => {
    const bytes = make(1);
    const padding = [...byteRanges(opened(bytes))].filter((range) => range.kind === 'padding');
    for (const range of padding) if (range.bits === undefined) bytes[range.offset] = 0xff;
    const { notes } = convert(opened(bytes), { abi: ABI.m68k });
    expect(notes).toEqual([expect.stringContaining('left out')]);
  });
  it('refuses what is not complete', () => {
    expect(codeOf(() => convert(opened(make(1).subarray(0, 40)), { abi: ABI.arm }))).toBe(
      'document-incomplete',
    );
  });
  it('writes another generation where the value has a place in it', () => {
    expect(codeOf(() => convert(opened(make(1)), { to: 'tiny@raw', formats }))).toBe('convert-impossible');
    const { bytes, notes } = convert(opened(make(1)), {
      to: 'tiny@raw',
      formats,
      edits: [parseEdit('rest=0102')],
    });
    expect(bytes.length).toBe(14);
    expect(notes).toContainEqual('label has no place in the target and was left out');
    expect(notes).toContainEqual(expect.stringContaining('is taken for tiny@a'));
  });
});
