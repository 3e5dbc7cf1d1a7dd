/** References from one field to another: lengths, tags, versions and conditions. */
import type { PlanCondition, PlanRef, StructPlan } from './plan.js';

/** Values for references that no field answers. */
export type Params = Readonly<Record<string, number | bigint>>;

/** Memory that pointers can be followed into. */
export interface Memory {
  /** The bytes at that address, or undefined where they are not at hand. */
  read(space: 'phys' | 'virt', address: bigint, length: number): Uint8Array | undefined;
}

/** What a reference is looked up in. */
export interface Scope {
  /** The structs being read or written, from the outermost in. */
  readonly scopes: readonly Record<string, unknown>[];
  readonly params: Params | undefined;
  readonly memory: Memory | undefined;
  /** Decodes what a pointer points to, as far as it goes. */
  readTarget(plan: StructPlan, bytes: Uint8Array): unknown;
}

/** The value of a reference; undefined if it is not there, or not an integer. */
export function resolveRef(ref: PlanRef, scope: Scope): number | bigint | undefined {
  if (ref.up < 0) {
    const { params } = scope;
    return params !== undefined && Object.hasOwn(params, ref.text) ? integer(params[ref.text]) : undefined;
  }
  let value: unknown = scope.scopes[scope.scopes.length - 1 - ref.up];
  const [first, ...others] = ref.path;
  if (ref.through !== undefined && first !== undefined) value = follow(ref.through, own(value, first), scope);
  else value = own(value, first ?? '');
  for (const part of others) value = own(value, part);
  return integer(value);
}

function integer(value: unknown): number | bigint | undefined {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
    ? value
    : undefined;
}
function own(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

/** The struct that a pointer points to, as far as it can be read. */
function follow(through: NonNullable<PlanRef['through']>, address: unknown, scope: Scope): unknown {
  if (typeof address !== 'bigint' || address === 0n) return undefined;
  const { memory } = scope;
  if (memory === undefined) return undefined;
  const { pointer, target } = through;
  const bytes = memory.read(pointer.space, address, target.size ?? target.minSize);
  return bytes === undefined ? undefined : scope.readTarget(target, bytes);
}

/** Whether a condition holds; undefined if the field it asks for is not there. */
export function conditionHolds(condition: PlanCondition, scope: Scope): boolean | undefined {
  const found = resolveRef(condition.ref, scope);
  if (found === undefined) return undefined;
  const value = BigInt(found);
  switch (condition.is) {
    case 'equal':
      return value === condition.value;
    case 'different':
      return value !== condition.value;
    case 'at-least':
      return value >= condition.value;
    case 'any-bit':
      return (value & condition.value) !== 0n;
  }
}
