import { describe, expect, it } from 'vitest';
import { ABI, decode, encode, fromHex, planOf, toHex } from '../../src/codec/index.js';
import { type GoldenStruct, goldenStructs, initialiser, schemaOf } from './gcc.js';

/** What decode must contain: every leaf that the fixture initialised. Unions decode all of their members. */
function contains(actual: unknown, expected: unknown): boolean {
  if (typeof expected === 'bigint' || typeof expected === 'number')
    return (typeof actual === 'bigint' || typeof actual === 'number') && BigInt(actual) === BigInt(expected);
  if (Array.isArray(expected))
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((e, i) => contains(actual[i], e))
    );
  if (typeof expected === 'object' && expected !== null)
    return (
      typeof actual === 'object' &&
      actual !== null &&
      Object.entries(expected).every(([key, e]) => contains((actual as Record<string, unknown>)[key], e))
    );
  return actual === expected;
}

function mismatches(golden: GoldenStruct): string[] {
  const schema = schemaOf(golden.type, golden.name);
  const value = initialiser(golden.type, golden.value);
  const wrong: string[] = [];
  for (const expected of golden.golden)
    for (const name of expected.abis) {
      const abi = ABI[name];
      const say = (what: string): number =>
        wrong.push(`${golden.name} on ${name}: ${what}: ${JSON.stringify(golden.type)}`);
      const plan = planOf(schema, abi);
      if (plan.size !== expected.size) say(`size ${plan.size}, not ${expected.size}`);
      else if (plan.align !== expected.align) say(`align ${plan.align}, not ${expected.align}`);
      else {
        const bytes = toHex(encode(schema, value as never, { abi }));
        if (bytes !== expected.bytes) say(`encodes to ${bytes}, not ${expected.bytes}`);
        const input = fromHex(expected.bytes) ?? new Uint8Array();
        const decoded = decode(schema, input, { abi });
        if (!contains(decoded, value)) say('decodes to another value');
        if (toHex(encode(schema, decoded as never, { abi })) !== expected.bytes) say('does not round-trip');
      }
    }
  return wrong;
}

describe.each(['systematic', 'random'] as const)('the %s structs of GCC', (file) => {
  const structs = goldenStructs(file);
  const groups = [...new Set(structs.map((golden) => golden.group))];
  it.each(groups)('%s: sizes, offsets and bytes on every ABI', (group) => {
    const wrong = structs.filter((golden) => golden.group === group).flatMap(mismatches);
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(wrong.length).toBe(0);
  });
});
