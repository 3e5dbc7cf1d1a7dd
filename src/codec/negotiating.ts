/**
 * Negotiation for many: the ABI of each header is found by comparing the bytes that its probes read with those
 * of headers seen before, which costs some nanoseconds. Only what was never seen goes through `negotiate`.
 */
import { ABI, type ABIParts, withParts } from './abi.js';
import { writeSmall } from './bytes.js';
import type { Compiled } from './compiled.js';
import { fail } from './error.js';
import { negotiate, negotiatedPart, type ProbeStep } from './negotiate.js';
import { type FieldPlan, planOf } from './plan.js';
import type { Negotiated, ProbedPart, Schema } from './schema.js';
import { checkOffset } from './size.js';

/** A schema that tells its ABI, with an engine for each ABI that was met. */
export interface Negotiating<S extends Schema> {
  readonly schema: S;
  /**
   * The engine for what the header at this offset tells; its `abi` says what that is. The same header gives
   * the same engine.
   *
   * @throws `negotiation-failed` at the field whose probe decides nothing; `truncated`.
   */
  at(view: DataView, offset: number): Compiled<S>;
}

/** What probes read in one header, and the engine that it led to. */
interface Seen<S extends Schema> {
  readonly parts: readonly Part[];
  readonly engine: Compiled<S>;
  /** How many bytes have to be there for the comparison. */
  readonly size: number;
}
/** Some bits of a 32-bit word, at an offset from the header's start. */
export interface Part {
  readonly offset: number;
  readonly mask: number;
  readonly bits: number;
}

/** More combinations than a header can tell in earnest; the oldest give way. */
const MOST = 16;

/**
 * An engine for whatever ABI the data was written on.
 *
 * @param compile Makes the engine for one ABI, when it is first met: `interpreted`, `jit`, or a choice among
 * those of a module that was generated ahead of time.
 * @throws `schema-invalid` if the schema does not begin with a negotiated header.
 * @example
 * const Header = negotiated(struct('header', { magic: u16, size: u16 }), { endian: byMagic('magic', 0xfeed) })
 * const bytes = new DataView(Uint8Array.of(0xfe, 0xed, 0, 7).buffer)
 * const engine = negotiating(Header, interpreted).at(bytes, 0)
 * engine.abi.endian // => 'big'
 * engine.decodeAt(bytes, 0).size // => 7
 */
export function negotiating<S extends Schema>(
  schema: S,
  compile: (schema: S, abi: ABI) => Compiled<S>,
): Negotiating<S> {
  const header = negotiatedPart(schema);
  if (header === undefined) fail('schema-invalid', 'the schema does not begin with a negotiated header');
  const seen: Seen<S>[] = [];
  const engines = new Map<string, Compiled<S>>();

  const find = (view: DataView, offset: number): Compiled<S> => {
    const { abi, steps } = negotiate(schema, view, checkOffset(view, offset));
    const identity = JSON.stringify(abi);
    const engine = engines.get(identity) ?? compile(schema, abi);
    if (engines.size >= MOST) engines.clear();
    engines.set(identity, engine);
    const parts = partsOf(header, abi, steps, view, offset);
    if (parts !== undefined) {
      if (seen.length >= MOST) seen.shift();
      seen.push({ parts, engine, size: Math.max(...parts.map((part) => part.offset)) + 4 });
    }
    return engine;
  };

  return {
    schema,
    at(view, offset) {
      if (Number.isInteger(offset) && offset >= 0)
        for (let i = 0; i < seen.length; i++) {
          const one = seen[i];
          if (one !== undefined && offset + one.size <= view.byteLength && matches(one.parts, view, offset))
            return one.engine;
        }
      return find(view, offset);
    },
  };
}

function matches(parts: readonly Part[], view: DataView, offset: number): boolean {
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (part !== undefined && (view.getInt32(offset + part.offset) & part.mask) !== part.bits) return false;
  }
  return true;
}

/** A machine that a header can tell, and how the probed words look there. */
export interface Machine {
  readonly abi: ABI;
  readonly parts: readonly Part[];
}

/**
 * The machines that a header can tell, from its probes alone: each byte order with each allowed size. None
 * where these are too many, or where the probed words are not to be compared.
 */
export function machinesOf(header: Negotiated): Machine[] {
  let choices: Partial<Record<ProbedPart, string | number>>[] = [{}];
  for (const [part, probe] of Object.entries(header.probes)) {
    const values: readonly (string | number)[] = probe.probe === 'field' ? probe.allowed : ['little', 'big'];
    if (choices.length * values.length > MOST) return [];
    choices = choices.flatMap((chosen) => values.map((value) => ({ ...chosen, [part]: value })));
  }
  return choices.map((chosen) => machineOf(header, chosen)).filter((machine) => machine !== undefined);
}

function machineOf(
  header: Negotiated,
  chosen: Partial<Record<ProbedPart, string | number>>,
): Machine | undefined {
  // A choice has the names and values of the parts that the probes find.
  const plan = planOf(header, withParts(ABI.x86_64, chosen as Partial<ABIParts>));
  const items = plan.kind === 'struct' ? (plan.segments[0]?.items ?? []) : [];
  const view = new DataView(new ArrayBuffer(Math.min(plan.minSize, LONGEST)));
  for (const [part, probe] of Object.entries(header.probes)) {
    const place = items.find((item): item is FieldPlan => item.item === 'field' && item.key === probe.field);
    const value = probe.probe === 'magic' ? probe.value : (chosen[part as ProbedPart] ?? 0);
    const found = probe.probe === 'order' ? probe[chosen.endian === 'big' ? 'big' : 'little'] : value;
    if (place?.plan.kind !== 'int' || typeof found === 'string') return undefined;
    const { size, little } = place.plan;
    if (place.offset + size > view.byteLength) return undefined;
    if (size === 8) view.setBigUint64(place.offset, BigInt.asUintN(64, BigInt(found)), little);
    else writeSmall(view, place.offset, size, little, Number(found));
  }
  const { abi, steps } = negotiate(header, view);
  const parts = partsOf(header, abi, steps, view, 0);
  return parts === undefined ? undefined : { abi, parts };
}

/** Probed fields stand near the start of a header; what comes after so many bytes is not looked at here. */
const LONGEST = 4096;

/**
 * The bytes of the probed fields, as they are in this header. Undefined where they are not to be compared: a
 * bit-field may lie elsewhere in the other byte order, and a field at the very end is not in a whole word.
 */
function partsOf(
  header: Negotiated,
  abi: ABI,
  steps: readonly ProbeStep[],
  view: DataView,
  offset: number,
): Part[] | undefined {
  const parts = steps.map((step) => partsOfStep(header, abi, step, view, offset));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

function partsOfStep(
  header: Negotiated,
  abi: ABI,
  { field, offset: at }: ProbeStep,
  view: DataView,
  offset: number,
): Part[] | undefined {
  const plan = planOf(header, abi);
  const items = plan.kind === 'struct' ? plan.segments[0]?.items : undefined;
  const found = items?.find((item): item is FieldPlan => item.item === 'field' && item.key === field);
  if (found?.plan.kind !== 'int') return undefined;
  const { size } = found.plan;
  const parts: Part[] = [];
  for (let byte = 0; byte < size; byte += 4) {
    if (at + byte + 4 > view.byteLength) return undefined;
    const mask = size - byte >= 4 ? -1 : -1 << (8 * (4 - size));
    parts.push({ offset: at + byte - offset, mask, bits: view.getInt32(at + byte) & mask });
  }
  return parts;
}
