/** Every byte of an input, told what it is: what annotated dumps are made of. */
import { type BytesLike, byteArray, dataView, firstNonZero } from './bytes.js';
import { type DecodeOptions, observe } from './decode.js';
import { bytesText, typeText, valueText } from './describe.js';
import type { CarryoverError, Path } from './error.js';
import { bitsOf, type Gap, type Plan } from './plan.js';
import type { Schema } from './schema.js';

export interface Annotation {
  /** In bytes from the start of the input. */
  readonly offset: number;
  /** For less than whole bytes: the first bit, counted in the bit order from `offset`, and how many. */
  readonly bit?: number;
  readonly bits?: number;
  /** Bytes that it touches. 0 for what is missing altogether. */
  readonly size: number;
  /** Field names and element indices, from the outside in. */
  readonly path: Path;
  /**
   * - `field`: a value;
   * - `padding`: what the compiler leaves, also in bits;
   * - `reserved`: a field that must be zero;
   * - `tail`: after a text's NUL, after a union's member, at the end of a block;
   * - `trailing`: after the value, or after what could be read of it;
   * - `missing`: a field that the input has not, or only a part of.
   */
  readonly kind: AnnotationKind;
  /** The type in C: `u32`, `char[16]`, `u32:3`; empty where there is none. */
  readonly type: string;
  /** The value in a line, for people. */
  readonly text: string;
  /** Another view of bytes that an annotation before it tells: a further member of a union. */
  readonly overlap: boolean;
}
export type AnnotationKind = 'field' | 'padding' | 'reserved' | 'tail' | 'trailing' | 'missing';

export interface AnnotateOptions extends DecodeOptions {
  /** Where the value begins in the input. What is before is not annotated. */
  readonly offset?: number;
}

/**
 * Annotates an input, whatever it holds: never throws for what is in the bytes. Those that are not `overlap`
 * cover each bit from `options.offset` to the end exactly once, in order; the others follow what they overlap.
 *
 * @throws `abi-required`, `schema-invalid` for a schema that cannot be laid out.
 */
export function annotate(schema: Schema, bytes: BytesLike, options: AnnotateOptions = {}): Annotation[] {
  const view = dataView(bytes);
  const begin = options.offset ?? 0;
  const collector = new Collector();
  const { problems, size } = observe(schema, view, options, collector);
  return complete(collector, view, begin, begin + size, problems);
}

/** An annotation with its place in bits. */
interface Placed {
  readonly from: number;
  readonly to: number;
  readonly annotation: Annotation;
}

class Collector {
  readonly placed: Placed[] = [];
  /** Outermost unions, as ranges of bits, in order. */
  readonly unions: { readonly from: number; readonly to: number; readonly path: Path }[] = [];
  /** The unions around what is being read, and which of their members that is. */
  private readonly around: { member: number }[] = [];
  private get overlaps(): boolean {
    return this.around.some(({ member }) => member > 0);
  }
  private put(from: number, to: number, path: Path, kind: AnnotationKind, type: string, text: string): void {
    if (to <= from) return;
    this.placed.push({
      from,
      to,
      annotation: { ...placeOf(from, to), path: [...path], kind, type, text, overlap: this.overlaps },
    });
  }

  enter(plan: Plan, at: number, path: Path): void {
    if (plan.kind !== 'union' && plan.kind !== 'tagged') return;
    const last = this.unions[this.unions.length - 1];
    if (last === undefined || last.to <= at * 8)
      this.unions.push({ from: at * 8, to: (at + plan.size) * 8, path: [...path] });
    if (plan.kind === 'union') this.around.push({ member: 0 });
  }
  member(_: Plan, index: number): void {
    const innermost = this.around[this.around.length - 1];
    if (innermost !== undefined) innermost.member = index;
  }
  leave(plan: Plan): void {
    if (plan.kind === 'union') this.around.pop();
  }
  leaf(plan: Plan, _: unknown, at: number, size: number, value: unknown, path: Path): void {
    const from = plan.kind === 'bits' ? at * 8 + plan.shift : at * 8;
    const to = plan.kind === 'bits' ? from + plan.width : (at + size) * 8;
    this.put(from, to, path, 'field', typeText(plan.schema), valueText(plan, value));
  }
  gap(gap: Gap, at: number, bits: Uint8Array | undefined, path: Path): void {
    const { from, to } = bitsOf(at, { ...gap, offset: 0 });
    // The path of padding is that of the struct: it has no name of its own.
    const owner = gap.reserved ? path : path.slice(0, -1);
    this.put(from, to, owner, gap.reserved ? 'reserved' : 'padding', '', tailText(bits));
  }
  tail(plan: Plan, at: number, size: number, bytes: Uint8Array | undefined, path: Path): void {
    // What a union's member leaves is found as what nothing else tells.
    if (plan.kind === 'union' || plan.kind === 'tagged') return;
    this.put(at * 8, (at + size) * 8, path, 'tail', '', tailText(bytes));
  }
}

function tailText(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? 'zero' : `not zero: ${bytesText(bytes)}`;
}

function placeOf(from: number, to: number): { offset: number; size: number; bit?: number; bits?: number } {
  const offset = Math.floor(from / 8);
  const size = Math.ceil(to / 8) - offset;
  const whole = from % 8 === 0 && to % 8 === 0;
  return whole ? { offset, size } : { offset, size, bit: from - offset * 8, bits: to - from };
}

/** Puts what was found in order, and tells what no event told. */
function complete(
  { placed, unions }: Collector,
  view: DataView,
  begin: number,
  understood: number,
  problems: readonly CarryoverError[],
): Annotation[] {
  const stop = problems.find((problem) => problem.code === 'truncated' || problem.code === 'count-limit');
  const end = view.byteLength * 8;
  const told = placed.filter((one) => !one.annotation.overlap).sort((a, b) => a.from - b.from || a.to - b.to);
  const over = placed.filter((one) => one.annotation.overlap).sort((a, b) => a.from - b.from);
  const out: Annotation[] = [];
  let bit = begin * 8;
  let next = 0;
  let union = 0;
  const flush = (before: number): void => {
    for (; next < over.length && (over[next]?.from ?? 0) < before; next++) {
      const one = over[next];
      if (one !== undefined) out.push(one.annotation);
    }
  };
  const fill = (to: number): void => {
    while (bit < to) {
      while (union < unions.length && (unions[union]?.to ?? 0) <= bit) union++;
      const near = unions[union];
      const around = near !== undefined && near.from <= bit ? near : undefined;
      const edge = Math.min(to, around?.to ?? near?.from ?? to, bit < understood * 8 ? understood * 8 : to);
      out.push(unknown(view, bit, edge, around?.path, edge <= understood * 8, stop));
      flush(edge);
      bit = edge;
    }
  };
  for (const { from, to, annotation } of told) {
    // Bits that were told already: nothing does that but a mistake in here, and it must not repeat bytes.
    if (from < bit) continue;
    fill(from);
    out.push(annotation);
    bit = to;
    flush(bit);
  }
  fill(end);
  flush(Number.POSITIVE_INFINITY);
  for (const problem of problems)
    if (problem.code === 'truncated' && (problem.offset ?? 0) >= view.byteLength)
      out.push({
        offset: view.byteLength,
        size: 0,
        path: problem.path,
        kind: 'missing',
        type: '',
        text: problem.reason,
        overlap: false,
      });
  return out;
}

function unknown(
  view: DataView,
  from: number,
  to: number,
  union: Path | undefined,
  within: boolean,
  stop: CarryoverError | undefined,
): Annotation {
  const bytes = byteArray(view, from >> 3, Math.ceil(to / 8));
  const common = { ...placeOf(from, to), type: '', overlap: false };
  const text = tailText(firstNonZero(bytes, 0, bytes.length) < 0 ? undefined : bytes);
  if (union !== undefined) return { ...common, path: union, kind: 'tail', text };
  if (within) return { ...common, path: [], kind: 'padding', text };
  if (stop?.offset !== undefined && stop.offset * 8 <= from)
    return { ...common, path: stop.path, kind: 'missing', text: `${stop.reason}: ${bytesText(bytes)}` };
  return { ...common, path: [], kind: 'trailing', text: bytesText(bytes) };
}
