/** What was handed over as a tree of nodes: addresses, names, and each value in a line for people. */
import { CarryoverError, isCarryoverError, toHex } from '../codec/index.js';
import { suggest } from '../codec/suggest.js';
import { IOMMU_HEX, iommuLine } from '../formats/iommu/text.js';
import type { HandoverObject } from '../formats/kho/index.js';
import { MemfdSeals } from '../formats/memfd/schema.js';
import { PAYLOAD_HEX, payloadLine } from '../formats/payload/text.js';
import type { HandoverState } from './handover.js';

export interface HandoverNode {
  /** `entries.LUO.sessions[0]`; empty for the root. */
  readonly path: string;
  /** The last part of the path: a name, or `[0]`. */
  readonly label: string;
  readonly value: unknown;
  /** Physical address of what it was read from, or of what it stands for. */
  readonly address: bigint | undefined;
  /** The C type it was decoded from, and its size; empty where it is no object of its own. */
  readonly type: string;
  /** The value in a line, or what a list or an object comes to. */
  readonly text: string;
  readonly isList: boolean;
  /** How many children there are. */
  readonly count: number;
  /** Elements that are shown of a list that is too long to be shown. */
  readonly shown: number;
  child(index: number): HandoverNode | undefined;
  children(): Iterable<HandoverNode>;
}

/** Lists up to so many elements are shown in full. */
const LONG = 12;
const SHOWN = 8;
/** Runs of folios and ranges, of which there are many in every dump. */
const SHORT = 3;

interface Context {
  readonly state: HandoverState;
  readonly pageSize: number;
  readonly addresses: ReadonlyMap<string, bigint>;
  readonly types: ReadonlyMap<string, string>;
}

/** The root of the tree. */
export function handoverTree(state: HandoverState): HandoverNode {
  const addresses = new Map<string, bigint>();
  const types = new Map<string, string>();
  for (const { path, address, schema, size } of state.objects) {
    if (addresses.has(path)) continue;
    addresses.set(path, address);
    if ('name' in schema && typeof schema.name === 'string')
      types.set(path, `${schema.name}, ${plural(size, 'byte')}`);
  }
  for (const { name, data } of state.memory?.handover.root.nodes ?? []) {
    const path = `entries.${name}`;
    if (data !== undefined && !addresses.has(path)) addresses.set(path, data);
  }
  const pageSize = state.memory?.handover.value.page_size ?? state.abi?.pageSize ?? 4096;
  return new ValueNode('', '', state.value, { state, pageSize, addresses, types });
}

/** The node at a path such as `entries.LUO.sessions[0].files[1].memfd`. @throws `path-unknown` */
export function handoverNodeAt(root: HandoverNode, path: string): HandoverNode {
  let node = root;
  let rest = path.replace(/^(?:value(?=[.[]|$)\.?)/, '');
  while (rest !== '') {
    const found = step(node, rest);
    if (found === undefined) throw pathUnknown(path, node, rest);
    node = found.node;
    rest = found.rest;
  }
  return node;
}

function step(node: HandoverNode, rest: string): { node: HandoverNode; rest: string } | undefined {
  const [index, digits] = /^\[(\d{1,12})\]/.exec(rest) ?? [];
  if (index !== undefined) {
    const child = node.isList ? node.child(Number(digits)) : undefined;
    return child && { node: child, rest: rest.slice(index.length).replace(/^\./, '') };
  }
  if (node.isList) return namedElement(node, rest);
  // Names of nodes may hold dots and brackets: the longest name that fits is the one.
  let best: HandoverNode | undefined;
  for (const child of node.children())
    if (
      rest.startsWith(child.label) &&
      /^($|[.[])/.test(rest.slice(child.label.length)) &&
      child.label.length > (best?.label.length ?? -1)
    )
      best = child;
  return best && { node: best, rest: rest.slice(best.label.length).replace(/^\./, '') };
}

/**
 * A path with places instead of names and tokens: `sessions[0]` for `sessions[vm-alpha]`. What leads beyond the
 * tree stays as it is.
 *
 * @throws `path-unknown` for a name that a list of sessions or FLBs does not have, with what was probably meant.
 */
export function numberedPath(root: HandoverNode, path: string): string {
  let done = '';
  let rest = path;
  for (;;) {
    const found = /\[(?!\d{1,12}\])(?:"[^"]*"|[^\]]+)\]/.exec(rest);
    if (found === null) return done + rest;
    const list = listAt(root, done + rest.slice(0, found.index));
    if (list === undefined) return done + rest;
    const element = namedElement(list, found[0]);
    if (element === undefined) throw nameUnknown(path, list, found[0].slice(1, -1).replace(/^"|"$/g, ''));
    done = element.node.path;
    rest = rest.slice(found.index + found[0].length);
  }
}
function listAt(root: HandoverNode, path: string): HandoverNode | undefined {
  try {
    const node = handoverNodeAt(root, path);
    return node.isList ? node : undefined;
  } catch (error) {
    if (isCarryoverError(error) && error.code === 'path-unknown') return undefined;
    throw error;
  }
}
function nameUnknown(path: string, list: HandoverNode, name: string): CarryoverError {
  const names = [...list.children()].flatMap(({ value }) =>
    typeof value === 'object' && value !== null && 'name' in value ? [String(value.name)] : [],
  );
  const near = suggest(name, names);
  return new CarryoverError(
    'path-unknown',
    `there is no ${JSON.stringify(path)}: ${list.path} has ${names.length === 0 ? 'no such element' : names.slice(0, 12).join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

/** `[vm-alpha]`, `["vm-alpha"]`, `[0x1001]`: an element by its name or token, as `diff` writes it. */
function namedElement(node: HandoverNode, rest: string): { node: HandoverNode; rest: string } | undefined {
  const [key, quoted, plain] = /^\[(?:"([^"]*)"|([^\]]+))\]/.exec(rest) ?? [];
  if (key === undefined) return undefined;
  const name = quoted ?? plain ?? '';
  const token = /^0x[0-9a-f]{1,16}$/i.test(name) ? BigInt(name) : undefined;
  for (const child of node.children()) {
    const { value } = child;
    if (typeof value !== 'object' || value === null) continue;
    const isIt =
      ('name' in value && value.name === name) ||
      (token !== undefined && 'token' in value && value.token === token);
    if (isIt) return { node: child, rest: rest.slice(key.length).replace(/^\./, '') };
  }
  return undefined;
}

function pathUnknown(path: string, node: HandoverNode, rest: string): CarryoverError {
  const where = node.path === '' ? 'the value' : node.path;
  if (node.isList)
    return new CarryoverError(
      'path-unknown',
      `there is no ${JSON.stringify(path)}: ${where} has ${node.count === 0 ? 'no elements' : `the elements [0] to [${node.count - 1}]`}`,
    );
  const names = [...node.children()].map(({ label }) => label);
  const near = suggest(/^[^.[]*/.exec(rest)?.[0] ?? rest, names);
  return new CarryoverError(
    'path-unknown',
    `there is no ${JSON.stringify(path)}: ${where} has ${names.length === 0 ? 'no parts' : names.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

class ValueNode implements HandoverNode {
  readonly path: string;
  readonly label: string;
  readonly value: unknown;
  readonly #context: Context;
  #elements: readonly unknown[] | undefined;

  constructor(path: string, label: string, value: unknown, context: Context) {
    this.path = path;
    this.label = label;
    this.value = value;
    this.#context = context;
  }

  get isList(): boolean {
    return isList(this.value);
  }
  get count(): number {
    if (isList(this.value)) return lengthOf(this.value);
    return isRecord(this.value) ? this.#members().length : 0;
  }
  get shown(): number {
    if (/\.(folios|ranges|mappings)$/.test(this.path)) return this.count <= SHORT + 1 ? this.count : SHORT;
    return this.count <= LONG ? this.count : SHOWN;
  }
  get type(): string {
    return this.#context.types.get(this.path) ?? '';
  }
  get text(): string {
    // Without memory nothing can be said of what pointers lead to.
    if (this.label === 'LUO' && this.#context.state.memory === undefined && isRecord(this.value)) {
      const { compatible, liveupdate_num } = this.value;
      if (typeof compatible === 'string')
        return `${compatible}, live update ${String(liveupdate_num)}; its sessions are in memory that is not here`;
    }
    return textOf(this.path, this.label, this.value, this.#context.pageSize);
  }
  get address(): bigint | undefined {
    const { addresses, pageSize } = this.#context;
    const known = addresses.get(this.path);
    if (known !== undefined) return known;
    const { value } = this;
    if (!isRecord(value)) return undefined;
    const place = value.address ?? value.addr ?? value.start;
    if (typeof place === 'bigint') return place;
    return typeof value.pfn === 'bigint' ? value.pfn * BigInt(pageSize) : undefined;
  }
  child(index: number): HandoverNode | undefined {
    const { value } = this;
    if (!isList(value) || index >= lengthOf(value)) return undefined;
    const element = Array.isArray(value) ? value[index] : this.#nth(index);
    return new ValueNode(`${this.path}[${index}]`, `[${index}]`, element, this.#context);
  }
  *children(): Iterable<HandoverNode> {
    const { value, path } = this;
    if (isList(value)) {
      let index = 0;
      for (const element of value) {
        yield new ValueNode(`${path}[${index}]`, `[${index}]`, element, this.#context);
        index++;
      }
      return;
    }
    for (const [name, member] of this.#members())
      yield new ValueNode(path === '' ? name : `${path}.${name}`, name, member, this.#context);
  }
  #members(): readonly [string, unknown][] {
    if (!isRecord(this.value)) return [];
    return Object.entries(this.value).filter(
      ([, member]) => member !== undefined || this.label === 'entries',
    );
  }
  #nth(index: number): unknown {
    if (this.#elements === undefined && isList(this.value)) this.#elements = [...this.value];
    return this.#elements?.[index];
  }
}

// --- a line for each thing ---------------------------------------------------------------------------------

type Record_ = Readonly<Record<string, unknown>>;

/** What things come to, by where they are. */
const LINES: readonly (readonly [RegExp, (value: Record_, pageSize: number) => string])[] = [
  [
    /(^|\.)preserved$/,
    ({ pages, bytes, ranges }) => {
      const count = isList(ranges) ? lengthOf(ranges) : 0;
      return `${plural(pages, 'page')}, ${sizeText(bytes)}, in ${plural(count, 'range')}`;
    },
  ],
  [
    /(^|\.)ranges\[\d+\]$/,
    ({ order, count }, pageSize) => {
      const pages = Number(count) * 2 ** Number(order);
      return `${plural(pages, 'page')}, ${sizeText(pages * pageSize)}${Number(order) === 0 ? '' : `: ${plural(count, 'block')} of order ${String(order)}`}`;
    },
  ],
  [/(^|\.)scratch\[\d+\]$/, ({ addr, size }) => `0x${hexOf(addr)}, ${sizeText(size)}`],
  [/\.folios\[\d+\]$/, folioText],
  [
    /\.sessions\[\d+\]\.files\[\d+\]$/,
    ({ token, compatible }) => `token ${tokenText(token)}, ${String(compatible)}`,
  ],
  [/\.sessions\[\d+\]\.files\[\d+\]\.memfd$/, memfdText],
  [
    /\.sessions\[\d+\]$/,
    ({ name, files, files_incomplete }) =>
      `${JSON.stringify(name)}, ${counted(files, 'file', files_incomplete)}`,
  ],
  [
    /\.flbs\[\d+\]$/,
    ({ name, data, count }) => `${JSON.stringify(name)}, data 0x${hexOf(data)}, for ${plural(count, 'file')}`,
  ],
  [
    /entries\.LUO$/,
    ({ compatible, liveupdate_num, sessions, sessions_incomplete, flbs, flbs_incomplete }) => {
      if (typeof compatible !== 'string') return '';
      const files = isList(sessions)
        ? [...sessions].reduce<number>(
            (sum, each) => sum + (isRecord(each) && isList(each.files) ? lengthOf(each.files) : 0),
            0,
          )
        : 0;
      return [
        compatible,
        ...(liveupdate_num === undefined ? [] : [`live update ${String(liveupdate_num)}`]),
        counted(sessions, 'session', sessions_incomplete),
        plural(files, 'file'),
        counted(flbs, 'FLB', flbs_incomplete),
      ].join(', ');
    },
  ],
  [
    /\.nodes\.[^.]+$/,
    ({ address, size }) =>
      `${typeof address === 'bigint' ? `0x${hexOf(address)}` : 'at an unknown address'}${size === undefined ? '' : `, ${sizeText(size)}`}`,
  ],
  [
    /entries\.kexec-metadata$/,
    ({ previous_release, kexec_count }) => `kexec ${String(kexec_count)}, from ${String(previous_release)}`,
  ],
  [/entries\.memblock$/, ({ compatible }) => (typeof compatible === 'string' ? compatible : '')],
  [
    /entries\.memblock\.[^.]+$/,
    ({ start, size }) => (typeof start === 'bigint' ? `0x${hexOf(start)}, ${sizeText(size)}` : ''),
  ],
  [
    /entries\.kho_test$/,
    ({ compatible, nr_folios }) =>
      typeof compatible === 'string' ? `${compatible}, ${plural(nr_folios, 'folio')}` : '',
  ],
  [
    /(^|\.)fdt$/,
    ({ compatible, totalsize }) =>
      `${String(compatible)}${totalsize === undefined ? '' : `, ${plural(totalsize, 'byte')}`}`,
  ],
];

/** `3 files`; `3 files of more` where not all of the list could be read. */
function counted(list: unknown, unit: string, incomplete: unknown): string {
  const count = isList(list) ? lengthOf(list) : 0;
  if (incomplete !== true) return plural(count, unit);
  return count === 0 ? `${unit}s that cannot be read` : `${plural(count, unit)} and more that cannot be read`;
}

function textOf(path: string, label: string, value: unknown, pageSize: number): string {
  if (isList(value)) {
    const count = lengthOf(value);
    return /\.memfd\.folios$/.test(path) ? plural(count, 'run') : plural(count, 'element');
  }
  if (value instanceof Uint8Array) return value.length === 0 ? 'no bytes' : bytesText(value);
  if (isRecord(value)) {
    const line =
      payloadLine(path, value, sizeText) ??
      LINES.find(([where]) => where.test(path))?.[1](value, pageSize) ??
      iommuLine(path, value, sizeText);
    if (line !== undefined && line !== '') return line;
    return value.unknown === true ? unknownText(value) : '';
  }
  return scalarText(label, value);
}

function scalarText(label: string, value: unknown): string {
  if (value === undefined || value === null) return 'not known';
  if (typeof value === 'string') return JSON.stringify(value);
  if (label === 'seals' && typeof value === 'number') return sealsText(value);
  if (label === 'flags' && typeof value === 'number') return `0x${value.toString(16)}`;
  if (HEX.has(label) && (typeof value === 'bigint' || typeof value === 'number'))
    return `0x${value.toString(16)}`;
  if ((label === 'size' || label === 'bytes') && typeof value === 'bigint')
    return value < 1024n ? plural(value, 'byte') : `${value} (${sizeText(value)})`;
  return String(value);
}
const HEX = new Set<string>([
  ...IOMMU_HEX,
  ...PAYLOAD_HEX,
  'fdt_addr',
  'scratch_addr',
  'address',
  'addr',
  'start',
  'data',
  'token',
  'pfn',
  'preserved-memory-map',
  'magic',
  'csum',
]);

function folioText(value: Record_, _pageSize: number): string {
  const { index, pfn, order, count, flags, step } = value;
  if (typeof index !== 'bigint' || typeof pfn !== 'bigint') {
    // The folios of kho_test.
    return typeof order === 'number' ? `order ${order}` : '';
  }
  const pages = Number(count) * 2 ** Number(order);
  const last = index + BigInt(pages) - 1n;
  const bits = Number(flags);
  const names = [
    ...(bits & 1 ? ['DIRTY'] : []),
    ...(bits & 2 ? ['UPTODATE'] : []),
    ...(bits & ~3 ? [`0x${(bits & ~3).toString(16)}`] : []),
  ];
  return [
    pages === 1 ? `page ${index}` : `pages ${index} to ${last}`,
    `${step === -1 ? 'downward from ' : ''}pfn 0x${pfn.toString(16)}`,
    ...(Number(order) === 0 ? [] : [`${plural(count, 'folio')} of order ${String(order)}`]),
    names.length === 0 ? 'no flags' : names.join('|'),
  ].join(', ');
}

function memfdText(value: Record_): string {
  const { pos, size, seals, flags, nr_folios } = value;
  return [
    sizeText(size),
    `position ${String(pos)}`,
    ...(seals === undefined ? [] : [seals === 0 ? 'no seals' : `seals ${sealsText(Number(seals))}`]),
    ...(flags === undefined || flags === 0 ? [] : [`flags 0x${Number(flags).toString(16)}`]),
    plural(nr_folios, 'folio'),
  ].join(', ');
}

function sealsText(seals: number): string {
  const names: string[] = [];
  let rest = seals;
  for (const [name, bit] of Object.entries(MemfdSeals.members)) {
    const number = Number(bit);
    if ((seals & number) === 0) continue;
    names.push(name.replace(/^F_SEAL_/, ''));
    rest &= ~number;
  }
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  return names.length === 0 ? 'none' : names.join('|');
}

function unknownText({ looks, size, text, stale }: Record_): string {
  const bytes = plural(size, 'byte');
  if (stale === true) return `freed memory, ${bytes}: not trusted`;
  return typeof text === 'string' ? `text: ${JSON.stringify(text)}` : `unknown: ${String(looks)}, ${bytes}`;
}

/** Tokens are what programs make of them: small ones are counted, large ones are patterns. */
function tokenText(token: unknown): string {
  if (typeof token !== 'bigint') return String(token);
  if (token < 10n) return String(token);
  return token < 1n << 32n ? `0x${token.toString(16)} (${token})` : `0x${token.toString(16)}`;
}

function bytesText(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  if (
    end > 0 &&
    end >= bytes.length - 1 &&
    bytes.subarray(0, end).every((byte) => byte >= 0x20 && byte < 0x7f)
  )
    return JSON.stringify(String.fromCharCode(...bytes.subarray(0, Math.min(end, 64))));
  const head = toHex(bytes.subarray(0, 24));
  return bytes.length > 24 ? `${head}… (${plural(bytes.length, 'byte')})` : head;
}

/** `22.2 MiB`, `5 bytes`. */
export function sizeText(value: unknown): string {
  if (typeof value !== 'bigint' && typeof value !== 'number') return 'an unknown size';
  let size = Number(value);
  if (size < 1024) return plural(value, 'byte');
  for (const unit of ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']) {
    size /= 1024;
    if (size < 1024 || unit === 'EiB') return `${Number.isInteger(size) ? size : size.toFixed(1)} ${unit}`;
  }
  return String(value);
}
function plural(count: unknown, unit: string): string {
  return `${String(count)} ${unit}${Number(count) === 1 ? '' : 's'}`;
}
function hexOf(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'number' ? value.toString(16) : String(value);
}

// --- values --------------------------------------------------------------------------------------------------

/** Lists of a handover are arrays, or keep their elements in columns and know how many there are. */
type List = readonly unknown[] | (Iterable<unknown> & { readonly length: number });

function isList(value: unknown): value is List {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    Symbol.iterator in value &&
    'length' in value &&
    typeof value.length === 'number'
  );
}
function lengthOf(list: List): number {
  return list.length;
}
function isRecord(value: unknown): value is Record_ {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !isList(value);
}

/** The object that an address lies in, the smallest of them. */
export function objectAt(state: HandoverState, address: bigint): HandoverObject | undefined {
  let best: HandoverObject | undefined;
  for (const object of state.objects)
    if (
      address >= object.address &&
      address < object.address + BigInt(object.size) &&
      (best === undefined || object.size < best.size)
    )
      best = object;
  return best;
}

/** The object that a path lies in, and what is left of the path inside of it. */
export function objectOf(
  state: HandoverState,
  path: string,
): { readonly object: HandoverObject; readonly rest: string } | undefined {
  let best: HandoverObject | undefined;
  for (const object of state.objects) {
    const { path: own } = object;
    if (path !== own && !(path.startsWith(own) && /^[.[]/.test(path.slice(own.length)))) continue;
    if (best === undefined || own.length > best.path.length) best = object;
  }
  return best && { object: best, rest: path.slice(best.path.length).replace(/^\./, '') };
}
