/** The layout of a struct on one machine: offsets, holes, sizes, and how `pahole` would print them. */
import type { ABI } from './abi.js';
import { declarator, typeText } from './describe.js';
import { fail } from './error.js';
import { bitsOf, type FieldPlan, type Gap, type Plan, type PlanOf, planOf, type StructPlan } from './plan.js';
import type { Schema } from './schema.js';

/** A struct or union as plain data. All sizes and offsets are in bytes unless they say bits. */
export interface Layout {
  /** As in C, without `struct` or `union`. */
  readonly name: string;
  readonly kind: 'struct' | 'union';
  /** Bytes; undefined where that depends on the data. */
  readonly size: number | undefined;
  readonly align: number;
  readonly packed: boolean;
  /** Members and what lies between them, in order. */
  readonly parts: readonly LayoutPart[];
}
export type LayoutPart = LayoutMember | LayoutHole;

export interface LayoutMember {
  readonly part: 'member';
  /** From the outermost struct; what is in arrays is told of one element, as `folios[].pfn`. */
  readonly path: string;
  /** The type in C: `u32`, `struct flowside`, `u32:3`. */
  readonly type: string;
  /** The declaration in C, without attributes: `u32 a`, `char name[16]`. */
  readonly text: string;
  /** From the start of the outermost struct; undefined behind a part of variable size. In arrays: of the first. */
  readonly offset: number | undefined;
  /** Bytes; of a bit-field those of its type. Undefined where it depends on the data. */
  readonly size: number | undefined;
  /** Of a bit-field: where it begins, counted in the bit order from `offset`, and how wide it is. */
  readonly bitOffset?: number;
  readonly bitSize?: number;
  /** Must be zero; not part of the value. */
  readonly reserved: boolean;
  /** A struct or union without a name, whose members are those of the enclosing one. */
  readonly anonymous: boolean;
  /** Its size depends on the data, or whether it is there at all. */
  readonly variable: boolean;
  /** Of structs and unions, and of arrays of them: what is inside. */
  readonly inside?: Layout;
  /** Of arrays of structs and unions: how many, where that is fixed. */
  readonly count?: number;
}
export interface LayoutHole {
  readonly part: 'hole';
  readonly offset: number | undefined;
  /** Whole bytes of it, and bits beside bit-fields. */
  readonly size: number;
  readonly bits: number;
  /** It is at the end, because of the alignment. */
  readonly padding: boolean;
}

/**
 * Lays out a struct or union for an ABI.
 *
 * @throws `schema-invalid` if the schema is neither; whatever `planOf` throws.
 */
export function layoutOf(schema: Schema, abi?: ABI): Layout {
  const found = insideOf(planOf(schema, abi));
  if (found === undefined)
    fail('schema-invalid', `${typeText(schema)} has no layout: it is not a struct or union`);
  return layOut(found.plan, abi, 0, '');
}

type Aggregate = PlanOf<'struct' | 'union' | 'tagged'>;

/** The struct or union in a field, also in blocks and arrays. */
function insideOf(plan: Plan): { plan: Aggregate; count?: number; array: boolean } | undefined {
  switch (plan.kind) {
    case 'struct':
    case 'union':
    case 'tagged':
      return { plan, array: false };
    case 'block':
      return insideOf(plan.type);
    case 'array': {
      const element = insideOf(plan.element);
      if (element === undefined) return undefined;
      const count = plan.length.length === 'fixed' ? plan.length.count * (element.count ?? 1) : undefined;
      return { plan: element.plan, array: true, ...(count === undefined ? {} : { count }) };
    }
    case 'int':
    case 'bits':
    case 'chars':
    case 'bytes':
    case 'versioned':
    case 'foreign':
      return undefined;
  }
}

function layOut(plan: Aggregate, abi: ABI | undefined, base: number | undefined, path: string): Layout {
  const parts =
    plan.kind === 'struct' ? structParts(plan, abi, base, path) : unionParts(plan, abi, base, path);
  return {
    name: plan.name,
    kind: plan.kind === 'struct' ? 'struct' : 'union',
    size: plan.size,
    align: plan.align,
    packed: plan.schema.packed,
    parts,
  };
}

function add(base: number | undefined, offset: number): number | undefined {
  return base === undefined ? undefined : base + offset;
}

function unionParts(
  plan: PlanOf<'union' | 'tagged'>,
  abi: ABI | undefined,
  base: number | undefined,
  path: string,
): LayoutPart[] {
  return plan.members.map((member) => memberOf(member, member.plan, abi, base, path, false));
}

function structParts(
  plan: StructPlan,
  abi: ABI | undefined,
  base: number | undefined,
  path: string,
): LayoutPart[] {
  const parts: LayoutPart[] = [];
  const groups = anonymousGroups(plan, abi);
  let start = base;
  for (const [index, segment] of plan.segments.entries()) {
    if (index > 0) start = undefined;
    /** Up to where an anonymous struct already told what there is. */
    let told = 0;
    for (const [i, item] of segment.items.entries()) {
      if (item.offset + (item.item === 'gap' ? item.size : 1) <= told) continue;
      const group = groups.get(item.key);
      if (group !== undefined && item.offset < told) continue;
      if (group !== undefined) {
        const offset = item.offset - group.offsetOf(item.key);
        told = offset + (group.plan.size ?? 0);
        const at = add(start, offset);
        parts.push({
          part: 'member',
          path,
          type: typeText(group.plan.schema),
          text: '',
          offset: at,
          size: group.plan.size,
          reserved: false,
          anonymous: true,
          variable: false,
          inside: layOut(group.plan, abi, at, path),
        });
      } else if (item.item === 'field')
        parts.push(memberOf(item, item.plan, abi, add(start, item.offset), path, false));
      else if (item.reserved) parts.push(reservedOf(item, plan, abi, start, path));
      else {
        const last =
          index === plan.segments.length - 1 &&
          segment.variable === undefined &&
          i === segment.items.length - 1;
        const after = segment.items[i + 1];
        const next = after === undefined ? undefined : groups.get(after.key);
        const to =
          after === undefined || next === undefined ? segment.size : after.offset - next.offsetOf(after.key);
        const own = clip(item, told, to);
        if (own.size > 0) parts.push(holeOf(own, start, last, parts[parts.length - 1]));
      }
    }
    if (segment.variable === undefined) continue;
    const { variable } = segment;
    const align = variable.plan.align;
    const at = index === 0 ? Math.ceil(segment.size / align) * align : undefined;
    if (at !== undefined && at > segment.size)
      parts.push({
        part: 'hole',
        offset: add(start, segment.size),
        size: at - segment.size,
        bits: 0,
        padding: false,
      });
    parts.push(
      memberOf(variable, variable.plan, abi, at === undefined ? undefined : add(start, at), path, true),
    );
  }
  return parts;
}

/** A gap without what an anonymous struct before or after it tells of it. Those begin and end with bytes. */
function clip(gap: Gap, from: number, to: number): Gap {
  const offset = Math.max(gap.offset, from);
  const end = Math.min(gap.offset + gap.size, to);
  const whole = 0xff;
  const first =
    offset === gap.offset
      ? gap.first
      : end === gap.offset + gap.size && end - offset === 1
        ? gap.last
        : whole;
  const last = end === gap.offset + gap.size ? gap.last : whole;
  return { ...gap, offset, size: end - offset, first, last: end - offset === 1 ? first : last };
}

interface Group {
  readonly plan: StructPlan;
  offsetOf(key: string): number;
}
/** The anonymous structs of fixed size whose fields the plan has taken into the struct, by the names of those. */
function anonymousGroups(plan: StructPlan, abi: ABI | undefined): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const type of Object.values(plan.schema.fields)) {
    const named = unwrap(type);
    if (named.kind !== 'anonymous' || named.type.kind !== 'struct') continue;
    const own = planOf(named.type, abi);
    if (own.kind !== 'struct' || own.size === undefined) continue;
    const offsets = new Map<string, number>();
    for (const item of own.segments[0]?.items ?? [])
      if (item.item === 'field' || item.reserved) offsets.set(item.key, item.offset);
    const group: Group = { plan: own, offsetOf: (key) => offsets.get(key) ?? 0 };
    for (const key of offsets.keys()) groups.set(key, group);
  }
  return groups;
}
/** A member's schema without attributes. */
function unwrap(schema: Schema): Schema {
  return schema.kind === 'attributed' || schema.kind === 'optional' || schema.kind === 'reserved'
    ? unwrap(schema.type)
    : schema;
}

function memberOf(
  field: FieldPlan,
  plan: Plan,
  abi: ABI | undefined,
  at: number | undefined,
  path: string,
  variable: boolean,
): LayoutMember {
  const own = field.inline ? path : path === '' ? field.key : `${path}.${field.key}`;
  const within = insideOf(plan);
  const schema = plan.schema;
  const common = {
    part: 'member',
    path: own,
    type: typeText(schema),
    text: field.inline ? '' : declarator(schema, field.key),
    reserved: false,
    anonymous: field.inline,
    variable: variable || plan.size === undefined,
  } as const;
  if (plan.kind === 'bits') return { ...common, ...bitPlace(plan.schema, at, plan.shift, plan.width, abi) };
  return {
    ...common,
    offset: at,
    size: plan.size,
    ...(within === undefined
      ? {}
      : {
          inside: layOut(within.plan, abi, at, within.array ? `${own}[]` : own),
          ...(within.count === undefined ? {} : { count: within.count }),
        }),
  };
}

function reservedOf(
  gap: Gap,
  plan: StructPlan,
  abi: ABI | undefined,
  start: number | undefined,
  path: string,
): LayoutMember {
  const schema = plan.schema.fields[gap.key];
  if (schema === undefined) fail('schema-invalid', `${plan.name} has no field ${gap.key}`);
  const common = {
    part: 'member',
    path: path === '' ? gap.key : `${path}.${gap.key}`,
    type: typeText(schema),
    text: declarator(schema, gap.key),
    reserved: true,
    anonymous: false,
    variable: false,
  } as const;
  const own = unwrap(schema);
  if (own.kind !== 'bits' && own.kind !== 'unnamed')
    return { ...common, offset: add(start, gap.offset), size: gap.size };
  const { from } = bitsOf(0, gap);
  return { ...common, ...bitPlace(own, add(start, from >> 3), from & 7, own.width, abi) };
}

/** A bit-field in the storage unit of its type, as pahole tells it; in its bytes where it crosses that. */
function bitPlace(
  schema: Schema,
  at: number | undefined,
  shift: number,
  width: number,
  abi: ABI | undefined,
): { offset: number | undefined; size: number; bitOffset: number; bitSize: number } {
  const own = unwrap(schema);
  const type = own.kind === 'bits' || own.kind === 'unnamed' ? planOf(own.base, abi).size : undefined;
  const size = type ?? Math.ceil((shift + width) / 8);
  const unit = at === undefined ? undefined : Math.floor(at / size) * size;
  const from = unit === undefined || at === undefined ? shift : (at - unit) * 8 + shift;
  return unit === undefined || from + width > size * 8
    ? { offset: at, size, bitOffset: shift, bitSize: width }
    : { offset: unit, size, bitOffset: from, bitSize: width };
}

/** Bits up to the end of the storage unit of a bit-field before it, bytes from there on, as pahole tells holes. */
function holeOf(
  gap: Gap,
  start: number | undefined,
  padding: boolean,
  before: LayoutPart | undefined,
): LayoutHole {
  const { from, to } = bitsOf(0, gap);
  const unit =
    before?.part === 'member' &&
    before.bitSize !== undefined &&
    before.offset !== undefined &&
    start !== undefined
      ? (before.offset - start + (before.size ?? 0)) * 8
      : 0;
  const split = Math.min(to, Math.max(Math.ceil(from / 8) * 8, unit));
  const size = Math.floor((to - split) / 8);
  return { part: 'hole', offset: add(start, gap.offset), size, bits: to - from - size * 8, padding };
}

// --- as text -----------------------------------------------------------------------------------------------

export interface FormatLayoutOptions {
  /** Shows the members of inner structs and unions in place. Those without a name are always shown. */
  readonly expand?: boolean;
  /** Bytes of a cache line, to mark where each begins; 0 to leave that out. 64 if not given. */
  readonly cacheline?: number;
}

/** A layout as `pahole` prints it: offsets and sizes in columns, holes, and the sums at the end. */
export function formatLayout(layout: Layout, options: FormatLayoutOptions = {}): string {
  const lines = [`${layout.kind} ${layout.name} {`];
  const cacheline = options.cacheline ?? 64;
  formatParts(layout, 1, options.expand ?? false, cacheline, lines);
  lines.push('', ...summary(layout, cacheline), `}${layout.packed ? ' __attribute__((__packed__))' : ''};`);
  return lines.join('\n');
}

/** Where the comments with the offsets begin, counting a tab as 8. */
const COLUMN = 57;

function row(depth: number, text: string, place: string): string {
  const room = COLUMN - depth * 8;
  return `${'\t'.repeat(depth)}${text.length < room ? text.padEnd(room) : `${text} `}${place}`;
}

function formatParts(
  layout: Layout,
  depth: number,
  expand: boolean,
  cacheline: number,
  lines: string[],
): void {
  const tabs = '\t'.repeat(depth);
  let line = 0;
  for (const part of layout.parts) {
    if (part.part === 'hole') {
      if (part.padding) continue;
      lines.push('');
      if (part.bits > 0)
        lines.push(`${tabs}/* XXX ${part.bits} ${part.bits === 1 ? 'bit' : 'bits'} hole, try to pack */`);
      if (part.size > 0)
        lines.push(`${tabs}/* XXX ${part.size} ${part.size === 1 ? 'byte' : 'bytes'} hole, try to pack */`);
      lines.push('');
      continue;
    }
    if (depth === 1 && cacheline > 0 && layout.kind === 'struct' && part.offset !== undefined) {
      const boundary = Math.floor(part.offset / cacheline);
      if (boundary > line) {
        const ago = part.offset - boundary * cacheline;
        lines.push(
          `${tabs}/* --- cacheline ${boundary} boundary (${boundary * cacheline} bytes)${ago === 0 ? '' : ` was ${ago} ${ago === 1 ? 'byte' : 'bytes'} ago`} --- */`,
        );
        line = boundary;
      }
    }
    const place = placeText(part);
    const { inside } = part;
    if (inside === undefined || !(expand || part.anonymous)) {
      lines.push(row(depth, `${alignType(part, depth)};`, place));
      continue;
    }
    const name = part.text.startsWith(`${inside.kind} ${inside.name} `)
      ? part.text.slice(inside.kind.length + inside.name.length + 1)
      : part.text === ''
        ? ''
        : ` ${part.text}`;
    lines.push(`${tabs}${inside.kind}${part.anonymous ? '' : ` ${inside.name}`} {`);
    formatParts(inside, depth + 1, expand, cacheline, lines);
    lines.push(row(depth, `}${name};`, place));
  }
}

/** The type in a column of its own, then the name. */
function alignType(part: LayoutMember, depth: number): string {
  const name = /^(.*[ *])([^ *]+)$/.exec(part.text);
  return name === null ? part.text : `${(name[1] ?? '').trimEnd().padEnd(34 - depth * 8)} ${name[2] ?? ''}`;
}

function placeText(part: LayoutMember): string {
  const size = part.size === undefined ? '  ...' : String(part.size).padStart(5);
  const offset = part.offset === undefined ? '    ?' : String(part.offset).padStart(5);
  const notes = [...(part.reserved ? ['reserved'] : []), ...(part.variable ? ['variable'] : [])];
  const note = notes.length === 0 ? '' : ` ${notes.join(', ')}`;
  return part.bitOffset === undefined
    ? `/* ${offset} ${size}${note} */`
    : `/* ${offset}:${String(part.bitOffset).padStart(2)} ${String(part.size ?? '').padStart(2)}${note} */`;
}

/** Sums over a struct: what its members take, and what lies between them. */
export interface LayoutSums {
  readonly members: number;
  /** Bytes of members that are not bit-fields, and bits of those that are. */
  readonly memberBytes: number;
  readonly memberBits: number;
  readonly holes: number;
  readonly holeBytes: number;
  readonly bitHoles: number;
  readonly holeBits: number;
  /** Bytes and bits at the end. */
  readonly padding: number;
  readonly bitPadding: number;
}

export function sumsOf(layout: Layout): LayoutSums {
  const members = layout.parts.filter((part) => part.part === 'member');
  const holes = layout.parts.filter((part) => part.part === 'hole' && !part.padding) as LayoutHole[];
  const padding = layout.parts.find((part) => part.part === 'hole' && part.padding) as LayoutHole | undefined;
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  return {
    members: members.length,
    memberBytes: sum(members.map((part) => (part.bitSize === undefined ? (part.size ?? 0) : 0))),
    memberBits: sum(members.map((part) => part.bitSize ?? 0)),
    holes: holes.filter((hole) => hole.size > 0).length,
    holeBytes: sum(holes.map((hole) => hole.size)),
    bitHoles: holes.filter((hole) => hole.bits > 0).length,
    holeBits: sum(holes.map((hole) => hole.bits)),
    padding: padding?.size ?? 0,
    bitPadding: padding?.bits ?? 0,
  };
}

function summary(layout: Layout, cacheline: number): string[] {
  const sums = sumsOf(layout);
  const { size } = layout;
  const lines = [
    `size: ${size ?? 'variable'}${size === undefined || cacheline === 0 ? '' : `, cachelines: ${Math.ceil(size / cacheline)}`}, members: ${sums.members}`,
  ];
  if (layout.kind === 'struct') {
    const gaps = sums.holes + sums.bitHoles > 0 || sums.memberBits > 0;
    if (gaps)
      lines.push(
        `sum members: ${sums.memberBytes}${sums.holes === 0 ? '' : `, holes: ${sums.holes}, sum holes: ${sums.holeBytes}`}`,
      );
    if (sums.memberBits > 0)
      lines.push(
        `sum bitfield members: ${sums.memberBits} bits${sums.bitHoles === 0 ? '' : `, bit holes: ${sums.bitHoles}, sum bit holes: ${sums.holeBits} bits`}`,
      );
    if (sums.padding > 0) lines.push(`padding: ${sums.padding}`);
    if (sums.bitPadding > 0) lines.push(`bit_padding: ${sums.bitPadding} bits`);
  }
  if (size !== undefined && cacheline > 0 && size % cacheline !== 0)
    lines.push(`last cacheline: ${size % cacheline} bytes`);
  return lines.map((line) => `\t/* ${line} */`);
}

// --- two machines side by side -----------------------------------------------------------------------------

/** One member on two machines. Undefined where it has no place that is known without the data. */
export interface LayoutRow {
  readonly path: string;
  readonly type: string;
  readonly a: string;
  readonly b: string;
  readonly differs: boolean;
}

/**
 * The members of two layouts by their paths, with the inner ones, in the order of the first. Lines without a
 * path are what is empty behind the member before, and at last the whole.
 */
export function compareLayouts(a: Layout, b: Layout): LayoutRow[] {
  const left = membersByPath(a);
  const right = membersByPath(b);
  const holes = [holesByPath(a), holesByPath(b)] as const;
  const rows: LayoutRow[] = [];
  const add = (path: string, type: string, textA: string, textB: string): void => {
    rows.push({ path, type, a: textA, b: textB, differs: textA !== textB });
  };
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const one = left.get(path);
    const other = right.get(path);
    const [textA = '-', textB = '-'] = [one, other].map((part) =>
      part === undefined ? '-' : shortPlace(part),
    );
    add(path, (one ?? other)?.type ?? '', textA, textB);
    // One line for what is empty behind the member on either machine; it may be a hole here and padding there.
    const [holeA, holeB] = [holes[0].get(path), holes[1].get(path)];
    if (holeA === undefined && holeB === undefined) continue;
    const padding = (holeA ?? holeB)?.padding === true;
    add('', padding ? '(padding)' : '(hole)', holePlace(holeA), holePlace(holeB));
  }
  const sizes = [a, b].map((layout) => `${layout.size ?? 'variable'}, aligned ${layout.align}`);
  const [sizeA = '', sizeB = ''] = sizes;
  rows.push({ path: '', type: `${a.kind} ${a.name}`, a: sizeA, b: sizeB, differs: sizeA !== sizeB });
  return rows;
}

/** Two layouts in columns, `offset size` each; a `*` marks the lines that differ, the last is the whole. */
export function sideBySide(a: Layout, b: Layout, names: { a?: string; b?: string } = {}): string {
  const rows = compareLayouts(a, b).map((row) => [
    row.differs ? '*' : ' ',
    row.path === '' ? row.type : row.path,
    row.path === '' ? '' : row.type,
    row.a,
    row.b,
  ]);
  const table = [[' ', 'member', 'type', names.a ?? 'first', names.b ?? 'second'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function holePlace(hole: LayoutHole | undefined): string {
  if (hole === undefined) return '-';
  const offset = hole.offset ?? '?';
  if (hole.size === 0) return `${offset} ${hole.bits} bits`;
  return hole.bits === 0 ? `${offset} ${hole.size}` : `${offset} ${hole.size}, ${hole.bits} bits`;
}

/** What is empty behind each member, by the member's path. */
function holesByPath(layout: Layout): Map<string, LayoutHole> {
  const all = new Map<string, LayoutHole>();
  let before = '';
  for (const part of layout.parts) {
    if (part.part === 'hole') {
      if (before !== '') all.set(before, part);
      continue;
    }
    if (!part.anonymous) before = part.path;
    if (part.inside === undefined) continue;
    for (const [path, hole] of holesByPath(part.inside)) all.set(path, hole);
    if (part.anonymous) before = [...membersByPath(part.inside).keys()].at(-1) ?? before;
  }
  return all;
}

function shortPlace(part: LayoutMember): string {
  const offset = part.offset ?? '?';
  return part.bitOffset === undefined
    ? `${offset} ${part.size ?? 'variable'}`
    : `${offset}:${part.bitOffset} ${part.bitSize} bits`;
}

/** Every member with a name, outer ones before what they hold. */
export function membersByPath(layout: Layout): Map<string, LayoutMember> {
  const all = new Map<string, LayoutMember>();
  for (const part of layout.parts) {
    if (part.part === 'hole') continue;
    if (!part.anonymous) all.set(part.path, part);
    if (part.inside !== undefined)
      for (const [path, inner] of membersByPath(part.inside)) all.set(path, inner);
  }
  return all;
}
