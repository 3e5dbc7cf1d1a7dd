/**
 * Opening what a kernel handed over: from an image of its memory, from a copy of /sys/kernel/debug/kho, or from
 * one of the blobs alone. Whatever it came from, what comes out is one value with findings.
 */
import { ABI, CarryoverError, decode, type JSONValue } from '../codec/index.js';
import { FDT_MAGIC, parseFDT, property, stringListOf } from '../formats/fdt/index.js';
import {
  type Debugfs,
  EFFECTS,
  type Handover,
  type HandoverFinding,
  type HandoverObject,
  type HandoverOptions,
  jsonOf,
  KhoData,
  openDebugfs,
  openHandover,
  RECEIVERS,
  receive,
  type Verdict,
} from '../formats/kho/index.js';
import type { Image } from '../memory/index.js';
import type { StateCode } from './codes.js';
import { type MissingContents, missingContents, missingText } from './handover-contents.js';

export interface HandoverState {
  /** Where it came from. */
  readonly source: 'memory' | 'debugfs' | 'blob';
  readonly generation: string | undefined;
  readonly abi: ABI | undefined;
  /** What the input is and how it was understood: labels and sentences. */
  readonly header: readonly (readonly [label: string, text: string])[];
  readonly value: Readonly<Record<string, unknown>>;
  readonly findings: readonly HandoverFinding[];
  /** Everything that was decoded, and where in memory it is. */
  readonly objects: readonly HandoverObject[];
  /** Which preserved files have memory that the dump lacks; undefined where it lacks none. */
  readonly missing?: MissingContents;
  /** Only where there is memory to follow pointers in. */
  readonly memory: { readonly image: Image; readonly handover: Handover } | undefined;
}

/** Opens the handover in an image of memory. @throws `kho-no-root` and others of `KHO_CODES`. */
export function openDump(image: Image, options: HandoverOptions = {}): HandoverState {
  const handover = openHandover(image, options);
  const { generation, abi, value, because, findings, objects } = handover;
  const { machine, layers } = image;
  const bits = machine.bits === undefined ? '' : `${machine.bits}-bit `;
  const endian = machine.endian === undefined ? '' : `, ${machine.endian}-endian`;
  const missing = missingContents(image, value.entries.LUO, value.page_size);
  return {
    source: 'memory',
    generation: generation?.name,
    abi,
    header: [
      ['image', `${[...layers].reverse().join(' in ')}, ${bits}${machine.name}${endian}`],
      ...(generation === undefined
        ? []
        : ([
            ['layout', generation.title],
            ['source', generation.source],
          ] as const)),
      ['root', `0x${value.fdt.address.toString(16)}, ${value.fdt.compatible}`],
      ['pages', `${abi.pageSize} bytes, ${abi.endian}-endian`],
      ...because.map((text) => ['because', text] as const),
      ...(missing === undefined ? [] : ([['contents', missingText(missing)]] as const)),
    ],
    ...(missing === undefined ? {} : { missing }),
    value: { ...value },
    findings: [...image.problems.map(damage), ...findings],
    objects,
    memory: { image, handover },
  };
}

/** What is wrong with the container of the dump itself. */
function damage({ code, reason, offset }: CarryoverError): HandoverFinding {
  return {
    severity: 'warning',
    rule: `decode/${code}`,
    path: '',
    effect: 'none',
    message: `The dump: ${reason}${offset === undefined ? '' : `, at offset 0x${offset.toString(16)} of the file`}.`,
  };
}

/** Files of a copy of debugfs, with the directory that they are in. */
const COPY = /^(.*?)(?:^|\/)(?:in|out)[/_](?:fdt|sub_fdts[/_].+|scratch_phys|scratch_len|finalize)$/;

/** Files of one side alone. */
const SIDE = /^(?:fdt|sub_fdts\/[^/]+|scratch_phys|scratch_len)$/;

/** The files of the one copy that is among them. */
function oneCopy(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, Uint8Array> {
  const places = new Set<string>();
  for (const path of files.keys()) {
    const place = COPY.exec(path)?.[1];
    if (place !== undefined) places.add(place);
  }
  const [place, ...others] = places;
  if (place === undefined)
    throw new CarryoverError(
      'format-unknown' satisfies StateCode,
      [...files.keys()].some((path) => SIDE.test(path))
        ? 'the directory is one side of a copy of /sys/kernel/debug/kho: give the directory that has it as in/ or out/'
        : 'the directory is no copy of /sys/kernel/debug/kho: it has neither in/ nor out/ with files that are known',
    );
  if (others.length > 0)
    throw new CarryoverError(
      'format-unknown' satisfies StateCode,
      `the directory has several copies of /sys/kernel/debug/kho, give one of them: ${[...places].map((each) => (each === '' ? '.' : each)).join(', ')}`,
    );
  if (place === '') return files;
  return new Map([...files].filter(([path]) => path.startsWith(place)));
}

/** What was not read from memory has no address there. */
function placeless({ address, ...finding }: HandoverFinding): HandoverFinding {
  return address === undefined || address === 0n ? finding : { ...finding, address };
}

/** Opens the files of a copy of /sys/kernel/debug/kho, by their paths in it. @throws `format-unknown` */
export function openCopy(files: ReadonlyMap<string, Uint8Array>, abi: ABI | undefined): HandoverState {
  const debugfs = openDebugfs(oneCopy(files), abi === undefined ? {} : { abi });
  const sides = [
    ...(debugfs.in === undefined ? [] : ['in/: what this kernel was given']),
    ...(debugfs.out === undefined ? [] : ['out/: what it prepares for the next']),
  ];
  return {
    source: 'debugfs',
    generation: generationOf(debugfs),
    abi,
    header: [
      ['copy of', '/sys/kernel/debug/kho'],
      ...sides.map((text) => ['has', text] as const),
      ['note', 'the memory behind the pointers is not in such a directory'],
    ],
    value: sidesOf(debugfs),
    findings: debugfs.findings.map(placeless),
    objects: [],
    memory: undefined,
  };
}

/** The trees that stand alone: which node of the root leads to a tree that is compatible with it. */
const TREES: readonly (readonly [prefix: string, name: string])[] = [
  ['kho-v', 'fdt'],
  ['luo-v', 'sub_fdts/LUO'],
  ['memblock-v', 'sub_fdts/memblock'],
  ['kho-test-v', 'sub_fdts/kho_test'],
];

const METADATA_SIZE = 73;
const PAGE_SIZES: ReadonlySet<bigint> = new Set([4096n, 16384n, 65536n]);
const X86 = ABI.x86_64;

/**
 * What a blob is of a handover: its path in a copy of debugfs, or `kho_data`; undefined if it is none. The
 * first 64 KiB are enough.
 */
export function blobOfHandover(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  if (head.length === METADATA_SIZE && (view.getUint32(0, true) === 1 || view.getUint32(0) === 1))
    return /^[\x20-\x7e]+\0*$/.test(asciiOf(head.subarray(4, 69))) ? 'sub_fdts/kexec-metadata' : undefined;
  if (head.length === 32 && /^luo-v\d/.test(asciiOf(head.subarray(0, 8)))) return 'sub_fdts/LUO';
  if (head.length === 32) {
    const { fdt_addr, fdt_size, scratch_addr, scratch_size } = decode(KhoData, head, { abi: X86 });
    const fits =
      fdt_addr !== 0n &&
      PAGE_SIZES.has(fdt_size) &&
      fdt_addr % fdt_size === 0n &&
      scratch_addr !== 0n &&
      scratch_size % 16n === 0n;
    if (fits) return 'kho_data';
  }
  return treeOfHandover(head);
}

function asciiOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function treeOfHandover(head: Uint8Array): string | undefined {
  if (head.length < 8 || new DataView(head.buffer, head.byteOffset).getUint32(0) !== FDT_MAGIC)
    return undefined;
  const compatible = property(parseFDT(head, { lenient: true }).root, 'compatible');
  const texts = compatible === undefined ? undefined : stringListOf(compatible);
  return TREES.find(([prefix]) => texts?.some((text) => text.startsWith(prefix)))?.[1];
}

/** Opens one blob of a handover, by what {@link blobOfHandover} says that it is. */
export function openBlob(bytes: Uint8Array, name: string, abi: ABI | undefined): HandoverState {
  if (name === 'kho_data')
    return {
      source: 'blob',
      generation: undefined,
      abi: X86,
      header: [
        ['blob', 'struct kho_data of x86: what setup_data tells a kernel of the handover'],
        ['note', 'with a dump of the same machine, --setup-data takes this file'],
      ],
      value: { kho_data: { ...decode(KhoData, bytes, { abi: X86 }) } },
      findings: [],
      objects: [],
      memory: undefined,
    };
  const { in: side, findings } = openDebugfs(
    new Map([[`in/${name}`, bytes]]),
    abi === undefined ? {} : { abi },
  );
  const own =
    name === 'fdt' ? 'the root of a handover' : `the blob of the node ${name.slice('sub_fdts/'.length)}`;
  return {
    source: 'blob',
    generation: side?.fdt?.compatible.replace(/^kho-/, ''),
    abi,
    header: [
      ['blob', `${own}, ${bytes.length} bytes${bytes[0] === 0xd0 ? '; --as fdt shows the tree itself' : ''}`],
      ['note', 'the memory behind the pointers is not here'],
    ],
    value: side === undefined ? {} : { ...side },
    // A file of debugfs that was freed since says nothing about a tree alone.
    findings: findings
      .filter(({ rule }) => rule !== 'debugfs/map-freed' && rule !== 'luo/not-serialized')
      .map((finding) => placeless({ ...finding, path: finding.path.replace(/^in\./, '') })),
    objects: [],
    memory: undefined,
  };
}

function generationOf({ in: given, out }: Debugfs): string | undefined {
  return (out?.fdt ?? given?.fdt)?.compatible.replace(/^kho-/, '');
}
function sidesOf({ in: given, out }: Debugfs): Readonly<Record<string, unknown>> {
  return { ...(given === undefined ? {} : { in: given }), ...(out === undefined ? {} : { out }) };
}

/** The document of `decode --json`; with `full` also where everything that was decoded lies. */
export function handoverDocument(state: HandoverState, full = false): JSONValue {
  return jsonOf(handoverRecord(state, full));
}

/** What {@link handoverDocument} is the JSON of: lists that may be long are still in their columns. */
export function handoverRecord(state: HandoverState, full = false): Readonly<Record<string, unknown>> {
  return {
    format: 'kho',
    generation: state.generation,
    abi: state.abi?.name,
    value: state.value,
    ...(state.missing === undefined ? {} : { contents_missing: state.missing }),
    findings: state.findings,
    ...(full
      ? {
          because: state.header.map(([label, text]) => `${label}: ${text}`),
          objects: state.objects.map(({ path, schema, address, size }) => ({
            path,
            type: 'name' in schema && typeof schema.name === 'string' ? schema.name : schema.kind,
            address,
            size,
          })),
        }
      : {}),
  };
}

/** What a kernel of a release does with it. @throws `kho-receiver`; `format-unknown` where there is no memory. */
export function verdictOf(state: HandoverState, release: string): Verdict {
  if (state.memory === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'what a kernel would do with it can only be said of an image of the memory',
    );
  return receive(state.memory.handover, release);
}

/** What kernels of all releases do with it: outcomes in the order of severity, with the releases. */
export function outcomesOf({
  memory,
}: HandoverState): readonly (readonly [Verdict['outcome'], readonly string[]])[] {
  if (memory === undefined) return [];
  const outcomes = new Map<Verdict['outcome'], string[]>();
  for (const { release } of RECEIVERS) {
    const { outcome } = receive(memory.handover, release);
    outcomes.set(outcome, [...(outcomes.get(outcome) ?? []), release]);
  }
  return [...outcomes].sort(([a], [b]) => rank(a) - rank(b));
}
function rank(outcome: Verdict['outcome']): number {
  return outcome === 'accepted' ? -1 : EFFECTS.length - EFFECTS.indexOf(outcome);
}
