/** A shell that knows `carryover`, `cmp` and `head -c`, pipes, and files that exist only here and in fixtures/. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { IO } from '../../src/cli/io.js';
import { openPath } from '../../src/cli/node-files.js';
import { patched } from '../../src/cli/patched-copy.js';
import { run } from '../../src/cli/run.js';
import { bytesSource, writeElfCore } from '../../src/memory/index.js';
import { buildIommu, type IommuSpec } from '../formats/iommu/builder.js';
import type { Machine } from '../formats/machine.js';
import { host, SMALL, siblings } from '../state/graph-machine.js';

const root = new URL('../../', import.meta.url);

export interface Result {
  readonly out: Uint8Array;
  readonly err: string;
  readonly exit: number;
}

export interface Shell {
  readonly files: Map<string, Uint8Array>;
  /** One line: commands joined by `|`, words in quotes where they need it. */
  line(text: string): Promise<Result>;
}

/** Files that the screens speak of, made from the captures. */
async function inputs(): Promise<Map<string, Uint8Array>> {
  const capture = async (name: string): Promise<Uint8Array> =>
    new Uint8Array(await readFile(new URL(`fixtures/passt/${name}`, root)));
  const two = await capture('v2-two-flows-v4-v6.bin');
  const one = await capture('v2-outbound-est.bin');
  const many = 40;
  const crowd = new Uint8Array(62 + many * 164);
  crowd.set(one.subarray(0, 62));
  new DataView(crowd.buffer).setUint32(58, many);
  for (let i = 0; i < many; i++) {
    crowd.set(one.subarray(62, 174), 62 + 112 * i);
    crowd.set(one.subarray(174, 226), 62 + 112 * many + 52 * i);
  }
  const draft = new Uint8Array(65536);
  const header = new DataView(draft.buffer);
  header.setBigUint64(0, 0xb1bb1d1b0bb1d1b0n, true);
  for (const [i, word] of [1, 8, 8, 128, 4].entries()) header.setUint32(8 + 4 * i, word);
  const dirty = draft.slice();
  dirty[5000] = 7;
  return new Map([
    ['cut.bin', two.subarray(0, 300)],
    ['crowd.bin', crowd],
    ['draft.bin', draft],
    ['dirty.bin', dirty],
    ['two.bin.gz', new Uint8Array(gzipSync(two))],
    ['not-gzip.gz', Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3)],
    ['not.json', new TextEncoder().encode('{ "format": ')],
    ['empty.bin', new Uint8Array()],
  ]);
}

/** Files that take a while to make: when they are asked for. */
const MADE: Readonly<Record<string, () => Uint8Array>> = {
  'iommu.elf': () => dumpOf(host(SMALL).machine),
  'siblings.elf': () => dumpOf(siblings()),
  'scalable.elf': () => dumpOf({ build: () => buildIommu(SCALABLE) }),
};
/** The layout of February 2026 in scalable mode, with slots that were given up. */
const SCALABLE: IommuSpec = {
  profile: 'B',
  pageSize: 4096,
  scalable: 'first',
  units: [{}, { deleted: true, ref: 0 }],
  domains: [{}, { deleted: true }, {}],
  devices: [
    { segment: 0x10001, devid: 0x3a08, id: 0x42, domain: 0, unit: 0 },
    { devid: 0x3a10, id: 3, domain: 2, unit: 0, deleted: true },
  ],
};
function dumpOf(machine: Pick<Machine, 'build'>): Uint8Array {
  const { pages } = machine.build().memory;
  const segments = [...pages]
    .sort(([a], [b]) => a - b)
    .map(([index, bytes]) => ({ address: BigInt(index * 4096), bytes }));
  return Buffer.concat([...writeElfCore({ endian: 'little', bits: 64, elfMachine: 62, segments })]);
}

export async function makeShell(
  options: { columns?: number; env?: Record<string, string> } = {},
): Promise<Shell> {
  const files = await inputs();
  const knownOf = (path: string): Uint8Array | undefined => {
    const made = files.has(path) ? undefined : MADE[path]?.();
    if (made !== undefined) files.set(path, made);
    return files.get(path);
  };
  const read = async (path: string): Promise<Uint8Array> => {
    const known = knownOf(path);
    if (known !== undefined) return known;
    return new Uint8Array(await readFile(new URL(path, root)));
  };
  const carryover = async (words: readonly string[], stdin: Uint8Array): Promise<Result> => {
    const out: Uint8Array[] = [];
    let err = '';
    const io: IO = {
      env: options.env ?? {},
      stdoutIsTTY: false,
      stderrIsTTY: false,
      columns: options.columns,
      readStdin: async () => stdin,
      readFile: read,
      writeFile: async (path, bytes) => {
        files.set(path, bytes.slice());
      },
      openPath: async (path) => {
        const known = knownOf(path);
        if (known === undefined) return openPath(fileURLToPath(new URL(path, root)));
        return { kind: 'file', source: { ...bytesSource(known), close: () => undefined } };
      },
      makeDirectory: async () => undefined,
      createFile: async (path) => {
        const parts: Uint8Array[] = [];
        return {
          write: async (bytes) => {
            parts.push(bytes.slice());
          },
          skip: async (length) => {
            parts.push(new Uint8Array(length));
          },
          done: async () => {
            files.set(path, Buffer.concat(parts));
          },
          abandon: async () => undefined,
        };
      },
      isSameFile: async (a, b) => a === b && files.has(a),
      copyPatched: async (from, to, writes) => {
        files.set(to, patched(bytesSource(await read(from)), writes));
      },
      changePatched: async (path, writes) => {
        files.set(path, patched(bytesSource(await read(path)), writes));
      },
      undoPatch: async () => false,
      write: async (chunk) => {
        out.push(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk.slice());
        return true;
      },
      writeError: (text) => {
        err += text;
      },
      gunzip: (bytes) => gunzipSync(bytes),
      gzip: (bytes) => gzipSync(bytes),
    };
    const exit = await run(words, io, '0.0.0');
    return { out: Buffer.concat(out), err, exit };
  };
  const cmp = async ([one = '', other = '']: readonly string[]): Promise<Result> => {
    const same = Buffer.compare(await read(one), await read(other)) === 0;
    const text = same ? '' : `${one} ${other} differ\n`;
    return { out: new TextEncoder().encode(text), err: '', exit: same ? 0 : 1 };
  };
  return {
    files,
    line: async (text) => {
      let result: Result = { out: new Uint8Array(), err: '', exit: 0 };
      for (const command of commandsOf(text)) {
        const [name, ...args] = command;
        if (name === 'carryover') {
          const next = await carryover(args, result.out);
          result = { ...next, err: result.err + next.err };
        } else if (name === 'cmp') result = await cmp(args);
        else if (name === 'head' && args[0] === '-c')
          result = { out: (await read(args[2] ?? '')).subarray(0, Number(args[1])), err: '', exit: 0 };
        else throw new Error(`the shell of the tests has no ${name}`);
      }
      return result;
    },
  };
}

/** Words of each command of a pipe. */
function commandsOf(text: string): string[][] {
  const commands: string[][] = [[]];
  for (const [, single, double, bar, plain] of text.matchAll(/'([^']*)'|"([^"]*)"|(\|)|([^\s'"|]+)/g)) {
    if (bar !== undefined) commands.push([]);
    else commands[commands.length - 1]?.push(single ?? double ?? plain ?? '');
  }
  return commands;
}
