/** `carryover generate`: what it writes, and what it refuses. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openHandover } from '../../src/formats/kho/index.js';
import { bytesSource, openImage } from '../../src/memory/index.js';
import { makeShell, type Shell } from '../cli/shell.js';

interface Entry {
  readonly name: string;
  readonly entry?: string;
  readonly sha256: string;
  readonly size: number;
  readonly generation: string;
  readonly abi: string;
  readonly page_size: number;
  readonly violates?: string;
  readonly covers: string;
  readonly raw?: string;
  readonly findings: readonly { readonly severity: string; readonly rule: string; readonly path: string }[];
}
interface Manifest {
  readonly tool: string;
  readonly version: string;
  readonly format: string;
  readonly generation?: string;
  readonly seed: number;
  readonly form: string;
  readonly files: readonly Entry[];
  readonly not_alone: readonly { readonly rule: string; readonly with: readonly string[] }[];
  readonly not_broken: readonly { readonly rule: string; readonly because: string }[];
  readonly left_out: readonly { readonly name: string; readonly because: string }[];
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function generated(words: string): Promise<{ shell: Shell; manifest: Manifest }> {
  const shell = await makeShell();
  const { exit, err } = await shell.line(`carryover generate ${words} -o out`);
  expect(err).toBe('');
  expect(exit).toBe(0);
  return { shell, manifest: JSON.parse(text(shell.files.get('out/manifest.json'))) };
}

describe('a set of valid instances', () => {
  it('is what its manifest says', async () => {
    const { shell, manifest } = await generated('memfd@v2 --count 12 --seed 3');
    expect(manifest).toMatchObject({
      tool: 'carryover',
      version: '0.0.0',
      format: 'memfd',
      generation: 'v2',
      seed: 3,
      form: 'elf',
      left_out: [],
    });
    expect(manifest.files).toHaveLength(12);
    for (const { name, sha256: hash, size, findings, generation } of manifest.files) {
      const bytes = shell.files.get(`out/${name}`);
      if (bytes === undefined) throw new Error(`there is no ${name}`);
      expect([sha256(bytes), bytes.length]).toEqual([hash, size]);
      expect(findings).toEqual([]);
      expect(generation).toBe('v2');
      expect((await shell.line(`carryover check out/${name}`)).exit).toBe(0);
    }
    expect([...shell.files.keys()].filter((name) => name.startsWith('out/'))).toHaveLength(13);
  });

  it('goes on with random instances, which follow from the seed', async () => {
    const hashes = async (seed: number): Promise<readonly string[]> =>
      (await generated(`kexec-metadata --count 28 --seed ${seed}`)).manifest.files.map((file) => file.sha256);
    const one = await hashes(1);
    expect(one).toHaveLength(28);
    expect(await hashes(1)).toEqual(one);
    const two = await hashes(2);
    // Boundaries are the same for every seed: 6 of them on 4 machines.
    expect(two.slice(0, 24)).toEqual(one.slice(0, 24));
    expect(two.slice(24).filter((hash) => one.includes(hash))).toEqual([]);
  });

  it('has all boundaries if nobody counts', async () => {
    const { manifest } = await generated('memblock');
    expect(manifest.files).toHaveLength(9 * 4);
    expect(new Set(manifest.files.map(({ abi, page_size }) => `${abi} ${page_size}`))).toEqual(
      new Set(['x86_64 4096', 'aarch64 4096', 'aarch64 16384', 'aarch64 65536']),
    );
  });
});

describe('a set of violations', () => {
  it('has one for each rule, and says what cannot be had', async () => {
    const { shell, manifest } = await generated('luo --violate all');
    const rules = manifest.files.map(({ violates }) => violates);
    expect(rules.length).toBeGreaterThan(25);
    expect(new Set(rules).size).toBe(rules.length);
    expect(manifest.not_alone.map(({ rule }) => rule)).toEqual(['luo/freed', 'luo/handler-name']);
    expect(manifest.not_broken).toEqual([]);
    for (const { name, findings, violates } of manifest.files) {
      const { out } = await shell.line(`carryover check --json out/${name}`);
      const found: readonly { rule: string; severity: string }[] = JSON.parse(text(out)).findings;
      const serious = found.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule);
      const expected = findings.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule);
      expect([violates, serious]).toEqual([violates, expected]);
    }
  });
  it('of one rule is one file', async () => {
    const { manifest } = await generated('memfd@v1 --violate memfd/folio-twice');
    expect(manifest.files.map(({ name, findings }) => [name, findings])).toEqual([
      [
        'v1-x86_64-4k-memfd-folio-twice.elf',
        [
          {
            severity: 'error',
            rule: 'memfd/folio-twice',
            path: 'entries.LUO.sessions[0].files[0].memfd.folios',
          },
        ],
      ],
    ]);
  });
  it('says which rules no instance breaks', async () => {
    const { manifest } = await generated('memfd@v1 --violate all --count 2');
    expect(manifest.files.filter(({ violates }) => violates === undefined)).toHaveLength(2);
    expect(manifest.not_broken).toEqual([
      { rule: 'memfd/flags', because: 'it can be broken in v2 only' },
      { rule: 'memfd/seals', because: 'it can be broken in v2 only' },
    ]);
  });
});

describe('forms', () => {
  const reopened = (bytes: Uint8Array, raw?: string) =>
    openHandover(
      openImage(bytesSource(bytes), raw === undefined ? {} : { raw: { base: BigInt(raw) } }),
    ).findings.filter(({ severity }) => severity !== 'note');

  it.each(['kdump', 'lime', 'raw'])('%s', async (form) => {
    const { shell, manifest } = await generated(`memfd@v2 --count 4 --form ${form}`);
    expect(manifest.files).toHaveLength(4);
    for (const { name, raw } of manifest.files) {
      expect(name).toMatch(new RegExp(`\\.${form}$`));
      expect(reopened(shell.files.get(`out/${name}`) ?? new Uint8Array(), raw)).toEqual([]);
    }
  });
  it('leaves out what a form cannot tell, and what would be all zeros', async () => {
    const { manifest } = await generated('kho@v4 --violate all --form raw');
    const left = manifest.left_out.map(({ name }) => name);
    expect(left).toContain('v4-x86_64-4k-kho-memory-absent');
    expect(left).toContain('v4-x86_64-4k-kho-page-zero');
    expect(manifest.files.map(({ violates }) => violates)).toContain('kho/root-map');
    const boundaries = (await generated('memblock --form lime')).manifest;
    expect(boundaries.left_out.map(({ name, because }) => `${name}: ${because}`)).toContain(
      'v1-x86_64-4k-region-1-gib: it would take 1024 MiB, nearly all of them zeros',
    );
  });
  it('hex, C and JSON hold the bytes', async () => {
    const words = 'kexec-metadata --count 2';
    const elf = await generated(words);
    const hex = await generated(`${words} --form hex`);
    const c = await generated(`${words} --form c`);
    const json = await generated(`${words} --form json`);
    const list: readonly { name: string; hex: string; sha256: string }[] = JSON.parse(
      text(json.shell.files.get('out/fixtures.json')),
    );
    for (const [i, { name, sha256: hash }] of elf.manifest.files.entries()) {
      const bytes = Buffer.from(elf.shell.files.get(`out/${name}`) ?? []);
      const stem = name.replace(/\.elf$/, '');
      const hexText = text(hex.shell.files.get(`out/${stem}.hex`));
      expect(Buffer.from(hexText.replace(/\s+/g, ''), 'hex').equals(bytes)).toBe(true);
      const source = text(c.shell.files.get(`out/${stem}.c`));
      const numbers = source.slice(source.indexOf('= {') + 3).match(/\d+/g) ?? [];
      expect(Buffer.from(numbers.map(Number)).equals(bytes)).toBe(true);
      expect(list[i]?.name).toBe(stem);
      expect(list[i]?.hex).toBe(bytes.toString('hex'));
      expect([hex, c, json].map(({ manifest }) => manifest.files[i]?.sha256)).toEqual([hash, hash, hash]);
    }
    expect(text(c.shell.files.get('out/fixtures.h'))).toContain(
      'extern const unsigned char carryover_00001_v1_x86_64_4k_default[',
    );
  });
});

describe('refusals', () => {
  it.each([
    ['lou', '"lou" cannot be generated; these can: '],
    ['luo@v9', 'luo has no generation "v9"; it has v1-6.19, v1, v2, v3, v4, v5'],
    ['luo --violate luo/sice', 'luo has no rule "luo/sice"; did you mean luo/size?'],
    ['luo@v1 --violate luo/size', 'no instance breaks luo/size: it can be broken in v3, v4, v5 only'],
    ['kho --violate kho/block-many', 'no instance breaks kho/block-many: it takes'],
    ['luo --form bytes', 'luo is memory, which takes a container: elf, kdump, raw, lime'],
    ['luo --form png', '--form is one of elf, kdump, raw, lime, bytes, c, json, hex, not "png"'],
    ['luo --count x', '"x" is not a whole number'],
    ['luo --seed 4294967296', '--seed is a whole number below 2^32, not "4294967296"'],
  ])('%s', async (words, message) => {
    const shell = await makeShell();
    const before = shell.files.size;
    const { exit, err } = await shell.line(`carryover generate ${words} -o out`);
    expect(err).toContain(message);
    expect(exit).toBe(2);
    expect(shell.files.size).toBe(before);
  });
  it('does not mix sets in one directory', async () => {
    const { shell } = await generated('kexec-metadata --count 1');
    const { exit, err } = await shell.line('carryover generate kexec-metadata --count 2 -o out');
    expect(exit).toBe(2);
    expect(err).toContain('out has a manifest.json already: give a directory without one');
  });
  it('leaves no manifest where a file could not be written', async () => {
    const shell = await makeShell();
    const set = shell.files.set.bind(shell.files);
    shell.files.set = (name, bytes) => {
      if (name.startsWith('out/00003'))
        throw Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'write' });
      return set(name, bytes);
    };
    const { exit, err } = await shell.line('carryover generate kexec-metadata --count 5 -o out');
    expect([exit, err]).toEqual([
      2,
      'carryover: out/00003-v1-x86_64-4k-release-longest.elf: no space left on the device\n',
    ]);
    expect([...shell.files.keys()].filter((name) => name.startsWith('out/'))).toHaveLength(2);
    expect(shell.files.has('out/manifest.json')).toBe(false);
  });
});
