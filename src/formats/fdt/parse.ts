/**
 * Reading flattened device trees. A strict parse takes what libfdt's `fdt_check_full` takes, and version 1;
 * a lenient one takes anything and lists what is wrong with it. Nothing here recurses, and time and memory
 * grow with the input.
 */

import { dataView } from '../../codec/bytes.js';
import { hexOffset } from '../../codec/error.js';
import { type BytesLike, CarryoverError, decodeLenient, type ValueOf } from '../../codec/index.js';
import { readText } from '../../codec/text.js';
import { type FDTCode, isFatal } from './codes.js';
import { remember } from './kept.js';
import type { ParseOptions } from './options.js';
import { FDT_MAGIC, FdtHeader, FdtReserveEntry, headerSize, TOKEN } from './schema.js';
import type { FDTNode, FDTProperty, FDTReservation, FDTTree } from './tree.js';

/** A device tree as it was read. */
export interface FDT extends FDTTree {
  version: number;
  lastCompVersion: number;
  bootCpuid: number;
  reservations: FDTReservation[];
  /** The size in bytes that the header tells. Input beyond it does not belong to the tree. */
  readonly totalSize: number;
  /**
   * What is wrong with it, in the order in which it was found: after a strict parse only what libfdt accepts
   * all the same. `libfdtError(problem.code)` tells what libfdt would say.
   */
  readonly problems: readonly CarryoverError[];
}

export type HeaderValue = Partial<ValueOf<typeof FdtHeader>>;

const MAX_DEPTH = 1024;
const MAX_NAME = 255;
const MAX_PROBLEMS = 1000;
/** Of the path of a problem only the last parts are told: paths of hostile trees are long, and many. */
const MAX_PATH_PARTS = 32;
const INT_MAX = 0x7fffffff;

/** Where the bytes of a tree are, for writing it as it was. Offsets are from the start of the input. */
export interface Extents {
  readonly header: HeaderValue;
  readonly nodes: Map<FDTNode, NodeExtent>;
  readonly properties: Map<FDTProperty, PropertyExtent>;
  reservations: { at: number; end: number };
  structure: { at: number; end: number };
  strings: { at: number; end: number };
  /** From the end of the root node (NOPs included) to the token FDT_END. */
  last: { from: number; at: number };
}
export interface NodeExtent {
  /** Where the token before it ended; what lies between are NOPs. */
  from: number;
  at: number;
  nameEnd: number;
  end: number;
  /** The same for the token that ends the node. */
  closeFrom: number;
  closeAt: number;
}
export interface PropertyExtent {
  from: number;
  at: number;
  nameOffset: number;
  valueAt: number;
  valueEnd: number;
  end: number;
}

/**
 * Reads a flattened device tree. Input beyond its total size is left alone, so that a page with a tree at its
 * start will do.
 *
 * @throws CarryoverError, if strict: a code of `FDT_CODES`, the path of the node or property (`/chosen/reg`),
 * and the offset. A lenient parse does not throw.
 */
export function parseFDT(bytes: BytesLike, options: ParseOptions = {}): FDT {
  const parser = new Parser(dataView(bytes), options);
  const fdt = parser.parse();
  remember(fdt, parser.image(), options);
  return fdt;
}

/** The same, with the places of everything, for the writer. */
export function parseExtents(bytes: Uint8Array, options: ParseOptions): { fdt: FDT; extents: Extents } {
  const parser = new Parser(dataView(bytes), options);
  return { fdt: parser.parse(), extents: parser.extents };
}

interface Frame {
  readonly node: FDTNode;
  /** The name as it was written: before version 16, the full path. */
  readonly raw: string;
  readonly properties: Set<string>;
  readonly children: Set<string>;
}

class Parser {
  readonly view: DataView;
  readonly options: ParseOptions;
  readonly strict: boolean;
  readonly problems: CarryoverError[] = [];
  readonly header: HeaderValue;
  readonly version: number;
  readonly extents: Extents;
  readonly stack: Frame[] = [];
  readonly names = new Map<number, string>();
  /** Where the tree ends: its total size, or the input if that is shorter. */
  end: number;
  root: FDTNode | undefined;
  /** The last NUL of the strings block, -1 if there is none, undefined before it was looked for. */
  lastNUL: number | undefined;

  constructor(view: DataView, options: ParseOptions) {
    this.view = view;
    this.options = options;
    this.strict = options.lenient !== true;
    const header = decodeLenient(FdtHeader, view).value;
    // A lenient decode gives the shape of the schema, with fields missing.
    this.header = (header ?? {}) as HeaderValue;
    this.version = options.version ?? this.header.version ?? 0;
    this.end = view.byteLength;
    const nowhere = { at: 0, end: 0 };
    this.extents = {
      header: this.header,
      nodes: new Map(),
      properties: new Map(),
      reservations: nowhere,
      structure: nowhere,
      strings: nowhere,
      last: { from: 0, at: 0 },
    };
  }

  /** The bytes of the tree, as far as they are there. */
  image(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, this.end).slice();
  }

  parse(): FDT {
    const { header } = this;
    this.readHeader();
    const reservations = this.readReservations();
    const stringsAt = header.off_dt_strings ?? 0;
    const stringsSize = this.version >= 17 ? (header.size_dt_strings ?? 0) : this.end;
    this.extents.strings = { at: stringsAt, end: Math.min(stringsAt + stringsSize, this.end) };
    this.readStructure();
    this.checkOverlaps();
    if (this.root === undefined) this.problem('fdt-no-root', 'there is no root node', 0, { path: '/' });
    return {
      version: this.version,
      lastCompVersion: header.last_comp_version ?? 0,
      bootCpuid: header.boot_cpuid_phys ?? 0,
      totalSize: header.totalsize ?? 0,
      reservations,
      root: this.root ?? { name: '', properties: [], children: [] },
      problems: this.problems,
    };
  }

  problem(
    code: FDTCode,
    reason: string,
    offset: number,
    more: { path?: string; length?: number; expected?: string; found?: string } = {},
  ): void {
    const throws = this.strict && isFatal(code);
    if (!throws && this.problems.length >= MAX_PROBLEMS) {
      if (this.problems.length === MAX_PROBLEMS)
        this.problems.push(new CarryoverError('fdt-many-problems', 'there are more problems than these'));
      return;
    }
    const error = new CarryoverError(code, reason, {
      ...more,
      path: more.path === undefined ? [] : [more.path],
      offset,
      input: this.view,
    });
    if (throws) throw error;
    this.problems.push(error);
  }

  /** The path of the innermost node that is open, or of something in it. */
  path(name?: string): string {
    const parts = this.stack.slice(1).map((frame) => frame.node.name);
    if (name !== undefined) parts.push(name);
    const shown = parts
      .slice(-MAX_PATH_PARTS)
      .map((part) => (part.length > 64 ? `${part.slice(0, 64)}…` : part));
    return `${parts.length > MAX_PATH_PARTS ? '…' : ''}/${shown.join('/')}`;
  }

  // --- header -----------------------------------------------------------------------------------------------

  readHeader(): void {
    const { header, view, version } = this;
    const size = headerSize(version);
    if (view.byteLength < size)
      this.problem('fdt-truncated', 'the header is cut off', 0, {
        expected: `${view.byteLength < 28 ? 28 : size} bytes`,
        found: `${view.byteLength} bytes`,
      });
    if (header.magic !== FDT_MAGIC)
      this.problem('fdt-magic', 'this is not a flattened device tree', 0, {
        length: 4,
        expected: hexOffset(FDT_MAGIC),
        found: hexOffset(header.magic ?? 0),
      });
    this.checkVersion();
    const { totalsize = 0 } = header;
    if (totalsize < size || totalsize > INT_MAX)
      this.problem('fdt-totalsize', 'the total size is impossible', 4, {
        length: 4,
        expected: `${size} to ${INT_MAX}`,
        found: String(totalsize),
      });
    else this.end = Math.min(this.end, totalsize);
    this.checkBlocks(size, totalsize);
    if (view.byteLength < totalsize && view.byteLength >= size)
      this.problem('fdt-truncated', 'the device tree is cut off', view.byteLength, {
        expected: `${totalsize} bytes`,
        found: `${view.byteLength} bytes`,
      });
  }

  checkVersion(): void {
    const { version } = this;
    const { last_comp_version: compatible = 0 } = this.header;
    const found = `version ${version}, compatible with ${compatible}`;
    if (version < 1 || compatible > 17 || version < compatible)
      this.problem('fdt-version', 'no such version can be read', 20, {
        length: 8,
        expected: 'a version of 1 or more that is compatible with 17 or less',
        found,
      });
    else if (version === 1) this.problem('fdt-old-version', 'libfdt does not read version 1', 20, { found });
  }

  checkBlocks(size: number, total: number): void {
    const { header, version } = this;
    const { off_mem_rsvmap: rsvmap = 0, off_dt_struct: struct = 0, off_dt_strings: strings = 0 } = header;
    this.checkBlock('memory reservation', 16, size, total, rsvmap, 0);
    this.checkBlock('structure', 8, size, total, struct, version >= 17 ? (header.size_dt_struct ?? 0) : 0);
    this.checkBlock('strings', 12, size, total, strings, version >= 3 ? (header.size_dt_strings ?? 0) : 0);
    if (rsvmap % 8 !== 0)
      this.problem('fdt-alignment', 'the memory reservation block is not aligned', 16, {
        length: 4,
        expected: 'a multiple of 8',
        found: hexOffset(rsvmap),
      });
    if (struct % 4 !== 0)
      this.problem('fdt-alignment', 'the structure block is not aligned', 8, {
        length: 4,
        expected: 'a multiple of 4',
        found: hexOffset(struct),
      });
  }

  checkBlock(name: string, field: number, low: number, high: number, at: number, size: number): void {
    if (at >= low && at + size <= high) return;
    this.problem('fdt-block', `the ${name} block lies outside of the device tree`, field, {
      length: 4,
      expected: `${hexOffset(low)} to ${hexOffset(high)}`,
      found: `${hexOffset(at)} to ${hexOffset(at + size)}`,
    });
  }

  checkOverlaps(): void {
    const { reservations, structure, strings } = this.extents;
    const blocks = [
      { name: 'memory reservation', ...reservations },
      { name: 'structure', ...structure },
      { name: 'strings', ...strings },
    ]
      .filter((block) => block.end > block.at)
      .sort((a, b) => a.at - b.at);
    for (const [i, block] of blocks.entries()) {
      const next = blocks[i + 1];
      // Before version 17 nothing but another block tells where the strings end.
      if (next === undefined || next.at >= block.end) continue;
      if (block.name === 'strings' && (this.header.size_dt_strings ?? 0) + block.at <= next.at) continue;
      this.problem('fdt-overlap', `the ${block.name} and the ${next.name} block overlap`, next.at, {
        expected: `at least ${hexOffset(block.end)}`,
        found: hexOffset(next.at),
      });
    }
  }

  // --- memory reservations ----------------------------------------------------------------------------------

  readReservations(): FDTReservation[] {
    const start = this.header.off_mem_rsvmap ?? 0;
    const found: FDTReservation[] = [];
    let at = start;
    for (; at + 16 <= this.end; at += 16) {
      const address = this.view.getBigUint64(at);
      const size = this.view.getBigUint64(at + 8);
      if (size === 0n) {
        if (address !== 0n)
          this.problem('fdt-reservation-terminator', 'the last reservation has an address', at, {
            length: 8,
            expected: '0x0',
            found: `0x${address.toString(16)}`,
          });
        this.extents.reservations = { at: start, end: at + 16 };
        return found;
      }
      found.push({ address, size });
    }
    this.extents.reservations = { at: start, end: at };
    this.problem(
      'fdt-reservations',
      `the list of ${FdtReserveEntry.name} does not end`,
      Math.min(at, this.end),
      {
        expected: 'an entry of size 0',
        found: `the end of the device tree at ${hexOffset(this.end)}`,
      },
    );
    return found;
  }

  // --- structure --------------------------------------------------------------------------------------------

  readStructure(): void {
    const { header, view, version, stack, extents } = this;
    const start = header.off_dt_struct ?? 0;
    const limit = version >= 17 ? Math.min(start + (header.size_dt_struct ?? 0), this.end) : this.end;
    const align = (at: number): number => start + Math.ceil((at - start) / 4) * 4;
    const maxDepth = this.options.maxDepth ?? MAX_DEPTH;
    /** How many nodes beyond the limit of depth are open. */
    let beyond = 0;
    let at = start;
    let from = start;
    extents.structure = { at: start, end: limit };

    for (;;) {
      if (at + 4 > limit) {
        this.problem('fdt-end-missing', 'the structure block does not end', Math.min(at, limit), {
          path: this.path(),
          expected: 'the token FDT_END',
          found: `the end of the block at ${hexOffset(limit)}`,
        });
        return;
      }
      const token = view.getUint32(at);
      if (token === TOKEN.NOP) {
        at += 4;
      } else if (token === TOKEN.BEGIN_NODE) {
        const name = this.nodeName(at, limit);
        if (name === undefined) return;
        const end = align(name.end + 1);
        if (beyond > 0 || stack.length >= maxDepth) {
          if (beyond++ === 0)
            this.problem('fdt-limit', `the nodes are nested deeper than ${maxDepth}`, at, {
              path: this.path(),
            });
        } else this.beginNode(name.text, { from, at, nameEnd: name.end + 1, end, closeFrom: 0, closeAt: 0 });
        at = from = end;
      } else if (token === TOKEN.END_NODE) {
        const frame = beyond > 0 ? undefined : stack.pop();
        if (beyond > 0) beyond--;
        else if (frame === undefined)
          this.problem('fdt-unbalanced', 'a node is ended that was not begun', at, { path: '/', length: 4 });
        else {
          const extent = extents.nodes.get(frame.node);
          if (extent !== undefined) {
            extent.closeFrom = from;
            extent.closeAt = at;
          }
        }
        at = from = at + 4;
      } else if (token === TOKEN.PROP) {
        const extent = this.propertyExtent(from, at, start, limit);
        if (extent === undefined) return;
        if (beyond === 0) this.addProperty(extent);
        at = from = align(extent.valueEnd);
      } else if (token === TOKEN.END) {
        extents.last = { from, at };
        if (version < 17) extents.structure = { at: start, end: at + 4 };
        if (stack.length > 0)
          this.problem('fdt-unbalanced', `the tree ends inside of a node`, at, {
            path: this.path(),
            expected: 'FDT_END_NODE (2)',
            found: 'FDT_END (9)',
          });
        return;
      } else at = from = this.skipUnknown(at, limit, token);
    }
  }

  /** The next word that is a token; a lenient parse goes on there. */
  skipUnknown(at: number, limit: number, token: number): number {
    let next = at + 4;
    while (next + 4 <= limit && !isToken(this.view.getUint32(next))) next += 4;
    this.problem('fdt-token', 'this is no token of a device tree', at, {
      path: this.path(),
      length: 4,
      expected: '1, 2, 3, 4 or 9',
      found: `${hexOffset(token)}; ${next - at} bytes are skipped`,
    });
    return next;
  }

  nodeName(at: number, limit: number): { text: string; end: number } | undefined {
    let end = at + 4;
    while (end < limit && this.view.getUint8(end) !== 0) end++;
    if (end < limit) return { text: readText(this.view, at + 4, end), end };
    this.problem('fdt-name-unterminated', 'the name of a node does not end', at + 4, {
      path: this.path(),
      expected: 'a NUL',
      found: `the end of the block at ${hexOffset(limit)}`,
    });
    return undefined;
  }

  beginNode(raw: string, extent: NodeExtent): void {
    const { stack, root } = this;
    const { at } = extent;
    const slash = this.version < 16 ? raw.lastIndexOf('/') : -1;
    const node: FDTNode = { name: raw.slice(slash + 1), properties: [], children: [], offset: at };
    const top = stack[stack.length - 1];
    const parent = top?.node ?? root;
    if (parent === undefined) {
      if (node.name !== '' || (this.version < 16 && slash < 0))
        this.problem('fdt-root-name', 'the root node has a name', at + 4, {
          path: '/',
          expected: this.version < 16 ? '"/"' : 'an empty name',
          found: JSON.stringify(raw.slice(0, 64)),
        });
      this.root = node;
    } else {
      if (top === undefined)
        this.problem('fdt-second-root', 'a node follows after the end of the root node', at, { path: '/' });
      else {
        const prefix = top.raw === '/' ? '' : top.raw;
        if (this.version < 16 && raw !== `${prefix}/${node.name}`)
          this.problem('fdt-name-path', 'the full path of the node does not fit its parent', at + 4, {
            path: this.path(node.name),
            expected: JSON.stringify(clip(`${prefix}/${node.name}`)),
            found: JSON.stringify(clip(raw)),
          });
        if (top.children.has(node.name))
          this.problem('fdt-duplicate-node', 'there is another node of that name', at, {
            path: this.path(node.name),
          });
        top.children.add(node.name);
      }
      parent.children.push(node);
    }
    this.extents.nodes.set(node, extent);
    stack.push({ node, raw, properties: new Set(), children: new Set() });
  }

  propertyExtent(from: number, at: number, start: number, limit: number): PropertyExtent | undefined {
    const { view } = this;
    let found = `only ${Math.max(0, limit - at)} bytes for its header`;
    if (at + 12 <= limit) {
      const length = view.getUint32(at + 4);
      let valueAt = at + 12;
      if (this.version < 16 && length >= 8 && (valueAt - start) % 8 !== 0) valueAt += 4;
      const valueEnd = valueAt + length;
      if (valueEnd <= limit) {
        const end = start + Math.ceil((valueEnd - start) / 4) * 4;
        return { from, at, nameOffset: view.getUint32(at + 8), valueAt, valueEnd, end };
      }
      found = `${length} bytes of value`;
    }
    this.problem('fdt-property-cut', 'the property runs past the structure block', at, {
      path: this.path(),
      length: 12,
      expected: `at most ${Math.max(0, limit - at - 12)} bytes of value`,
      found,
    });
    return undefined;
  }

  addProperty(extent: PropertyExtent): void {
    const { at, nameOffset, valueAt, valueEnd } = extent;
    const frame = this.stack[this.stack.length - 1];
    if (frame === undefined) {
      this.problem('fdt-property-outside', 'the property belongs to no node', at, { path: '/', length: 12 });
      return;
    }
    const name = this.propertyName(nameOffset, at);
    const found: FDTProperty = {
      name,
      value: new Uint8Array(this.view.buffer, this.view.byteOffset + valueAt, valueEnd - valueAt).slice(),
      offset: at,
    };
    if (frame.node.children.length > 0)
      this.problem('fdt-property-late', 'the property comes after a child node', at, {
        path: this.path(name),
      });
    if (frame.properties.has(name))
      this.problem('fdt-duplicate-property', 'there is another property of that name', at, {
        path: this.path(name),
      });
    frame.properties.add(name);
    frame.node.properties.push(found);
    this.extents.properties.set(found, extent);
  }

  // --- strings ----------------------------------------------------------------------------------------------

  propertyName(offset: number, at: number): string {
    const known = this.names.get(offset);
    if (known !== undefined) return known;
    return this.readName(offset, at);
  }

  readName(offset: number, propertyAt: number): string {
    const { view } = this;
    const { at: start, end } = this.extents.strings;
    const at = start + offset;
    const total = this.header.totalsize ?? 0;
    const missing = view.byteLength < total;
    this.lastNUL ??= lastNUL(view, start, end);
    if (at < end && at <= this.lastNUL) {
      let stop = at;
      while (stop < end && stop - at <= MAX_NAME && view.getUint8(stop) !== 0) stop++;
      if (stop - at > MAX_NAME)
        this.problem('fdt-limit', `the name of a property is longer than ${MAX_NAME} bytes`, at, {
          path: this.path(),
        });
      const name = readText(view, at, Math.min(stop, at + MAX_NAME));
      this.names.set(offset, name);
      return name;
    }
    const fallback = missing ? nameIn(this.options.strings, offset) : undefined;
    if (fallback !== undefined) return fallback;
    const placeholder = `?${hexOffset(offset)}`;
    if (at >= end)
      this.problem(
        'fdt-name-offset',
        'the name of the property is not in the strings block',
        propertyAt + 8,
        {
          path: this.path(placeholder),
          length: 4,
          expected: `less than ${hexOffset(Math.max(0, end - start))}`,
          found: hexOffset(offset),
        },
      );
    else
      this.problem('fdt-string-unterminated', 'the name of the property does not end', at, {
        path: this.path(placeholder),
        expected: 'a NUL',
        found: `the end of the strings block at ${hexOffset(end)}`,
      });
    return placeholder;
  }
}

function isToken(word: number): boolean {
  return (word >= TOKEN.BEGIN_NODE && word <= TOKEN.NOP) || word === TOKEN.END;
}

function clip(text: string): string {
  return text.length > 256 ? `…${text.slice(-256)}` : text;
}

function lastNUL(view: DataView, start: number, end: number): number {
  for (let at = Math.min(end, view.byteLength) - 1; at >= start; at--) if (view.getUint8(at) === 0) return at;
  return -1;
}

function nameIn(strings: Uint8Array | undefined, offset: number): string | undefined {
  if (strings === undefined || offset >= strings.length) return undefined;
  const end = strings.indexOf(0, offset);
  if (end < 0 || end - offset > MAX_NAME) return undefined;
  return readText(dataView(strings), offset, end);
}
