/** Checks that a declaration implies: of bytes, and of values before they are encoded. */
import type { ABI } from './abi.js';
import { type BytesLike, dataView } from './bytes.js';
import type { AnyCode } from './codes.js';
import { type DecodeOptions, observe } from './decode.js';
import { bytesText, enumName, unknownFlags, valueText } from './describe.js';
import type { CarryoverError, Path } from './error.js';
import { abiOf, negotiatedPart } from './negotiate.js';
import { type Gap, type Plan, planOf } from './plan.js';
import type { Observer } from './read.js';
import type { Schema } from './schema.js';
import { type WriteOptions, Writer } from './write.js';

/** Something about bytes that is wrong (`error`), suspicious (`warning`) or only not canonical (`note`). */
export interface Problem {
  readonly severity: 'error' | 'warning' | 'note';
  /** Stable; `explain` has a text for each. */
  readonly code: AnyCode;
  readonly path: Path;
  /** In bytes from the start of the input. */
  readonly offset: number;
  /** For bit-fields: counted in the bit order from `offset`. */
  readonly bit?: number;
  /** A sentence, without the place. */
  readonly message: string;
}

export interface CheckOptions extends DecodeOptions {
  /** Where the value begins in the input. */
  readonly offset?: number;
  /** How many warnings and notes there may be at the most: 1000 if not given. Of errors, the first 10,000 are told. */
  readonly limit?: number;
}

/**
 * Checks bytes against a schema: everything that decode would refuse, and what it lets pass but no sound
 * writer would write. In the order of the input. Inside of unions of which nothing says which member is
 * meant, only decode's own problems are told.
 *
 * @throws `abi-required`, `schema-invalid` for a schema that cannot be laid out.
 */
export function checkBytes(schema: Schema, bytes: BytesLike, options: CheckOptions = {}): Problem[] {
  const view = dataView(bytes);
  const limit = options.limit ?? 1000;
  const found: Problem[] = [];
  const checker = new Checker((problem) => {
    if (found.length < limit) found.push(problem);
  });
  const { value, problems, unlisted, size } = observe(schema, view, options, checker);
  const all = [...problems.map(asProblem), ...found];
  const last = all[problems.length - 1];
  if (unlisted > 0 && last !== undefined)
    all.push({ ...last, message: `${unlisted} further problems are not listed` });
  const end = (options.offset ?? 0) + size;
  // After an error the rest was not looked at; it does not follow the value, of which there may be none.
  if (value !== undefined && end < view.byteLength && !problems.some((problem) => FATAL.has(problem.code)))
    all.push({
      severity: 'warning',
      code: 'trailing-bytes',
      path: [],
      offset: end,
      message: `${view.byteLength - end} bytes follow the value`,
    });
  return all.sort((a, b) => a.offset - b.offset || (a.bit ?? 0) - (b.bit ?? 0));
}

/** Behind these a lenient decode does not go on. */
const FATAL: ReadonlySet<string> = new Set<AnyCode>([
  'truncated',
  'count-limit',
  'version-unknown',
  'reference-missing',
  'foreign-failed',
  'negotiation-failed',
]);

function asProblem(error: CarryoverError): Problem {
  const details = [
    ...(error.expected === undefined ? [] : [`expected ${error.expected}`]),
    ...(error.found === undefined ? [] : [`found ${error.found}`]),
    ...error.because,
  ];
  return {
    severity: 'error',
    // The reader takes its codes from the table.
    code: error.code as AnyCode,
    path: error.path,
    offset: error.offset ?? 0,
    ...(error.bit === undefined ? {} : { bit: error.bit }),
    message: `${error.reason}${details.length === 0 ? '' : ` (${details.join('; ')})`}`,
  };
}

class Checker implements Observer {
  private readonly tell: (problem: Problem) => void;
  /** Depth of unions that nothing tells apart. */
  private unions = 0;

  constructor(tell: (problem: Problem) => void) {
    this.tell = tell;
  }

  enter(plan: Plan): void {
    if (plan.kind === 'union') this.unions++;
  }
  leave(plan: Plan): void {
    if (plan.kind === 'union') this.unions--;
  }
  leaf(plan: Plan, _: unknown, at: number, __: number, value: unknown, path: Path): void {
    if (this.unions > 0 || (plan.kind !== 'int' && plan.kind !== 'bits')) return;
    const { names } = plan;
    if (names === undefined || (typeof value !== 'number' && typeof value !== 'bigint')) return;
    // Nearly every value is known, so that nothing is made for it.
    if (names.kind === 'enum') {
      if (enumName(names, value) === undefined)
        this.tell({
          severity: 'warning',
          code: 'enum-unknown',
          ...placeOf(plan, at, path),
          message: `enum ${names.name} has no member for ${value}`,
        });
      return;
    }
    const unknown = unknownFlags(names, value, plan.kind === 'bits' ? plan.width : plan.size * 8);
    if (unknown !== 0n)
      this.tell({
        severity: 'warning',
        code: 'flags-unknown',
        ...placeOf(plan, at, path),
        message: `${names.name} has no flag for 0x${unknown.toString(16)} of ${valueText(plan, value)}`,
      });
  }
  gap(gap: Gap, at: number, bits: Uint8Array | undefined, path: Path): void {
    if (bits === undefined || this.unions > 0) return;
    this.tell(
      gap.reserved
        ? {
            severity: 'warning',
            code: 'reserved-not-zero',
            path: [...path],
            offset: at,
            message: `the field is reserved and has to be zero, but holds ${bytesText(bits)}`,
          }
        : {
            severity: 'note',
            code: 'padding-not-zero',
            path: path.slice(0, -1),
            offset: at,
            message: `the padding holds ${bytesText(bits)}`,
          },
    );
  }
  tail(plan: Plan, at: number, _: number, bytes: Uint8Array | undefined, path: Path): void {
    if (bytes === undefined || this.unions > 0) return;
    const first = bytes.findIndex((byte) => byte !== 0);
    this.tell({
      severity: 'note',
      code: 'tail-not-zero',
      path: [...path],
      offset: at + Math.max(0, first),
      message: `${TAILS[plan.kind] ?? 'what the value does not use'} holds ${bytesText(bytes.subarray(first))}`,
    });
  }
}
function placeOf(plan: Plan, at: number, path: Path): Pick<Problem, 'path' | 'offset' | 'bit'> {
  return { path: [...path], offset: at, ...(plan.kind === 'bits' ? { bit: plan.shift } : {}) };
}
const TAILS: Partial<Record<Plan['kind'], string>> = {
  chars: 'what follows the NUL of the text',
  block: 'what the content leaves of its block',
  union: 'what the members leave of the union',
  tagged: 'what the member leaves of the union',
};

export interface CheckValueOptions extends WriteOptions {
  readonly abi?: ABI;
}

/**
 * Everything that encode would refuse about a value, not only the first of it (but of 10,000 problems, the
 * first). Empty if it can be encoded.
 *
 * @throws `abi-required`, `schema-invalid` for a schema that cannot be laid out.
 */
export function checkValue(
  schema: Schema,
  value: unknown,
  options: CheckValueOptions = {},
): CarryoverError[] {
  const abi = options.abi ?? (negotiatedPart(schema) === undefined ? undefined : abiOf(value));
  const plan = planOf(schema, abi);
  const problems: CarryoverError[] = [];
  const writer = new Writer(options, 0, problems);
  writer.attempt(() => {
    writer.root(plan, value);
  });
  return problems;
}
