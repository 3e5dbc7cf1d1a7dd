/** The canonical encoding: padding, reserved bits and unused bytes zero, derived fields as they follow. */
import { type BytesLike, byteArray, dataView, isBytes, toHex } from './bytes.js';
import { type DecodeOptions, decode, observe } from './decode.js';
import { encode } from './encode.js';
import { fail, type Path } from './error.js';
import type { FieldPlan, Gap, Plan } from './plan.js';
import type { Observer } from './read.js';
import type { InputOf, Schema, ValueOf } from './schema.js';

export interface Canonical<V> {
  readonly bytes: Uint8Array;
  /** What `bytes` decode to. */
  readonly value: V;
  /** What the input had and `bytes` have not. */
  readonly dropped: readonly Dropped[];
}
export interface Dropped {
  /** Of the field, or of the struct whose padding it was. */
  readonly path: Path;
  /** In the input, or in what encoding the value gives, in bytes. */
  readonly offset: number;
  /** In hexadecimal. Bits that were not dropped read as zero. */
  readonly bytes: string;
  /** What it was. */
  readonly what: 'padding' | 'reserved' | 'tail' | 'derived';
}

/**
 * Encodes canonically what bytes, or a value with what is kept beside it, say; and tells what that drops.
 * Derived fields that are wrong in the input are computed anew. Encoding the result again changes nothing.
 *
 * @throws whatever decode throws for the bytes, but not `derived-mismatch`, unless there are
 * more than 10,000; whatever encode throws for the value.
 */
export function canonical<S extends Schema>(
  schema: S,
  input: BytesLike | InputOf<S>,
  options: DecodeOptions = {},
): Canonical<ValueOf<S>> {
  // Encoding follows no pointers.
  const { memory: _, ...writeOptions } = options;
  const view = isBytes(input)
    ? dataView(input)
    : dataView(encode(schema, input, { ...writeOptions, derived: 'keep' }));
  const collector = new Collector(view);
  // The ABI of a value is found in its bytes, where its hints are.
  const { value, problems, unlisted, size, abi } = observe(schema, view, options, collector);
  const wrong = problems.filter((problem) => problem.code !== 'derived-mismatch');
  // Of what is not listed nobody knows whether it is only a derived field.
  const [first] = unlisted > 0 ? problems : wrong;
  if (first !== undefined) throw first;
  if (size !== view.byteLength)
    fail('trailing-bytes', `${view.byteLength - size} bytes are left over`, { offset: size, input: view });
  const known = abi === undefined ? writeOptions : { ...writeOptions, abi };
  // Nothing but derived fields can be wrong by now, so the value has the schema's shape.
  const bytes = encode(schema, value as InputOf<S>, { ...known, canonical: true });
  for (const { path, offset = 0 } of problems)
    collector.drop(path, offset, collector.derived.get(offset) ?? '', 'derived');
  return {
    bytes,
    value: decode(schema, bytes, options),
    dropped: collector.dropped.sort((a, b) => a.offset - b.offset),
  };
}

class Collector implements Observer {
  readonly dropped: Dropped[] = [];
  /** What derived fields held, by their offsets. */
  readonly derived = new Map<number, string>();
  private unions = 0;
  private readonly input: DataView;

  constructor(input: DataView) {
    this.input = input;
  }
  drop(path: Path, offset: number, bytes: string, what: Dropped['what']): void {
    this.dropped.push({ path: [...path], offset, bytes, what });
  }
  enter(plan: Plan): void {
    if (plan.kind === 'union' || plan.kind === 'tagged') this.unions++;
  }
  leave(plan: Plan): void {
    if (plan.kind === 'union' || plan.kind === 'tagged') this.unions--;
  }
  leaf(_: Plan, field: FieldPlan | undefined, at: number, size: number): void {
    if (field?.derived !== undefined) this.derived.set(at, toHex(byteArray(this.input, at, at + size)));
  }
  // Inside a union the padding of one member may be told by another; the union says what nothing tells.
  gap(gap: Gap, at: number, bits: Uint8Array | undefined, path: Path): void {
    if (bits === undefined || this.unions > 0) return;
    if (gap.reserved) this.drop(path, at, toHex(bits), 'reserved');
    else this.drop(path.slice(0, -1), at, toHex(bits), 'padding');
  }
  tail(plan: Plan, at: number, _: number, bytes: Uint8Array | undefined, path: Path): void {
    const own = plan.kind === 'union' || plan.kind === 'tagged' ? 1 : 0;
    if (bytes !== undefined && this.unions === own) this.drop(path, at, toHex(bytes), 'tail');
  }
}
