/**
 * Negotiation: finding in the data which machine wrote it. Runs the probes of a negotiated header in the
 * order in which they are declared, and says of each what it found and what follows.
 */
import { ABI, ABI_NAMES, type ABIParts, type ABI as ABIType, withParts } from './abi.js';
import { type BytesLike, dataView, readBig } from './bytes.js';
import { CarryoverError, counted, fail, hexOffset, type Path } from './error.js';
import { type FieldPlan, planOf } from './plan.js';
import { readBitField } from './read.js';
import type { Negotiated, ProbedPart, Probes, Schema } from './schema.js';

/** What one probe found. */
export interface ProbeStep {
  readonly part: ProbedPart;
  readonly field: string;
  readonly offset: number;
  /** The value read, in hexadecimal. */
  readonly found: string;
  readonly chosen: string | number;
  /** A sentence: `big-endian, because magic reads b1bb1d1b0bb1d1b0 in byte order`. */
  readonly because: string;
}

export interface Negotiation {
  readonly abi: ABIType;
  readonly steps: readonly ProbeStep[];
  /** Presets that fit all that was found; the first is the one chosen. Others lay out some structs otherwise. */
  readonly candidates: readonly string[];
}

/** The negotiated header that decides for a schema: the schema itself, or the first field of its first field. */
export function negotiatedPart(schema: Schema): Negotiated | undefined {
  return headerOf(schema)?.header;
}

/** The same with its path. */
function headerOf(schema: Schema): { header: Negotiated; path: Path } | undefined {
  const path: string[] = [];
  let type: Schema | undefined = schema;
  while (type !== undefined) {
    if (type.kind === 'negotiated') return { header: type, path };
    if (type.kind === 'attributed' || type.kind === 'block') {
      type = type.type;
      continue;
    }
    if (type.kind !== 'struct') return undefined;
    const [first]: [string, Schema][] = Object.entries(type.fields);
    if (first !== undefined) path.push(first[0]);
    type = first?.[1];
  }
  return undefined;
}

/**
 * Finds the ABI of a negotiated schema in its bytes.
 *
 * @throws `negotiation-failed` at the field whose probe decides nothing; `truncated`.
 */
export function negotiate(schema: Schema, bytes: BytesLike, offset = 0): Negotiation {
  const found = headerOf(schema);
  if (found === undefined) fail('schema-invalid', 'the schema does not begin with a negotiated header');
  const view = dataView(bytes);
  if (!Number.isSafeInteger(offset) || offset < 0)
    fail('truncated', `the input has no byte at offset ${offset}`);
  const parts: { -readonly [P in keyof ABIParts]?: ABIParts[P] } = {};
  const steps: ProbeStep[] = [];
  for (const part of Object.keys(found.header.probes) as ProbedPart[]) {
    const step = probe(found.header, part, parts, view, offset, steps, found.path);
    steps.push(step);
  }
  const candidates = ABI_NAMES.filter((name) => fits(ABI[name], parts, true));
  const near = candidates.length > 0 ? candidates : ABI_NAMES.filter((name) => fits(ABI[name], parts, false));
  const base = ABI[near[0] ?? 'x86_64'];
  const differing = (Object.keys(parts) as (keyof ABIParts)[]).filter((part) => parts[part] !== base[part]);
  const abi =
    differing.length === 0
      ? base
      : withParts(base, Object.fromEntries(differing.map((part) => [part, parts[part]])));
  return { abi, steps, candidates: near };
}

/** `exactly` asks for all parts; else byte order and pointer size do, and the others are set. */
function fits(abi: ABIType, parts: Partial<ABIParts>, exactly: boolean): boolean {
  const wanted = (Object.keys(parts) as (keyof ABIParts)[]).filter(
    (part) => part !== 'name' && (exactly || part === 'endian' || part === 'pointerSize'),
  );
  return wanted.every((part) => abi[part] === parts[part]);
}

function probe(
  header: Negotiated,
  part: ProbedPart,
  parts: { -readonly [P in keyof ABIParts]?: ABIParts[P] },
  view: DataView,
  offset: number,
  steps: readonly ProbeStep[],
  path: Path,
): ProbeStep {
  const given = header.probes[part] as NonNullable<Probes[ProbedPart]>;
  const { field } = given;
  const readAs = (endian: 'little' | 'big'): Found =>
    readField(header, field, { ...parts, endian }, view, offset, path);
  const failed = (expected: string, found: Found): never => {
    throw new CarryoverError(
      'negotiation-failed',
      `this does not tell the ${part === 'endian' ? 'byte order' : `size of ${PART_NAMES[part]}`}`,
      {
        path: [...path, field],
        offset: found.at,
        ...(found.bit === undefined ? {} : { bit: found.bit }),
        length: found.size,
        expected,
        found: found.text,
        because: steps.map((step) => step.because),
        input: view,
      },
    );
  };

  if (given.probe === 'field') {
    const found = readAs(parts.endian ?? 'little');
    const value = Number(found.value);
    if (!given.allowed.includes(value)) failed(`one of ${given.allowed.join(', ')}`, found);
    if (part === 'pointerSize' || part === 'longSize' || part === 'timeSize') {
      if (value !== 4 && value !== 8) failed('4 or 8', found);
      parts[part] = value === 4 ? 4 : 8;
    } else if (part === 'pageSize') parts.pageSize = value;
    return step(
      part,
      field,
      found,
      value,
      `${PART_NAMES[part]} of ${counted(value, 'byte')}, because ${field} is ${value}`,
    );
  }
  const wanted = (endian: 'little' | 'big'): bigint =>
    BigInt(given.probe === 'magic' ? given.value : given[endian]);
  for (const endian of ['little', 'big'] as const) {
    const found = readAs(endian);
    if (found.value !== wanted(endian)) continue;
    parts.endian = endian;
    return step(
      part,
      field,
      found,
      endian,
      `${endian}-endian, because ${field} reads ${found.text} in ${endian === 'big' ? 'byte order' : 'reversed byte order'}`,
    );
  }
  return failed(`0x${wanted('little').toString(16)} in either byte order`, readAs('big'));
}

const PART_NAMES: Record<ProbedPart, string> = {
  endian: 'byte order',
  pointerSize: 'pointers',
  longSize: 'long',
  timeSize: 'time_t',
  pageSize: 'pages',
};

function step(
  part: ProbedPart,
  field: string,
  found: { text: string; at: number },
  chosen: string | number,
  because: string,
): ProbeStep {
  return { part, field, offset: found.at, found: found.text, chosen, because };
}

/** What a probe read, and where. */
interface Found {
  readonly value: bigint;
  readonly text: string;
  readonly at: number;
  readonly size: number;
  readonly bit?: number;
}

function readField(
  header: Negotiated,
  field: string,
  parts: Partial<ABIParts>,
  view: DataView,
  offset: number,
  path: Path,
): Found {
  const { name: _, ...known } = parts;
  const plan = planOf(header, withParts(ABI.x86_64, known));
  const first = plan.kind === 'struct' ? plan.segments[0] : undefined;
  const place = first?.items.find((item): item is FieldPlan => item.item === 'field' && item.key === field);
  if (place === undefined || (place.plan.kind !== 'int' && place.plan.kind !== 'bits'))
    throw new CarryoverError(
      'schema-invalid',
      `${field} cannot be probed: it is not an integer at a fixed offset`,
      { path: [field] },
    );
  const at = offset + place.offset;
  const { size } = place.plan;
  if (at + size > view.byteLength)
    throw new CarryoverError(
      'truncated',
      `needs ${counted(size, 'byte')} to find the ABI, but the input ends before that`,
      {
        path: [...path, field],
        offset: at,
        length: Math.max(0, view.byteLength - at),
        expected: counted(size, 'byte'),
        found: `the input ends at ${hexOffset(view.byteLength)}`,
        input: view,
      },
    );
  const { plan: type } = place;
  const width = type.kind === 'bits' ? type.width : size * 8;
  const value =
    type.kind === 'int'
      ? readBig(view, at, type.size, type.signed, type.little)
      : BigInt(readBitField(type, view, at));
  return {
    value,
    text: `0x${BigInt.asUintN(width, value)
      .toString(16)
      .padStart(Math.ceil(width / 4), '0')}`,
    at,
    size,
    ...(type.kind === 'bits' ? { bit: type.shift } : {}),
  };
}

const remembered = new WeakMap<object, ABIType>();

/** Notes the ABI that was found for a decoded value, so that encoding it needs none. */
export function rememberABI(value: unknown, abi: ABIType): void {
  if (typeof value === 'object' && value !== null) remembered.set(value, abi);
}
/** The ABI that decode found for this value. */
export function abiOf(value: unknown): ABIType | undefined {
  return typeof value === 'object' && value !== null ? remembered.get(value) : undefined;
}
