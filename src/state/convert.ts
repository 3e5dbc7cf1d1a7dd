/** The same value as another machine, or another generation of its format, would write it. */
import { CarryoverError, isCarryoverError, type Path, parsePath, pathText } from '../codec/error.js';
import type { ABI, Params } from '../codec/index.js';
import { fieldsByName, type JSONValue, plainObject, SLACK_KEY } from '../codec/json.js';
import { type FieldPlan, type Plan, type PlanOf, planOf } from '../codec/plan.js';
import { isPresent } from '../codec/slack.js';
import type { Format, Reading } from '../formats/format.js';
import { abiToJSON } from './abi-text.js';
import type { StateCode } from './codes.js';
import { encodePresented, valueToJSON } from './document.js';
import { parseAs, type State } from './open.js';
import type { Edit } from './set.js';
import { plural } from './tree.js';

export interface ConvertOptions {
  /** The machine that is to write it; the one that wrote the input, unless given. */
  readonly abi?: ABI | undefined;
  /** `FORMAT@GENERATION` to write; the input's own, unless given. */
  readonly to?: string | undefined;
  /** Fields that the target has and the input has not; `[*]` in a path is every element. */
  readonly edits?: readonly Edit[] | undefined;
  readonly formats?: readonly Format[] | undefined;
}

export interface Converted {
  readonly bytes: Uint8Array;
  readonly reading: Reading;
  /** What was left out or added, in sentences. */
  readonly notes: readonly string[];
}

/**
 * Writes the value of an input for another ABI or generation.
 *
 * @throws CarryoverError `document-incomplete`, `convert-impossible`, and those of encoding.
 */
export function convert(state: State, options: ConvertOptions): Converted {
  if (state.incomplete !== undefined)
    throw new CarryoverError(
      'document-incomplete' satisfies StateCode,
      `the input does not decode completely: ${state.incomplete.reason}`,
      { path: state.incomplete.path, cause: state.incomplete },
    );
  const target = options.to === undefined ? undefined : parseAs(options.to, options.formats);
  const format = target?.format ?? state.format;
  const generation = target?.generation ?? state.reading.generation;
  if (format !== state.format)
    throw new CarryoverError(
      'convert-impossible' satisfies StateCode,
      `a value of the format ${state.format.name} cannot be written as ${format.name}`,
    );
  const abi = options.abi ?? state.reading.abi;
  const reading = format.reading(new Uint8Array(), { generation, ...(abi === undefined ? {} : { abi }) });
  const notes: string[] = [];
  const other = generation !== state.reading.generation;
  let json = adapt(state, reading, format, other, notes);
  for (const edit of options.edits ?? []) json = assign(json, pathParts(edit.path), edit.value);
  if (options.abi !== undefined && reading.abi === undefined)
    notes.push(`${format.name}@${generation} is the same on every ABI`);
  const encoded = encodeAs(format, reading, json, notes);
  const bytes = withTrailing(encoded, state.bytes.subarray(state.wire.understood), notes);
  const seen = format.recognise(bytes)?.generation;
  if (other && seen !== undefined && seen !== generation)
    notes.push(
      `what was written is taken for ${format.name}@${seen}: a field that tells the generations apart still has its old value, and has to be set as well`,
    );
  return { bytes, reading, notes };
}

/** What follows the value is of no known meaning, and is kept as it is. */
function withTrailing(encoded: Uint8Array, trailing: Uint8Array, notes: string[]): Uint8Array {
  if (trailing.length === 0) return encoded;
  notes.push(
    `${plural(trailing.length, 'byte')} after the value ${trailing.length === 1 ? 'was' : 'were'} copied unchanged`,
  );
  const all = new Uint8Array(encoded.length + trailing.length);
  all.set(encoded);
  all.set(trailing, encoded.length);
  return all;
}

/** The JSON of the value without what the target itself decides: magic numbers, and the hints for the ABI. */
function adapt(state: State, reading: Reading, format: Format, other: boolean, notes: string[]): JSONValue {
  const wire = format.absent(valueToJSON(state), reading) as JSONValue;
  const plan = planOf(reading.schema, reading.abi);
  const adapted = prune(plan, wire, {
    params: reading.params,
    other,
    notes,
    path: [],
    present: (path) => format.presentPath(path, reading) ?? path,
  });
  return format.present(adapted, reading) as JSONValue;
}

interface Pruning {
  readonly params: Params;
  /** Whether the target is another generation, so that fields may have no place in it. */
  readonly other: boolean;
  readonly notes: string[];
  readonly path: Path;
  present(path: Path): Path;
}

function prune(plan: Plan, json: JSONValue, cx: Pruning): JSONValue {
  switch (plan.kind) {
    case 'block':
      return prune(plan.type, json, cx);
    case 'versioned': {
      // Of versions that a field tells, the value has the one that its own field tells.
      const tag = plan.by.up < 0 ? cx.params[plan.by.text] : undefined;
      const chosen = tag === undefined ? undefined : plan.cases.get(tag.toString());
      return chosen === undefined ? json : prune(chosen, json, cx);
    }
    case 'array':
      if (!Array.isArray(json)) return json;
      return json.map((element: JSONValue, i) =>
        prune(plan.element, element, { ...cx, path: [...cx.path, i] }),
      );
    case 'struct':
    case 'union':
    case 'tagged':
      return plainObject(json) ? pruneFields(plan, json, cx) : json;
    default:
      return json;
  }
}

function pruneFields(
  plan: PlanOf<'struct' | 'union' | 'tagged'>,
  json: { readonly [key: string]: JSONValue },
  cx: Pruning,
): JSONValue {
  const fields = fieldsByName(plan);
  const others = otherViews(plan, json);
  const kept: { [key: string]: JSONValue } = {};
  for (const [key, value] of Object.entries(json)) {
    const field = fields.get(key);
    const path = [...cx.path, key];
    if (others.has(key)) continue;
    if (field !== undefined) {
      if (field.derived === undefined && field.magic === undefined)
        kept[key] = prune(field.plan, value, { ...cx, path });
    } else if (key === SLACK_KEY || key === '$raw' || !cx.other) kept[key] = value;
    else cx.notes.push(`${pathText(cx.present(path))} has no place in the target and was left out`);
  }
  return kept;
}

/**
 * The members of unions but the first of each. They are views of the same bytes, and on another machine they
 * would contradict it: the value is what the first one says.
 */
function otherViews(
  plan: PlanOf<'struct' | 'union' | 'tagged'>,
  json: { readonly [key: string]: JSONValue },
): ReadonlySet<string> {
  const others = new Set<string>();
  if (plan.kind === 'struct') {
    for (const segment of plan.segments)
      for (const item of segment.items)
        if (item.item === 'field' && item.inline) addOtherViews(item.plan, json, others);
  } else addOtherViews(plan, json, others);
  return others;
}
function addOtherViews(plan: Plan, json: { readonly [key: string]: JSONValue }, others: Set<string>): void {
  if (plan.kind === 'struct') for (const key of otherViews(plan, json)) others.add(key);
  if (plan.kind !== 'union') return;
  const keysOf = (member: FieldPlan): Iterable<string> =>
    !member.inline ? [member.key] : 'keys' in member.plan ? member.plan.keys : [];
  const present = plan.members.filter((member) => isPresent(member, json));
  for (const member of present.slice(1)) for (const key of keysOf(member)) others.add(key);
}

/** `flows[*].ext.timestamp` in parts, with `*` for every element. */
function pathParts(path: string): readonly (string | number)[] {
  const stars: (string | number)[] = [];
  for (const [i, piece] of path.split('[*]').entries()) {
    if (i > 0) stars.push('*');
    stars.push(...parsePath(piece));
  }
  return stars;
}

/** A copy with that field set, also where it was not there before. */
function assign(json: JSONValue, path: readonly (string | number)[], value: JSONValue): JSONValue {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (Array.isArray(json)) {
    const elements: readonly JSONValue[] = json;
    return elements.map((element, i) =>
      part === '*' || part === i ? assign(element, rest, value) : element,
    );
  }
  if (!plainObject(json) || typeof part === 'number')
    throw new CarryoverError(
      'path-unknown',
      `there is nothing inside of which ${pathText(path)} could be set`,
    );
  return { ...json, [part]: assign(json[part] ?? null, rest, value) };
}

/** With what is not canonical, if it has a place in the other layout; else without it. */
function encodeAs(format: Format, reading: Reading, json: JSONValue, notes: string[]): Uint8Array {
  try {
    return encodePresented(format, reading, json, { derive: true });
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    if (error.code !== 'slack-mismatch')
      throw new CarryoverError(
        'convert-impossible' satisfies StateCode,
        `as ${reading.format}@${reading.generation} on ${JSON.stringify(abiToJSON(reading.abi))} it cannot be written: ${error.reason}`,
        {
          path: error.path,
          cause: error,
          ...(error.expected === undefined ? {} : { expected: error.expected }),
          ...(error.found === undefined ? {} : { found: error.found }),
        },
      );
    notes.push(`padding and reserved bits that are not zero were left out: ${error.reason}`);
    return encodePresented(format, reading, json, { derive: true, canonical: true });
  }
}
