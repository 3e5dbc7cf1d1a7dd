/**
 * A copy of /sys/kernel/debug/kho: what a running kernel shows of the handover it was given (`in`) and of the
 * one it prepares (`out`). The memory behind the pointers is not there.
 */
import { ABI, type ABI as ABIType } from '../../codec/index.js';
import { bytesSource, openImage } from '../../memory/index.js';
import { decodeBlob } from './entries.js';
import type { Registry } from './extension.js';
import { Findings, type HandoverFinding, ruleTable } from './findings.js';
import { baseVersion, KHO_GENERATIONS } from './generations.js';
import { unknownMap } from './preserved.js';
import { isTree, type RawBlob, rawBlob } from './raw.js';
import { extended } from './registry.js';
import { type Root, rootOf } from './root.js';
import type { ScratchArea } from './scratch.js';
import { hexText, many, Walk } from './walk.js';

export const DEBUGFS = ruleTable('debugfs', {
  'fdt-truncated': [
    'warning',
    'none',
    'The file of the root is cut off',
    'The file keeps the length that the root had when it was registered (6.19 on: with no or one node), while the root grows. The nodes that are there are shown with the names that all kernels write; the others are missing, the state is not damaged.',
  ],
  'fdt-invalid': [
    'error',
    'none',
    'The file of the root holds something else',
    'fdt begins with d00dfeed and says kho-v….',
  ],
  'luo-stale': [
    'note',
    'none',
    'The blob of the LUO is freed memory',
    'Linux 7.2 frees the struct early and keeps the file, which then shows whatever reuses the page. It says nothing about the handover.',
  ],
  'luo-early': [
    'note',
    'none',
    'The sessions are not there yet',
    'sessions_pa is written inside reboot(2), just before the jump. Only an image of the memory has the sessions.',
  ],
  'map-freed': [
    'note',
    'none',
    'The map that the root points at has been freed',
    'A kernel reads the map while it boots, and its pages become free memory then.',
  ],
  scratch: [
    'warning',
    'none',
    'The files of the scratch areas contradict each other',
    'scratch_phys and scratch_len have one line for each area.',
  ],
  file: [
    'note',
    'none',
    'A file that is not known',
    'The directory has in/ and out/ with fdt, sub_fdts/, scratch_phys, scratch_len and finalize.',
  ],
});

export interface DebugfsSide {
  readonly fdt?: {
    readonly compatible: string;
    readonly 'preserved-memory-map': bigint | undefined;
    readonly nodes: Readonly<
      Record<string, { readonly address: bigint | undefined; readonly size: bigint | undefined }>
    >;
    /** Whether nodes may be missing. */
    readonly partial: boolean;
  };
  readonly finalize?: boolean;
  readonly scratch?: readonly ScratchArea[];
  readonly entries: Readonly<Record<string, unknown>>;
}
export interface Debugfs {
  readonly in?: DebugfsSide;
  readonly out?: DebugfsSide;
  readonly findings: readonly HandoverFinding[];
}

export interface DebugfsOptions {
  readonly abi?: ABIType;
  readonly registry?: Partial<Registry>;
}

/** Names of properties in the order in which all kernels write them, for a root without its strings. */
function strings(last: readonly string[]): Uint8Array {
  const text = `${['preserved-memory-map', 'compatible', ...last].join('\0')}\0`;
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
const STRINGS = strings(['preserved-data', 'blob-size']);
const STRINGS_V1 = strings(['fdt']);

/**
 * Reads the files of a copy of /sys/kernel/debug/kho by their paths from there on (`out/sub_fdts/LUO`); a
 * prefix is left alone, and names with `_` for `/` are taken too. Nothing is an error: what is odd is a
 * finding.
 */
export function openDebugfs(files: ReadonlyMap<string, Uint8Array>, options: DebugfsOptions = {}): Debugfs {
  const findings = new Findings();
  const registry = extended(options.registry);
  const sides = new Map<'in' | 'out', Map<string, Uint8Array>>();
  for (const [path, bytes] of files) {
    const match = /(?:^|\/)(in|out)[/_]((?:sub_fdts[/_].+)|fdt|scratch_phys|scratch_len|finalize)$/.exec(
      path,
    );
    const side = match?.[1];
    const name = match?.[2];
    if ((side !== 'in' && side !== 'out') || name === undefined) {
      findings.add(DEBUGFS.file, path, undefined, `${path} is no file of it.`);
      continue;
    }
    const entries = sides.get(side) ?? new Map<string, Uint8Array>();
    entries.set(name.replace(/^sub_fdts_/, 'sub_fdts/'), bytes);
    sides.set(side, entries);
  }
  const abi = options.abi ?? ABI.x86_64;
  const given = sides.get('in');
  const prepared = sides.get('out');
  return {
    ...(given === undefined ? {} : { in: readSide(given, 'in', abi, registry, findings) }),
    ...(prepared === undefined ? {} : { out: readSide(prepared, 'out', abi, registry, findings) }),
    findings: findings.list(),
  };
}

function readSide(
  files: ReadonlyMap<string, Uint8Array>,
  side: 'in' | 'out',
  abi: ABIType,
  registry: Registry,
  findings: Findings,
): DebugfsSide {
  const tree = files.get('fdt');
  const root = tree === undefined ? undefined : readTree(tree, side, abi, findings);
  const walk = new Walk(
    openImage(bytesSource(new Uint8Array()), { raw: { base: 0n } }),
    abi,
    unknownMap(abi.pageSize),
    true,
  );
  const base = baseVersion(root?.root.compatible[0] ?? '');
  walk.generation = KHO_GENERATIONS.find(({ compatible }) => compatible === base);
  const entries: [string, unknown][] = [];
  for (const [path, bytes] of files) {
    if (!path.startsWith('sub_fdts/')) continue;
    const name = path.slice('sub_fdts/'.length);
    entries.push([name, readBlob(name, bytes, side, walk, registry, findings)]);
  }
  findings.take(walk.findings.list().map((finding) => ({ ...finding, path: `${side}.${finding.path}` })));
  const areas = readScratch(files, side, findings);
  const finalize = files.get('finalize');
  return {
    ...(root === undefined
      ? {}
      : {
          fdt: {
            compatible: root.root.compatible[0] ?? '',
            'preserved-memory-map': root.root.map,
            nodes: Object.fromEntries(
              root.root.nodes.map(({ name, data, size }) => [name, { address: data, size }]),
            ),
            partial: root.partial,
          },
        }),
    ...(finalize === undefined ? {} : { finalize: textOf(finalize).trim() === '1' }),
    ...(areas === undefined ? {} : { scratch: areas }),
    entries: Object.fromEntries(entries),
  };
}

function readTree(
  bytes: Uint8Array,
  side: 'in' | 'out',
  abi: ABIType,
  findings: Findings,
): { readonly root: Root; readonly partial: boolean } | undefined {
  if (!isTree(bytes) || bytes.length < 8) {
    findings.add(DEBUGFS['fdt-invalid'], `${side}.fdt`, undefined, `${side}/fdt is no device tree.`);
    return undefined;
  }
  const total = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(4);
  const partial = total > bytes.length;
  let root = rootOf(bytes, 0n, abi.endian, STRINGS);
  if (typeof root !== 'string' && root.compatible[0] === 'kho-v1')
    root = rootOf(bytes, 0n, abi.endian, STRINGS_V1);
  if (typeof root === 'string' || !(root.compatible[0] ?? '').startsWith('kho-v')) {
    findings.add(
      DEBUGFS['fdt-invalid'],
      `${side}.fdt`,
      undefined,
      typeof root === 'string' ? `${side}/fdt: ${root}.` : `${side}/fdt does not say kho-v….`,
    );
    return undefined;
  }
  if (partial)
    findings.add(
      DEBUGFS['fdt-truncated'],
      `${side}.fdt`,
      undefined,
      `${side}/fdt has ${bytes.length} bytes of ${total}; ${many(root.nodes.length, 'node')} can be read.`,
    );
  if (side === 'in' && root.map !== undefined && root.map !== 0n)
    findings.add(DEBUGFS['map-freed'], `${side}.fdt`, undefined, `The map was at ${hexText(root.map)}.`);
  return { root, partial };
}

function readBlob(
  name: string,
  bytes: Uint8Array,
  side: 'in' | 'out',
  walk: Walk,
  registry: Registry,
  findings: Findings,
): unknown {
  const path = `entries.${name}`;
  const blob = { name, path, address: 0n, bytes, size: bytes.length, complete: true };
  if (name !== 'LUO') return decodeBlob(blob, walk, registry);
  if (!isTree(bytes) && !textOf(bytes.subarray(0, 5)).startsWith('luo-v')) {
    findings.add(
      DEBUGFS['luo-stale'],
      `${side}.${path}`,
      undefined,
      `${side}/sub_fdts/LUO does not begin with "luo-v": it is other memory by now.`,
    );
    const raw: RawBlob = rawBlob(blob);
    return { stale: true, ...raw };
  }
  if (side === 'out')
    findings.add(
      DEBUGFS['luo-early'],
      `${side}.${path}`,
      undefined,
      'The sessions are written just before the jump.',
    );
  return decodeBlob(blob, walk, registry);
}

function readScratch(
  files: ReadonlyMap<string, Uint8Array>,
  side: string,
  findings: Findings,
): ScratchArea[] | undefined {
  const phys = files.get('scratch_phys');
  const len = files.get('scratch_len');
  if (phys === undefined && len === undefined) return undefined;
  const addresses = numbersOf(phys);
  const sizes = numbersOf(len);
  if (addresses.length !== sizes.length || [...addresses, ...sizes].includes(undefined))
    findings.add(
      DEBUGFS.scratch,
      `${side}.scratch`,
      undefined,
      `There are ${addresses.length} addresses and ${sizes.length} sizes.`,
    );
  return addresses.map((addr, i) => ({ addr: addr ?? 0n, size: sizes[i] ?? 0n }));
}

function numbersOf(bytes: Uint8Array | undefined): (bigint | undefined)[] {
  if (bytes === undefined) return [];
  return textOf(bytes)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (/^0x[0-9a-f]{1,16}$/i.test(line) ? BigInt(line) : undefined));
}

function textOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes.subarray(0, 1 << 16)) text += String.fromCharCode(byte);
  return text;
}
