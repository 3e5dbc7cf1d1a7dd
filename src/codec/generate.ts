/**
 * The source generator: text that does for one schema on one ABI what an engineer would write by hand. Used
 * ahead of time it is an ES module that needs no eval; `jit.ts` makes a function of the same text.
 *
 * Generated code does the regular case only, see `generated-support.ts`. What it cannot do at all (types of
 * other libraries, checksums, references through pointers) the careful reader and writer do for the whole
 * schema; decoding and encoding are decided apart.
 */
import { ABI, ABI_NAMES } from './abi.js';
import { NotGenerated, referredNames, Text } from './emit.js';
import { type DecodeContext, decodeFixed, decodeRunning } from './emit-decode.js';
import { coversAll, type EncodeContext, encodeFixed, encodeRunning } from './emit-encode.js';
import { fail } from './error.js';
import { type Plan, planOf } from './plan.js';
import type { Schema } from './schema.js';

/** What the text takes from `generated-support.ts`. */
const SUPPORT = [
  'HALVES',
  'LOW',
  'WIDE',
  'anySlack',
  'anyBit',
  'areKnown',
  'areZero',
  'clear',
  'copyBytes',
  'dataView',
  'interpretedWith',
  'larger',
  'pairOf',
  'pairTable',
  'paramOf',
  'partBytes',
  'putBytes',
  'readBigBits',
  'readText',
  'sameScalar',
  'slackOf',
  'writeBigBits',
] as const;

/** One schema for which a module exports a compiled one. */
export interface ModuleEntry {
  readonly schema: Schema;
  /** The ABI; left out where the schema does not depend on it. */
  readonly abi?: ABI;
  /** The name under which the module exports it. */
  readonly name: string;
  /** Where the schema is imported from: a specifier, and the name of an export there. */
  readonly from: string;
  readonly export: string;
}

export interface ModuleOptions {
  /** Specifier of `codec/generated-support`, as the module is to import it. */
  readonly support: string;
}

/**
 * The text of an ES module that exports a `Compiled` for each entry. It imports the schemas, for the cold
 * paths; it evaluates no text and has no side effects.
 *
 * @throws `schema-invalid`, `abi-required`; for a name that cannot be one, `schema-invalid`.
 */
export function generateModule(entries: readonly ModuleEntry[], options: ModuleOptions): string {
  const lines = [
    '// Generated from its schemas by carryover/codec/generate. Do not edit.',
    `import * as support from ${JSON.stringify(options.support)};`,
  ];
  entries.forEach(({ from, export: exported }, i) => {
    lines.push(`import { ${identifier(exported)} as schema${i} } from ${JSON.stringify(from)};`);
  });
  entries.forEach(({ schema, abi, name }, i) => {
    lines.push(
      `export const ${identifier(name)} = /* @__PURE__ */ create${i}(support, schema${i}, ${abiText(abi)});`,
      `function create${i}(support, schema, abi) {`,
      generateBody(schema, abi),
      '}',
    );
  });
  return `${lines.join('\n')}\n`;
}

function identifier(name: string): string {
  if (!/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name))
    fail('schema-invalid', `${JSON.stringify(name)} cannot be the name of an export`);
  return name;
}
function abiText(abi: ABI | undefined): string {
  if (abi === undefined) return 'undefined';
  const preset = ABI_NAMES.find((name) => ABI[name] === abi);
  return preset === undefined
    ? `/* @__PURE__ */ support.makeABI(${JSON.stringify(abi)})`
    : `support.ABI.${preset}`;
}

/** The body of a function `(support, schema, abi)` that gives a `Compiled`. */
export function generateBody(schema: Schema, abi: ABI | undefined): string {
  const plan = planOf(schema, abi);
  const text = new Text();
  const decode = generated(text, () => (plan.size === undefined ? runningDecode : fixedDecode)(plan, text));
  const encode = generated(text, () => (plan.size === undefined ? runningEncode : fixedEncode)(plan, text));
  return [
    "'use strict';",
    `const { ${SUPPORT.join(', ')} } = support;`,
    text.constants,
    'const slow = new support.Careful(schema, abi);',
    decode ?? '// Decoding is left to the careful reader.',
    encode ?? '// Encoding is left to the careful writer.',
    'return interpretedWith(slow, {',
    decode === undefined ? '' : 'decode, decodeAt, decodeArray,',
    encode === undefined
      ? ''
      : `encode, encodeArray,${plan.size === undefined ? '' : ' encodeInto, encodeArrayInto,'}`,
    '});',
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Functions as text; undefined if the plan has something that no code is generated for. */
function generated(text: Text, emit: () => string): string | undefined {
  try {
    return emit();
  } catch (error) {
    if (!(error instanceof NotGenerated)) throw error;
    text.take();
    return undefined;
  }
}

// --- decoding ----------------------------------------------------------------------------------------------

function decodeContext(plan: Plan, text: Text, bail: string): DecodeContext {
  return {
    text,
    bail,
    end: 'end',
    frames: [],
    referred: referredNames(plan),
    union: undefined,
    checks: [],
    sizes: new Map(),
  };
}

/** Places beyond are left to the careful writer in the fast loops. */
const NEAR = 0x3fffffff;

/** In the loops over arrays, what is not regular goes to behind the block of the regular case. */
const ODD = 'break odd;';

/** Whether the slack of an array's element is its own, so that the element can be read and written alone. */
function standsAlone(plan: Plan): boolean {
  return plan.kind === 'struct';
}

/**
 * Whether the bytes are there is told by reading the last one: V8 11 and 12 do not inline `byteLength` of a
 * DataView, and asking for it costs as much as decoding a small header does.
 */
function fixedDecodeAt(size: number): string {
  return `function decodeAt(d, offset) {
  if (Number.isInteger(offset)) {
    try {
      ${size === 0 ? 'if (offset < 0 || offset > d.byteLength) throw 0;' : `d.getUint8(offset); d.getUint8(offset + ${size - 1});`}
    } catch {
      return slow.decodeAt(d, offset);
    }
    const value = one(d, offset, offset + ${size}, undefined);
    if (value !== undefined) return value;
  }
  return slow.decodeAt(d, offset);
}`;
}

function fixedDecode(plan: Plan, text: Text): string {
  const size = plan.size ?? 0;
  const alone = standsAlone(plan);
  const place = { base: 'p', offset: 0 };
  const one = decodeFixed(plan, place, decodeContext(plan, text, 'return undefined;')).value;
  text.line(`return ${one};`);
  const single = text.take();
  const many = decodeFixed(plan, place, decodeContext(plan, text, ODD)).value;
  text.line(`out[i] = ${many};`);
  const loop = text.take();
  return `function one(d, p, end, params) {
${single}
}
function decode(bytes, options) {
  const d = dataView(bytes);
  if (d.byteLength === ${size}) {
    const value = one(d, 0, ${size}, options?.params);
    if (value !== undefined) return value;
  }
  return slow.decode(bytes, options);
}
${fixedDecodeAt(size)}
${
  size === 0
    ? 'const decodeArray = (bytes, count, offset) => slow.decodeArray(bytes, count, offset);'
    : `function decodeArray(bytes, count, offset = 0) {
  const d = dataView(bytes);
  const end = d.byteLength, params = undefined;
  if (!Number.isInteger(offset) || !Number.isInteger(count) || offset < 0 || count < 0 || count * ${size} > end - offset)
    return slow.decodeArray(bytes, count, offset);
  const out = new Array(count);
  for (let i = 0, p = offset; i < count; i++, p += ${size}) {
    odd: {
${loop}
      continue;
    }
    ${alone ? 'out[i] = slow.element(d, p, i);' : 'return slow.decodeArray(bytes, count, offset);'}
  }
  return out;
}`
}`;
}

function runningDecode(plan: Plan, text: Text): string {
  const alone = standsAlone(plan);
  const one = decodeRunning(plan, 'p', decodeContext(plan, text, 'return undefined;')).value;
  text.line('ended = p;');
  text.line(`return ${one};`);
  const single = text.take();
  let array = 'const decodeArray = (bytes, count, offset) => slow.decodeArray(bytes, count, offset);';
  if (plan.minSize > 0) {
    const many = decodeRunning(plan, 'p', decodeContext(plan, text, ODD)).value;
    text.line(`out[i] = ${many};`);
    array = `function decodeArray(bytes, count, offset = 0) {
  const d = dataView(bytes);
  const end = d.byteLength, params = undefined;
  if (!Number.isInteger(offset) || !Number.isInteger(count) || offset < 0 || count < 0 || count * ${plan.minSize} > end - offset)
    return slow.decodeArray(bytes, count, offset);
  const out = new Array(count);
  let p = offset;
  for (let i = 0; i < count; i++) {
    const from = p;
    odd: {
${text.take()}
      continue;
    }
    ${alone ? 'out[i] = slow.element(d, from, i); p = slow.next;' : 'return slow.decodeArray(bytes, count, offset);'}
  }
  return out;
}`;
  }
  return `let ended = 0;
function one(d, p, end, params) {
${single}
}
function decode(bytes, options) {
  const d = dataView(bytes);
  const value = one(d, 0, d.byteLength, options?.params);
  return value !== undefined && ended === d.byteLength ? value : slow.decode(bytes, options);
}
function decodeAt(d, offset) {
  if (Number.isInteger(offset) && offset >= 0 && offset <= d.byteLength) {
    const value = one(d, offset, d.byteLength, undefined);
    if (value !== undefined) return value;
  }
  return slow.decodeAt(d, offset);
}
${array}`;
}

// --- encoding ----------------------------------------------------------------------------------------------

function encodeContext(text: Text, bail: string, checkKeys = true): EncodeContext {
  return { text, bail, frames: [], route: 'slow.plan', later: [], sizes: new Map(), checkKeys };
}

function fixedEncode(plan: Plan, text: Text): string {
  const size = plan.size ?? 0;
  const alone = standsAlone(plan);
  const place = { base: 'p', offset: 0 };
  encodeFixed(plan, place, 'v', encodeContext(text, 'return false;'));
  const single = text.take();
  encodeFixed(plan, place, 'v', encodeContext(text, ODD));
  const loop = text.take();
  encodeFixed(plan, place, 'v', encodeContext(text, ODD, false));
  const loopInto = text.take();
  const clears = coversAll(plan) ? '' : 'clear(d, offset, end);';
  return `function put(d, p, v) {
const plain = Object.prototype, kept = anySlack();
${single}
return true;
}
function encode(value) {
  try {
    const d = new DataView(new ArrayBuffer(${size}));
    if (put(d, 0, value)) return new Uint8Array(d.buffer, 0, ${size});
  } catch { /* The careful writer says what is wrong. */ }
  return slow.encode(value);
}
function encodeInto(v, d, offset) {
  const plain = Object.prototype, kept = anySlack();
  const p = offset, end = offset + ${size};
  if (Number.isInteger(offset) && offset >= 0 && end <= d.byteLength)
    try {
      odd: {
${clears}
${loopInto}
        return end;
      }
    } catch { /* The careful writer says what is wrong. */ }
  return slow.encodeInto(v, d, offset);
}
function encodeArrayInto(values, d, offset) {
  if (${size === 0 ? 'true || ' : ''}!Array.isArray(values) || slackOf(values) !== undefined || !Number.isInteger(offset) || offset < 0)
    return slow.encodeArrayInto(values, d, offset);
  const plain = Object.prototype, kept = anySlack();
  const count = values.length, end = offset + count * ${size};
  if (end <= d.byteLength && end <= ${NEAR})
    try {
${clears}
      // With both ends known to be small integers, V8 adds to p without a look at overflow.
      const last = end & ${NEAR};
      for (let i = 0, p = offset & ${NEAR}; p < last; i++, p += ${size}) {
        const v = values[i];
        odd: {
${loopInto}
          continue;
        }
        ${alone ? "putBytes(d, p, slow.encodeElement(v, i, 'ignore'));" : 'return slow.encodeArrayInto(values, d, offset);'}
      }
      return end;
    } catch { /* The careful writer says what is wrong. */ }
  return slow.encodeArrayInto(values, d, offset);
}
function encodeArray(values) {
  if (!Array.isArray(values) || slackOf(values) !== undefined) return slow.encodeArray(values);
  try {
    const plain = Object.prototype, kept = anySlack();
    const count = values.length;
    let d = new DataView(new ArrayBuffer(count * ${size}));
    for (let i = 0, p = 0; i < count; i++, p += ${size}) {
      const v = values[i];
      odd: {
${loop}
        continue;
      }
      ${alone ? 'putBytes(d, p, slow.encodeElement(v, i));' : 'return slow.encodeArray(values);'}
    }
    return new Uint8Array(d.buffer, 0, count * ${size});
  } catch { /* The careful writer says what is wrong. */ }
  return slow.encodeArray(values);
}`;
}

function runningEncode(plan: Plan, text: Text): string {
  encodeRunning(plan, 'p', 'v', encodeContext(text, 'return undefined;'));
  const single = text.take();
  // What a regular beginning has written is not to shine through.
  const odd = standsAlone(plan)
    ? `clear(d, from, Math.min(p, d.byteLength));
      const bytes = slow.encodeElement(v, i);
      p = from + bytes.length;
      if (p > d.byteLength) d = larger(d, from, p);
      putBytes(d, from, bytes);`
    : 'return slow.encodeArray(values);';
  encodeRunning(plan, 'p', 'v', encodeContext(text, ODD));
  const loop = text.take();
  return `function encode(v) {
  try {
    const bytes = write(v);
    if (bytes !== undefined) return bytes;
  } catch { /* The careful writer says what is wrong. */ }
  return slow.encode(v);
}
function write(v) {
const plain = Object.prototype, kept = anySlack();
let d = new DataView(new ArrayBuffer(${Math.max(plan.minSize * 2, 64)})), p = 0;
${single}
return new Uint8Array(d.buffer, 0, p);
}
function encodeArray(values) {
  if (!Array.isArray(values) || slackOf(values) !== undefined) return slow.encodeArray(values);
  try {
    const plain = Object.prototype, kept = anySlack();
    const count = values.length;
    let d = new DataView(new ArrayBuffer(count * ${Math.max(plan.minSize, 8)})), p = 0;
    for (let i = 0; i < count; i++) {
      const v = values[i], from = p;
      odd: {
${loop}
        continue;
      }
      ${odd}
    }
    return new Uint8Array(d.buffer, 0, p);
  } catch { /* The careful writer says what is wrong. */ }
  return slow.encodeArray(values);
}`;
}
