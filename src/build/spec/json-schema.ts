/** The JSON Schema of specs, for editors. */
import type { JSONValue } from '../../codec/index.js';
import type { Shape } from './shape.js';

/** A number, also as a text with a unit, because JSON readers round what is above 2^53. */
const WORD: JSONValue = {
  anyOf: [
    { type: 'integer', minimum: 0 },
    {
      type: 'string',
      pattern: '^\\s*(0[xX][0-9a-fA-F_]+|[0-9][0-9_]*)\\s*([kKmMgGtT]([iI]?[bB])?|[bB](ytes)?)?\\s*$',
    },
  ],
};

/** The JSON Schema (draft 2020-12) of what a shape allows. */
export function jsonSchemaOf(shape: Shape, title: string): JSONValue {
  const body = schemaOf(shape);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    ...(typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {}),
  };
}

function schemaOf(shape: Shape): JSONValue {
  switch (shape.kind) {
    case 'word':
      return WORD;
    case 'number':
      return WORD;
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
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'array', items: { enum: Object.keys(shape.bits) } },
        ],
      };
    case 'list':
      return { type: 'array', items: schemaOf(shape.of) };
    case 'map':
      return { type: 'object', additionalProperties: schemaOf(shape.of) };
    case 'either':
      return { anyOf: shape.of.map(schemaOf) };
    case 'object': {
      const entries = Object.entries(shape.fields);
      const required = entries.flatMap(([key, field]) => (field.required ? [key] : []));
      return {
        type: 'object',
        description: shape.doc,
        properties: Object.fromEntries(
          entries.map(([key, field]) => [key, described(schemaOf(field.shape), field.doc)]),
        ),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
      };
    }
  }
}

function described(schema: JSONValue, description: string): JSONValue {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema)
    ? { ...schema, description }
    : schema;
}
