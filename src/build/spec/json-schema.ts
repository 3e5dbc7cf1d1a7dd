/** The JSON Schema of specs, for editors. */
import { type JSONValue, plainObject } from '../../codec/json.js';
import { DOCUMENT_KINDS } from './kinds.js';
import type { Field, Shape } from './shape.js';

const DRAFT = 'https://json-schema.org/draft/2020-12/schema';

/** A number, also as a text with a unit, because JSON readers round what is above 2^53. */
function word(maximum: number | undefined): JSONValue {
  return {
    anyOf: [{ type: 'integer', minimum: 0, ...(maximum === undefined ? {} : { maximum }) }, WORD_TEXT],
  };
}
const WORD_TEXT: JSONValue = {
  type: 'string',
  pattern:
    '^\\s*(0[xX][0-9a-fA-F][0-9a-fA-F_]*|0|[1-9][0-9_]*)\\s*([kKmMgGtT]([iI]?[bB])?|[bB]([yY][tT][eE][sS])?)?\\s*$',
};

/** The JSON Schema (draft 2020-12) of what a shape allows. */
export function jsonSchemaOf(shape: Shape, title: string): JSONValue {
  return { $schema: DRAFT, title, ...asObject(schemaOf(shape)) };
}

/** The JSON Schema of all documents that `build` takes. */
export function documentSchema(): JSONValue {
  const { passt, handover } = DOCUMENT_KINDS;
  // Editors say what is wrong with the kind that the document is, rather than with each.
  return {
    $schema: DRAFT,
    title: 'what carryover build makes',
    if: { type: 'object', properties: { [passt.key]: true }, required: [passt.key] },
    // biome-ignore lint/suspicious/noThenProperty: this is a keyword of JSON Schema.
    then: schemaOf(passt.shape),
    else: elementOf(handover.shape),
  };
}

function schemaOf(shape: Shape): JSONValue {
  switch (shape.kind) {
    case 'word':
      return word(undefined);
    case 'number':
      return word(shape.max);
    case 'text':
      return { type: ['string', 'integer', 'number'] };
    case 'choice':
      // Releases such as 7.3 are read as numbers by YAML.
      return {
        enum: [...shape.values, ...shape.values.filter((value) => /^\d+\.\d+$/.test(value)).map(Number)],
      };
    case 'boolean':
      return { type: 'boolean' };
    case 'constant':
      return { const: shape.value };
    case 'flags':
      return { anyOf: [word(0xffffffff), { type: 'array', items: { enum: Object.keys(shape.bits) } }] };
    case 'list':
      return { type: 'array', items: elementOf(shape.of) };
    case 'map':
      return { type: 'object', additionalProperties: elementOf(shape.of) };
    case 'either':
      return { anyOf: shape.of.map(schemaOf) };
    case 'object': {
      const entries = Object.entries(shape.fields);
      const required = entries.flatMap(([key, field]) => (field.required ? [key] : []));
      return {
        type: 'object',
        description: shape.doc,
        properties: Object.fromEntries(
          entries.map(([key, field]) => [key, { ...asObject(fieldOf(field)), description: field.doc }]),
        ),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
      };
    }
  }
}

/** What stands behind a key: nothing is as good as no key. */
function fieldOf({ shape, required }: Field): JSONValue {
  const schema = schemaOf(shape);
  return (required && !isNothing(shape)) || (shape.kind === 'object' && !isNothing(shape))
    ? schema
    : orNothing(schema);
}
/** What stands in a list, or behind a name. */
function elementOf(shape: Shape): JSONValue {
  const schema = schemaOf(shape);
  return isNothing(shape) || shape.kind === 'list' ? orNothing(schema) : schema;
}
/** Whether nothing is read as an empty one. */
function isNothing(shape: Shape): boolean {
  switch (shape.kind) {
    case 'object':
      return Object.values(shape.fields).every(({ required }) => !required);
    case 'map':
      return true;
    case 'either':
      return shape.of.some((one) => one.kind === 'list' || isNothing(one));
    default:
      return false;
  }
}
function orNothing(schema: JSONValue): JSONValue {
  return { anyOf: [schema, { type: 'null' }] };
}
function asObject(schema: JSONValue): { readonly [key: string]: JSONValue } {
  return plainObject(schema) ? schema : {};
}
