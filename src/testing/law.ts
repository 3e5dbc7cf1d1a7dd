/** What laws are made of: cases for each machine, and comparing what the codec does with them. */
import fc from 'fast-check';
import { ABI, ABI_NAMES } from '../codec/abi.js';
import { toHex } from '../codec/bytes.js';
import { encode } from '../codec/encode.js';
import { type CarryoverError, isCarryoverError } from '../codec/error.js';
import { type Plan, planOf } from '../codec/plan.js';
import type { Params } from '../codec/refs.js';
import type { InputOf, Schema } from '../codec/schema.js';
import { makeBytes } from './bytes.js';
import { type Draw, fromChoices } from './choices.js';

export interface LawOptions {
  readonly schema: Schema;
  /** The machines to try; every preset on which the schema lays out, unless told otherwise. */
  readonly abis?: readonly ABI[];
  /** Values for references that no field answers. */
  readonly params?: Params;
  /** Cases to try, 100 unless told otherwise. */
  readonly runs?: number;
  /** Where the random cases begin; the same seed gives the same cases. */
  readonly seed?: number;
}

/** The options that every call of the codec is given, and the name of the machine for messages. */
export interface Machine {
  readonly abi: ABI | undefined;
  readonly given: { readonly abi?: ABI; readonly params?: Params };
  readonly plan: Plan;
}

/** Machines on which the schema lays out. */
export function machinesOf({ schema, abis, params }: LawOptions): [Machine, ...Machine[]] {
  const machines: Machine[] = [];
  let refusal: unknown;
  for (const abi of abis ?? ABI_NAMES.map((name) => ABI[name])) {
    try {
      machines.push({ abi, given: { abi, ...(params && { params }) }, plan: planOf(schema, abi) });
    } catch (error) {
      if (!isCarryoverError(error)) throw error;
      refusal = error;
    }
  }
  const [one, ...more] = machines;
  if (one === undefined) throw new Error('the schema lays out on no machine', { cause: refusal });
  return [one, ...more];
}

/** Runs a law over cases that `make` makes for one of the machines. */
export function over<T>(
  options: LawOptions,
  make: (draw: Draw, machine: Machine) => T,
  show: (made: T) => string,
  holds: (made: T, machine: Machine) => void,
): void {
  const machines = machinesOf(options);
  const cases = fromChoices((draw) => {
    const machine = draw.pick(machines);
    return new Case(machine, make(draw, machine), show);
  });
  fc.assert(
    fc.property(cases, ({ machine, made }) => holds(made, machine)),
    {
      numRuns: options.runs ?? 100,
      includeErrorInReport: true,
      ...(options.seed !== undefined && { seed: options.seed }),
    },
  );
}

/** A case that says what it is in fast-check's report. */
export class Case<T> {
  readonly machine: Machine;
  readonly made: T;
  private readonly show: (made: T) => string;

  constructor(machine: Machine, made: T, show: (made: T) => string) {
    this.machine = machine;
    this.made = made;
    this.show = show;
  }
  [fc.toStringMethod](): string {
    return `${this.show(this.made)} on ${this.machine.abi?.name ?? 'any machine'}`;
  }
}

export const showBytes = (bytes: Uint8Array): string => `the bytes ${toHex(bytes) || '(none)'}`;
export const showValue = (value: unknown): string => `the value ${fc.stringify(value)}`;

export function broken(law: string, what: string): never {
  throw new Error(`${law}: ${what}`);
}
/** Encodes what came out of decode, or was made for the schema. */
export function encodeAny(
  schema: Schema,
  value: unknown,
  given: Machine['given'] & { canonical?: boolean },
): Uint8Array {
  // Whether the value is one of this schema is what encode checks.
  return encode(schema, value as InputOf<Schema>, given);
}
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Random bytes, or an encoding with a few bytes changed, cut off, added or moved. */
export function anyBytes(schema: Schema, draw: Draw, given: Machine['given']): Uint8Array {
  if (draw.once(4)) return draw.bytes(draw.below(draw.once(4) ? 300 : 40));
  const valid = makeBytes(schema, draw, given);
  const bytes = [...valid];
  for (let changes = draw.below(4); changes > 0; changes--) {
    const at = draw.below(bytes.length + 1);
    switch (draw.below(5)) {
      case 0:
        bytes.splice(at, 1, draw.pick([0xff, 0, 0x80, 0x7f, 1]));
        break;
      case 1:
        bytes.splice(at, 1, (bytes[at] ?? 0) ^ (1 << draw.below(8)));
        break;
      case 2:
        bytes.splice(at, 1 + draw.below(4));
        break;
      case 3:
        bytes.splice(at, 0, ...draw.bytes(1 + draw.below(4)));
        break;
      default:
        bytes.splice(at, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);
    }
  }
  return Uint8Array.from(bytes);
}

/** What it gives, or the error; whatever else is thrown breaks the law. */
export function attempt<T>(run: () => T): { value: T } | { error: CarryoverError } {
  try {
    return { value: run() };
  } catch (error) {
    if (isCarryoverError(error)) return { error };
    throw error;
  }
}
