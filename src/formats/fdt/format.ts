/** Flattened device trees as a format: whole files and blobs, of whatever content. */

import { firstNonZero } from '../../codec/bytes.js';
import { CarryoverError, foreign, type Schema } from '../../codec/index.js';
import type { Finding, Format, PathPart, Reading, Recognition, Rule, Severity } from '../format.js';
import { FDT_CODES, type FDTCode, isFDTCode } from './codes.js';
import { valueText as propertyText } from './dts.js';
import { fdtCheckFull, fdtCheckHeader } from './libfdt.js';
import { FDT_MEANING } from './meaning.js';
import type { ParseOptions } from './options.js';
import { type FDT, parseFDT } from './parse.js';
import { FDT_MAGIC, FdtHeader, FdtNodeHeader, FdtProperty, FdtReserveEntry } from './schema.js';
import type { FDTNode } from './tree.js';
import { type FDTValue, readValue, writeValue } from './value.js';

const SPECIFICATION = 'Devicetree Specification v0.4, section 5.2, and Linux, booting-without-of';
const GENERATIONS = [
  { name: 'v1', title: 'header of 28 bytes, names are full paths', source: SPECIFICATION, from: 0 },
  { name: 'v2', title: 'with the boot CPU', source: SPECIFICATION, from: 2 },
  { name: 'v3', title: 'with the size of the strings', source: SPECIFICATION, from: 3 },
  { name: 'v16', title: 'short names, no alignment to 8', source: SPECIFICATION, from: 16 },
  {
    name: 'v17',
    title: 'with the size of the structure; what everybody writes',
    source: SPECIFICATION,
    from: 17,
  },
] as const;

/** The layout that a version has: that of the last generation that is not newer. */
function generationOf(version: number): (typeof GENERATIONS)[number] {
  let found: (typeof GENERATIONS)[number] = GENERATIONS[0];
  for (const generation of GENERATIONS) if (version >= generation.from) found = generation;
  return found;
}

function versionOf(bytes: Uint8Array): number {
  return bytes.length < 24 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32(20);
}
function hasMagic(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === FDT_MAGIC;
}

const NOTES: ReadonlySet<FDTCode> = new Set([
  'fdt-reservation-terminator',
  'fdt-many-problems',
  'fdt-alignment',
]);
const TRAILING = 'fdt/trailing';

function severityOf(code: FDTCode): Severity {
  if (FDT_CODES[code].libfdt !== undefined || code === 'fdt-no-root') return 'error';
  return NOTES.has(code) ? 'note' : 'warning';
}
/** `fdt/name-offset` for the problem `fdt-name-offset`. */
function ruleOf(code: string): string {
  return code.replace(/^fdt-/, 'fdt/');
}

const codes = Object.keys(FDT_CODES).filter(isFDTCode);
const rules: readonly Rule[] = [
  ...codes
    .filter((code) => code !== 'fdt-unwritable')
    .map((code): Rule => {
      const { title, text, libfdt } = FDT_CODES[code];
      const verdict = libfdt === undefined ? '' : ` libfdt returns ${libfdt}.`;
      return { name: ruleOf(code), severity: severityOf(code), title, text: `${text}${verdict}` };
    }),
  {
    name: TRAILING,
    severity: 'note',
    title: 'Bytes after the end of the device tree',
    text: 'After the total size there is something that is not zero. Receivers do not look at it. libfdt’s sequential writer collects names at the end of its buffer, so a page with such a tree has remains of them there.',
  },
];

/** Which version the bytes are read as: none of their own choice if the generation is given. */
interface Choice {
  readonly options: ParseOptions;
  readonly bytes: Uint8Array;
}
const choices = new WeakMap<Reading, Choice>();

function schemaFor(options: ParseOptions): Schema {
  return foreign<FDTValue>({
    name: 'fdt',
    size: undefined,
    decode: (bytes, offset) => ({
      value: readValue(bytes.subarray(offset), options),
      size: bytes.length - offset,
    }),
    encode: writeValue,
  });
}

/** What can be read of a tree that a strict decode refuses; with it, the bytes that were read. */
function recovered(reading: Reading): FDTValue | undefined {
  const choice = choices.get(reading);
  return choice && readValue(choice.bytes, { ...choice.options, lenient: true });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export const fdt: Format = {
  name: 'fdt',
  title: 'flattened device tree',
  generations: GENERATIONS.map(({ name, title, source }) => ({ name, title, source })),
  rules,
  meaning: FDT_MEANING,
  types: {
    fdt_header: FdtHeader,
    fdt_reserve_entry: FdtReserveEntry,
    fdt_node_header: FdtNodeHeader,
    fdt_property: FdtProperty,
  },

  /** Properties as dtc prints them, nodes by their names. */
  line(value) {
    if (!isRecord(value) || typeof value.name !== 'string') return undefined;
    if (value.value instanceof Uint8Array) {
      const text = value.value.length === 0 ? value.name : `${value.name} = ${propertyText(value.value)}`;
      return { text, open: false };
    }
    return Array.isArray(value.properties)
      ? { text: value.name === '' ? '/' : value.name, open: true }
      : undefined;
  },

  recognise(bytes): Recognition | undefined {
    if (!hasMagic(bytes)) return undefined;
    const version = versionOf(bytes);
    const generation = generationOf(version).name;
    const because = ['the first four bytes are d0 0d fe ed'];
    const error = version === 1 ? undefined : fdtCheckHeader(bytes);
    if (error === undefined) {
      because.push(`the header of version ${version} is sound`);
      // Not certain: a format that knows what the tree is about knows better.
      return { generation, confidence: 0.8, because };
    }
    because.push(`but fdt_check_header returns ${error}`);
    return { generation, confidence: 0.5, because };
  },

  reading(bytes, options): Reading {
    const found = generationOf(versionOf(bytes));
    const generation = GENERATIONS.find(({ name }) => name === (options.generation ?? found.name));
    if (generation === undefined)
      throw new CarryoverError('version-unknown', `fdt has no generation ${options.generation}`, {
        expected: GENERATIONS.map(({ name }) => name).join(', '),
        found: options.generation ?? '',
      });
    const forced = generation !== found;
    const parse: ParseOptions = forced ? { version: Math.max(1, generation.from) } : {};
    const reading: Reading = {
      format: 'fdt',
      generation: generation.name,
      schema: schemaFor(parse),
      abi: undefined,
      params: {},
      because: [
        forced ? `${generation.name} was asked for` : `the version in the header is ${versionOf(bytes)}`,
        'device trees are big-endian on every machine',
      ],
      probes: [],
    };
    choices.set(reading, { options: parse, bytes });
    return reading;
  },

  present: (value, reading) => value ?? recovered(reading),
  absent: (value) => value,
  presentPath: (path) => path,
  wirePath: (path) => path,

  check(_, reading, bytes): Finding[] {
    const tree = parseFDT(bytes, { ...choices.get(reading)?.options, lenient: true });
    const paths = valuePaths(tree);
    const findings = tree.problems.map((problem) => findingOf(problem, paths));
    const end = Math.min(tree.totalSize, bytes.length);
    const after = firstNonZero(bytes, end, bytes.length);
    if (after >= 0)
      findings.push({
        severity: 'note',
        rule: TRAILING,
        path: 'trailing',
        offset: after,
        message: `${bytes.length - end} bytes follow after the total size of the device tree, and not all are zero; receivers do not look at them`,
      });
    return findings;
  },

  verdict(_, reading, bytes): readonly string[] {
    const tree = parseFDT(bytes, { ...choices.get(reading)?.options, lenient: true });
    const header = fdtCheckHeader(bytes);
    const full = fdtCheckFull(bytes);
    const counts = countsOf(tree.root);
    return [
      `version ${tree.version}: ${counts.nodes} nodes, ${counts.properties} properties, ${tree.reservations.length} memory reservations`,
      full === undefined
        ? 'libfdt accepts it'
        : `fdt_check_header ${header === undefined ? 'accepts it' : `returns ${header}`}, fdt_check_full returns ${full}`,
    ];
  },
};

function findingOf(problem: CarryoverError, paths: ReadonlyMap<number, string>): Finding {
  const { code, offset, path, reason, expected, found } = problem;
  const [where] = path;
  const known = isFDTCode(code);
  const libfdt = known ? FDT_CODES[code].libfdt : undefined;
  const details = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(found === undefined ? [] : [`found ${found}`]),
  ];
  return {
    severity: known ? severityOf(code) : 'error',
    rule: ruleOf(code),
    path: where === undefined || offset === undefined ? '' : placeOf(offset, paths),
    ...(offset === undefined ? {} : { offset }),
    message: `${where === undefined ? '' : `${where}: `}${reason}${
      details.length === 0 ? '' : ` (${details.join(', ')})`
    }; ${libfdt === undefined ? 'libfdt accepts it' : `libfdt returns ${libfdt}`}`,
  };
}

/** The value's path of what was read at an offset: of the token that begins there, or a word or two before. */
function placeOf(offset: number, paths: ReadonlyMap<number, string>): string {
  return paths.get(offset) ?? paths.get(offset - 4) ?? paths.get(offset - 8) ?? 'root';
}

function valuePaths(tree: FDT): Map<number, string> {
  const paths = new Map<number, string>();
  const stack: [FDTNode, readonly PathPart[]][] = [[tree.root, ['root']]];
  // Only those that a problem can name are wanted; a sound tree needs none.
  if (tree.problems.length === 0) return paths;
  const wanted = new Set(tree.problems.flatMap(({ offset = 0 }) => [offset, offset - 4, offset - 8]));
  for (let pair = stack.pop(); pair !== undefined; pair = stack.pop()) {
    const [node, path] = pair;
    if (node.offset !== undefined && wanted.has(node.offset)) paths.set(node.offset, textOf(path));
    for (const [i, { offset }] of node.properties.entries())
      if (offset !== undefined && wanted.has(offset)) paths.set(offset, textOf([...path, 'properties', i]));
    for (const [i, child] of node.children.entries()) stack.push([child, [...path, 'nodes', i]]);
  }
  return paths;
}

function textOf(path: readonly PathPart[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1);
}

function countsOf(root: FDTNode): { nodes: number; properties: number } {
  let nodes = 0;
  let properties = 0;
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    nodes++;
    properties += node.properties.length;
    for (const child of node.children) stack.push(child);
  }
  return { nodes, properties };
}
