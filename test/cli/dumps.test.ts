/** The command on memory dumps: what the guests had preserved comes out again, and bad inputs are told. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IO } from '../../src/cli/io.js';
import { createFile, openPath } from '../../src/cli/node-files.js';
import { nodeIO } from '../../src/cli/node-io.js';
import { progressOf } from '../../src/cli/progress.js';
import { run } from '../../src/cli/run.js';
import { bytesSource, isAbsence, openImage } from '../../src/memory/index.js';
import { makeShell } from './shell.js';

const ELF = 'fixtures/kho/kho-v4-luo-v5-x86_64.elf.gz';
const KDUMP = 'fixtures/kho/kho-v4-luo-v5-x86_64.kdump.gz';
const ARM = 'fixtures/kho/kho-v4-luo-v5-arm64-64k.elf.gz';
const OLDER = 'fixtures/kho/kho-older';

interface Memfd {
  readonly pos: string;
  readonly size: string;
  readonly seals?: number;
  readonly nr_folios: string;
  readonly folios: readonly {
    readonly index: string;
    readonly pfn: string;
    readonly count: number;
    readonly step?: number;
  }[];
}
interface Document {
  readonly format: string;
  readonly generation: string;
  readonly abi: string;
  readonly value: {
    readonly page_size: number;
    readonly fdt: { readonly address: string };
    readonly preserved: { readonly pages: string; readonly ranges: readonly unknown[] };
    readonly entries: {
      readonly LUO: {
        readonly compatible: string;
        readonly sessions: readonly {
          readonly name: string;
          readonly files: readonly { readonly token: string; readonly memfd: Memfd }[];
        }[];
      };
      readonly memblock: Readonly<Record<string, unknown>>;
    };
  };
  readonly findings: readonly { readonly rule: string }[];
  readonly objects?: readonly { readonly path: string; readonly address: string; readonly type: string }[];
}

const shell = await makeShell();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function document(words: string): Promise<Document> {
  const { out, err } = await shell.line(`carryover decode --json ${words}`);
  expect(err).toBe('');
  // The shape is what the tests below look at, member by member.
  return JSON.parse(text(out)) as Document;
}
async function extracted(dump: string, path: string): Promise<Uint8Array> {
  const { out, err, exit } = await shell.line(`carryover extract ${dump} '${path}'`);
  expect([err, exit]).toEqual(['', 0]);
  return out;
}

/** What the guest wrote to the start of each page of its large file. */
function numberOf(page: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(page) * 0x9e3779b97f4a7c15n));
  return bytes;
}

describe('decode --json of a dump', () => {
  it('has the contract’s shape', async () => {
    const { format, generation, abi, value } = await document(ELF);
    expect([format, generation, abi, value.page_size]).toEqual(['kho', 'v4', 'x86_64', 4096]);
    expect(value.fdt.address).toBe('0x4bd000');
    expect(value.preserved.pages).toBe('5683');
    expect(value.preserved.ranges).toHaveLength(75);
    expect(value.entries.memblock).toMatchObject({ tracebuf: { size: '65536' }, pstore: { size: '8192' } });
  });

  it('says what the guest had preserved', async () => {
    const { value } = await document(ELF);
    const [alpha, beta, empty] = value.entries.LUO.sessions;
    expect(alpha?.files.map(({ token, memfd }) => [token, memfd.pos, memfd.size, memfd.nr_folios])).toEqual([
      ['0x1001', '5', '4096', '1'],
      ['0xdeadbeefcafef00d', '0', '262144', '64'],
      ['0x3', '0', '65536', '16'],
      ['0x4', '0', '0', '0'],
    ]);
    expect(alpha?.files[1]?.memfd.seals).toBe(2 | 4);
    expect(beta?.files).toHaveLength(101);
    expect(beta?.files[0]).toMatchObject({ token: '0xffffffffffffffff', memfd: { nr_folios: '3000' } });
    expect(beta?.files[0]?.memfd.seals).toBe(1 | 16);
    expect([empty?.name, empty?.files]).toEqual(['empty-session', []]);
  });

  it('is the same from the kdump', async () => {
    const elf = await document(ELF);
    const kdump = await document(KDUMP);
    expect(kdump.value.entries.LUO).toEqual(elf.value.entries.LUO);
    expect(kdump.value.preserved).toEqual(elf.value.preserved);
    expect(kdump.value.fdt).toEqual(elf.value.fdt);
  });

  it('adds addresses with --full', async () => {
    const { objects } = await document(`--full ${ELF}`);
    expect(objects).toContainEqual({
      path: 'entries.LUO',
      type: 'luo_ser',
      address: '0xb6c000',
      size: 32,
    });
    expect((await document(ELF)).objects).toBeUndefined();
  });

  it('reads stdin', async () => {
    shell.files.set('dump.gz', new Uint8Array(await readFile(ELF)));
    const { out } = await shell.line('head -c 100000000 dump.gz | carryover decode --json -');
    expect(JSON.parse(text(out))).toEqual(await document(ELF));
  });
});

describe('extract', () => {
  it('gives the contents that the guest had written', async () => {
    const page = await extracted(ELF, 'vm-alpha/0x1001');
    expect(page.length).toBe(4096);
    expect(text(page.subarray(0, 16))).toBe('alpha page zero\0');
    expect(await extracted(ELF, 'entries.LUO.sessions[0].files[0]')).toEqual(page);
    expect(await extracted(KDUMP, 'entries.LUO.sessions[0].files[0].memfd')).toEqual(page);
    expect(await extracted(ELF, 'vm-alpha/4')).toHaveLength(0);
  });

  it('gives the first pages of larger files, which are all that the dump has, and counts the others', async () => {
    const sparse = await shell.line(`carryover extract ${ELF} vm-alpha/0xdeadbeefcafef00d`);
    expect(sparse.exit).toBe(1);
    expect(sparse.out.length).toBe(64 * 4096);
    expect(text(sparse.out.subarray(0, 14))).toBe('sparse page 0\0');
    expect(sparse.err).toContain('249856 bytes of vm-alpha/0xdeadbeefcafef00d are not in the dump');
    const { out, err, exit } = await shell.line(`carryover extract ${ELF} vm-beta/0xffffffffffffffff`);
    expect(exit).toBe(1);
    expect(err).toMatch(/^carryover: 454656 bytes at offset 12288 are absent, the first at 0x33ba000: /);
    expect(out.length).toBe(3000 * 4096);
    for (const i of [0, 1, 2]) expect(out.subarray(4096 * i, 4096 * i + 8)).toEqual(numberOf(i));
  });

  it('gives those of older generations', async () => {
    const v1 = `${OLDER}/kho-v1b-luo-v1-noflb-memfd-v1-meta.elf.gz`;
    expect(text((await extracted(v1, 'vm-alpha/0x1001')).subarray(0, 15))).toBe('alpha page zero');
    const v3 = `${OLDER}/kho-v3-luo-v1-flb-memfd-v2-meta.elf.gz`;
    const { value } = await document(v3);
    const long = value.entries.LUO.sessions.find(({ name }) => name.length === 63);
    expect(long?.files).toMatchObject([{ token: '0xdd', memfd: { pos: '10000', size: '10000' } }]);
    const letters = text(await extracted(v3, `${long?.name}/0xdd`));
    expect(letters).toHaveLength(10000);
    expect(letters.slice(0, 26)).toBe('abcdefghijklmnopqrstuvwxyz');
  });

  it('says which bytes the dump lacks, and goes on', async () => {
    const line = `carryover extract ${ARM} sess-a/0x1122334455667788 -o out.bin`;
    const { err, exit } = await shell.line(line);
    expect(exit).toBe(1);
    expect(err).toContain(
      '20580 bytes at offset 0 are absent, the first at 0x40910000: no part of the dump covers',
    );
    expect(shell.files.get('out.bin')).toEqual(Buffer.alloc(20580));
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carryover-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('are written with holes where there is nothing, and only when they are whole', async () => {
    const path = join(folder, 'sparse');
    const file = await createFile(path);
    await file.write(Uint8Array.of(1, 2, 3));
    await file.skip(2 ** 30);
    await file.write(Uint8Array.of(4));
    await file.skip(4096);
    await expect(stat(path)).rejects.toThrow('ENOENT');
    await file.done();
    const { size, blocks } = await stat(path);
    expect(size).toBe(3 + 2 ** 30 + 1 + 4096);
    expect(blocks * 512).toBeLessThan(2 ** 20);
    const abandoned = await createFile(join(folder, 'other'));
    await abandoned.write(Uint8Array.of(1));
    await abandoned.abandon();
    expect(fs.readdirSync(folder)).not.toContain('other');
    expect(fs.readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it.skipIf(!hasPerl())('of 300 GiB that are mostly holes are read where they hold something', async () => {
    const packed = new Uint8Array(await readFile(ELF));
    const image = openImage(bytesSource(packed));
    const path = join(folder, 'raw');
    const fd = fs.openSync(path, 'w');
    for (const { address, size } of image.regions()) {
      const bytes = image.read(address, Number(size));
      if (!isAbsence(bytes)) fs.writeSync(fd, bytes, 0, bytes.length, Number(address));
    }
    // The capture lacks most pages of the large file; here all of them are in their places.
    const large = (await document(ELF)).value.entries.LUO.sessions[1]?.files[0]?.memfd.folios ?? [];
    for (const { index, pfn, count, step } of large)
      for (let i = 0; i < count; i++)
        fs.writeSync(fd, numberOf(Number(index) + i), 0, 8, (Number(pfn) + i * (step ?? 1)) * 4096);
    fs.ftruncateSync(fd, 300 * 2 ** 30);
    fs.closeSync(fd);
    const chunks: Uint8Array[] = [];
    const io: IO = {
      ...nodeIO(),
      stdoutIsTTY: false,
      write: async (chunk) => {
        chunks.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
        return true;
      },
    };
    await run(['decode', '--json', '--raw', '0', path], io, '0');
    // As above.
    const { value } = JSON.parse(text(Buffer.concat(chunks))) as Document;
    expect(value.entries.LUO).toEqual((await document(ELF)).value.entries.LUO);

    const out = join(folder, 'large');
    const words = ['extract', '--raw', '0', path, 'vm-beta/0xffffffffffffffff', '-o', out];
    expect(await run(words, io, '0')).toBe(0);
    const bytes = await readFile(out);
    expect(bytes.length).toBe(3000 * 4096);
    for (let i = 0; i < 3000; i++) expect(bytes.subarray(4096 * i, 4096 * i + 8)).toEqual(numberOf(i));
    await rm(out);
  });

  it('of a directory are read with the paths inside of it', async () => {
    const opened = await openPath(fileURLToPath(new URL('../../fixtures/kho/kho-debugfs', import.meta.url)));
    expect(opened.kind === 'directory' ? [...opened.files.keys()] : []).toContain('in/sub_fdts/memblock');
  });
});

describe('several files', () => {
  const parts = [1, 2, 3].map((i) => `fixtures/memory/makedumpfile-split-${i}.kdump.gz`);
  it('are the parts of a split kdump', async () => {
    // The three parts are accepted as one image, in which no handover is.
    const whole = await shell.line(`carryover decode ${parts.join(' ')}`);
    expect(whole.err).toContain('[kho-no-root]');
    const given = await shell.line(`carryover get ${parts[0]} --part ${parts[1]} --part ${parts[2]} fdt`);
    expect(given.err).toContain('[kho-no-root]');
    const twice = await shell.line(`carryover decode ${parts[0]} ${parts[0]}`);
    expect(twice.err).toContain('[memory-split]');
  });
});

describe('progress', () => {
  it('is told after a second, on terminals only, and wiped', () => {
    for (const isTTY of [true, false]) {
      const said: string[] = [];
      let time = 0;
      const io = { ...nodeIO(), stderrIsTTY: isTTY, writeError: (line: string) => void said.push(line) };
      const progress = progressOf(io, () => time);
      const source = progress.watched({ ...bytesSource(new Uint8Array(4 << 20)), close: () => undefined });
      source.read(0, 1 << 20);
      expect(said).toEqual([]);
      time = 1500;
      source.read(1 << 20, 1 << 20);
      source.read(2 << 20, 1 << 20);
      progress.end();
      expect(said).toEqual(isTTY ? ['\rread 2 MiB of 4\u001b[K', '\r\u001b[K'] : []);
    }
  });
});

describe('screens', () => {
  it.each([ELF, ARM, `${OLDER}/kho-v3-luo-v1-flb-memfd-v2-meta.elf.gz`, 'fixtures/kho/kho-debugfs'])(
    'of %s fit 80 columns',
    async (dump) => {
      const narrow = await makeShell({ columns: 80 });
      for (const verb of ['decode', 'check']) {
        const { out } = await narrow.line(`carryover ${verb} ${dump}`);
        const lines = text(out).split('\n');
        // The first line has the name of the file, and marks of findings stand behind what is cut.
        for (const line of lines.slice(1))
          if (!line.includes('◄')) expect(line.length, line).toBeLessThan(82);
      }
    },
  );
});

function hasPerl(): boolean {
  try {
    execFileSync('perl', ['-e', '1']);
    return process.platform === 'linux';
  } catch {
    return false;
  }
}

describe('a directory that is built', () => {
  it('takes no files of another state for its own', async () => {
    const shell = await makeShell();
    shell.files.set('empty.yaml', new Uint8Array());
    const other = await shell.line(
      'carryover build empty.yaml --container debugfs -o fixtures/kho/kho-debugfs',
    );
    expect(other.err).toMatch(/kho-debugfs: it has .* already, which is no part of this state/);
    expect(other.exit).toBe(2);
    const own = await shell.line('carryover build empty.yaml --container debugfs -o out');
    expect([own.exit, [...shell.files.keys()].filter((path) => path.startsWith('out/'))]).toEqual([
      0,
      ['out/in/fdt', 'out/in/sub_fdts/kexec-metadata', 'out/in/sub_fdts/LUO'],
    ]);
  });
});
