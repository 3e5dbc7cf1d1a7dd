/** Types of other libraries inside a schema: they are asked for values and bytes, and believed. */
import { byteArray } from './bytes.js';
import { CarryoverError, counted, type ErrorDetails, fail, isCarryoverError } from './error.js';
import type { PlanOf } from './plan.js';

/** Where the foreign type stands, for its errors. */
type Place = Pick<ErrorDetails, 'path' | 'offset' | 'input' | 'because'>;

export interface ForeignResult {
  readonly value: unknown;
  /** Bytes that the value takes; not checked against what is there. */
  readonly size: number;
  /** What a lenient decode found wrong. */
  readonly problems: readonly CarryoverError[];
}

/**
 * Asks the type for the value at an offset of the input, which it sees up to `end`. A lenient decode asks for
 * as much as there is, if the type can do that.
 *
 * @throws `foreign-failed`; and where the type throws a CarryoverError, one of the same code, under its path.
 */
export function decodeForeign(
  plan: PlanOf<'foreign'>,
  input: DataView,
  at: number,
  end: number,
  lenient: boolean,
  place: Place,
): ForeignResult {
  const { foreign } = plan;
  const bytes = byteArray(input, 0, end);
  const where: Place = { offset: at, input, ...place };
  const { value, size, problems } = asking(foreign.name, where, (): ForeignResult => {
    const all = lenient ? foreign.decodeLenient?.(bytes, at) : undefined;
    return { problems: [], ...(all ?? foreign.decode(bytes, at)) };
  });
  if (!Number.isSafeInteger(size) || size < (problems.length > 0 ? 0 : plan.minSize))
    fail('foreign-failed', `the type ${foreign.name} says that it takes ${size} bytes`, where);
  return { value, size, problems: problems.map((problem) => within(problem, where)) };
}

/** Asks the type for the bytes of a value. */
export function encodeForeign(plan: PlanOf<'foreign'>, value: unknown, place: Place): Uint8Array {
  const { name } = plan.foreign;
  const bytes: unknown = asking(name, place, () => plan.foreign.encode(value));
  if (!(bytes instanceof Uint8Array))
    fail('foreign-failed', `the type ${name} wrote no Uint8Array`, { ...place, found: typeof bytes });
  if (plan.size !== undefined && bytes.length !== plan.size)
    fail(
      'foreign-failed',
      `the type ${name} wrote ${counted(bytes.length, 'byte')}, not ${plan.size}`,
      place,
    );
  return bytes;
}

function asking<T>(name: string, place: Place, ask: () => T): T {
  try {
    return ask();
  } catch (cause) {
    if (isCarryoverError(cause)) throw within(cause, place);
    return fail('foreign-failed', `the type ${name} threw: ${String(cause)}`, { ...place, cause });
  }
}

/** An error of the type's own codec, as one of the schema that the type stands in. */
function within(error: CarryoverError, { path = [], offset, input, because = [] }: Place): CarryoverError {
  const at = error.offset ?? offset;
  return new CarryoverError(error.code, error.reason, {
    path: [...path, ...error.path],
    ...(at === undefined ? {} : { offset: at }),
    ...(error.bit === undefined ? {} : { bit: error.bit }),
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.found === undefined ? {} : { found: error.found }),
    because: [...because, ...error.because],
    ...(input === undefined ? {} : { input }),
    cause: error,
  });
}
