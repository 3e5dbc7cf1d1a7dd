/** What the command says of files whose memory the dump lacks, or has as zeros; and long lists as JSON. */
import { describe, expect, it } from 'vitest';
import { jsonText } from '../../src/cli/json-text.js';
import { valueText } from '../../src/cli/value-text.js';
import { jsonOf } from '../../src/formats/kho/index.js';
import { bytesSource, openImage, writeElfCore } from '../../src/memory/index.js';
import { handoverDocument, handoverRanges, handoverRecord, openDump } from '../../src/state/index.js';
import { build, type FileSpec, type Memory } from '../formats/kho/builder.js';
import { hugeMemfd } from '../formats/kho/huge.js';
import { CAPTURES } from '../formats/kho/support.js';
import { openFixture } from '../memory/fixtures.js';
import { makeShell } from './shell.js';

const shell = await makeShell();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const KDUMP = 'fixtures/kho/kho-v4-luo-v5-x86_64.kdump.gz';

/** A core of it; pages whose only letter is `0` are zeros that are not stored. */
function coreOf(memory: Memory): Uint8Array {
  const segments = [...memory.pages]
    .sort(([a], [b]) => a - b)
    .map(([index, bytes]) => ({
      address: BigInt(index * 4096),
      bytes: bytes[0] === 0x30 && bytes[1] === 0 ? new Uint8Array() : bytes,
      size: 4096n,
    }));
  return Buffer.concat([...writeElfCore({ endian: 'little', bits: 64, elfMachine: 62, segments })]);
}

/** Files of one page for each letter: a letter is stored, `0` is zero, `.` is left out, `_` is a hole. */
function dumpOf(...files: readonly string[]): Uint8Array {
  const specs = files.map(
    (letters, i): FileSpec => ({
      token: BigInt(i),
      size: letters.length * 4096,
      folios: [...letters].flatMap((letter, index) =>
        letter === '_' ? [] : [{ index, order: 0, fill: letter === '.' ? '' : letter }],
      ),
    }),
  );
  const sessions = [{ name: 's', files: specs }];
  return coreOf(build({ kho: 'v4', luo: 'v5', pageSize: 4096, sessions }).memory);
}
const missing = (...files: readonly string[]): unknown =>
  openDump(openImage(bytesSource(dumpOf(...files)))).missing;

describe('contents that are not in the dump', () => {
  it.each<[readonly string[], unknown]>([
    [['ab', 'c', '0'], undefined],
    [['ab', '..', ''], { files: 2, whole: 1, part: 0 }],
    [['a.', '..', 'b_c', '___'], { files: 3, whole: 1, part: 1 }],
    [['.a', 'a.b', '.a.'], { files: 3, whole: 0, part: 3 }],
    [['..'], { files: 1, whole: 1, part: 0 }],
  ])('%j', (files, told) => expect(missing(...files)).toEqual(told));

  it('are counted up to the end of the file, and not where nothing was ever written', () => {
    const files: readonly FileSpec[] = [
      // Half a page of a folio of four pages; the dump has only the first.
      { token: 1n, size: 2048, folios: [{ index: 0, order: 2, fill: '' }] },
      { token: 2n, size: 4096, folios: [{ index: 0, order: 0, flags: 1, fill: '' }] },
    ];
    const built = build({ kho: 'v4', luo: 'v5', pageSize: 4096, sessions: [{ name: 's', files }] });
    expect(openDump(built.image).missing).toEqual({ files: 1, whole: 1, part: 0 });
    const folio = built.blocks.find(([, order]) => order === 2)?.[0] ?? 0;
    built.memory.bytes(folio * 4096, 'here');
    expect(openDump(built.memory.image(62)).missing).toBeUndefined();
  });

  it('are told by decode and check, and in JSON', async () => {
    shell.files.set('cut.elf', dumpOf('ab', '.a', '..', '..'));
    const line = 'not in the dump: all memory of 2 and some of 1 of 4 preserved files';
    const decoded = await shell.line('carryover decode cut.elf');
    expect(text(decoded.out)).toContain(`contents ${line}`);
    expect(text((await shell.line('carryover check cut.elf')).out)).toContain(`contents ${line}`);
    for (const verb of ['decode', 'check'])
      expect(JSON.parse(text((await shell.line(`carryover ${verb} --json cut.elf`)).out))).toMatchObject({
        contents_missing: { files: 4, whole: 2, part: 1 },
      });
    shell.files.set('whole.elf', dumpOf('ab', 'c'));
    expect(text((await shell.line('carryover decode whole.elf')).out)).not.toContain('contents');
  });

  it('take no time in proportion to a file', () => {
    const start = performance.now();
    const { missing: told } = openDump(hugeMemfd(1 << 20), { khoFdt: 0x10000n });
    expect(told).toEqual({ files: 1, whole: 1, part: 0 });
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe('extract', () => {
  it('says how much is zero only because the dump says so', async () => {
    shell.files.set('zeros.elf', dumpOf('a00b_0.'));
    const { out, err, exit } = await shell.line('carryover extract zeros.elf s/0');
    expect(exit).toBe(1);
    expect(out.length).toBe(7 * 4096);
    expect([...out.filter((byte) => byte !== 0)]).toEqual([0x61, 0x62]);
    expect(err).toContain('note: 12288 bytes of s/0 are zero because the dump says so without storing them');
    expect(err).toContain('4096 bytes of s/0 are not in the dump');
  });
  it('goes on with exit code 0 where nothing else is missing', async () => {
    const { out, err, exit } = await shell.line(`carryover extract ${KDUMP} vm-beta/0xffffffffffffffff`);
    expect([out.length, exit]).toEqual([3000 * 4096, 0]);
    expect(err).toMatch(/^carryover: note: \d+ bytes of vm-beta\/0xffffffffffffffff are zero because/);
  });
});

describe('JSON that is made while it is written', () => {
  it.each(Object.entries(CAPTURES))('of %s is what it is as one piece', (_, name) => {
    const state = openDump(openFixture(name));
    for (const full of [false, true])
      expect([...valueText(handoverRecord(state, full), jsonOf)].join('')).toBe(
        [...jsonText(handoverDocument(state, full))].join(''),
      );
  });
  it('of a file in many pieces is a list of them, in pieces of text that are small', () => {
    const state = openDump(hugeMemfd(1 << 18, 16, 3), { khoFdt: 0x10000n });
    let largest = 0;
    let whole = '';
    for (const piece of valueText(handoverRecord(state), jsonOf)) {
      largest = Math.max(largest, piece.length);
      whole += piece;
    }
    expect(whole.length).toBeGreaterThan(4 << 20);
    expect(largest).toBeLessThan(1 << 18);
    expect(JSON.parse(whole)).toEqual(handoverDocument(state));
    expect([...handoverRanges(state)].length).toBeGreaterThan((1 << 18) / 16);
  });
  it('of lists of other things is the same too', () => {
    function* made(): Iterable<unknown> {
      yield* [1, [2n, 'x'], { a: [1, 2, { b: 3n }] }, {}, null];
    }
    const plain = [...made()];
    expect(
      [...valueText({ list: made(), none: [].values(), other: { deep: [made()] } }, jsonOf)].join(''),
    ).toBe([...jsonText(jsonOf({ list: plain, none: [], other: { deep: [plain] } }))].join(''));
  });
});
