/** What the schemas say of the parts of a value: pointers are addresses, derived fields follow from others. */
import type { Kind, Schema, SchemaOf } from '../../codec/index.js';
import type { PathPart } from '../../formats/format.js';
import type { Sense } from '../../formats/meaning.js';

type Path = readonly PathPart[];
type Interpreter<K extends Kind> = (schema: SchemaOf<K>, path: Path) => Sense | undefined;

/** What the part of a value at a path is, as far as its schema says. */
export function senseOf(schema: Schema, path: Path): Sense | undefined {
  return (senses[schema.kind] as (schema: Schema, path: Path) => Sense | undefined)(schema, path);
}

const plain = (): undefined => undefined;
const inner = (schema: { readonly type: Schema }, path: Path): Sense | undefined =>
  senseOf(schema.type, path);

const senses: { readonly [K in Kind]: Interpreter<K> } = {
  int: plain,
  enum: plain,
  flags: plain,
  bits: plain,
  unnamed: plain,
  chars: plain,
  bytes: plain,
  foreign: plain,
  magic: plain,
  // What it leads to is no address: a value may have it in the pointer's place.
  pointer: (_, path) => (path.length === 0 ? 'address' : undefined),
  derived: () => 'derived',
  array: ({ element }, [, ...rest]) => senseOf(element, rest),
  struct: ofMembers,
  union: ofMembers,
  tagged: ofMembers,
  anonymous: inner,
  attributed: inner,
  reserved: inner,
  optional: inner,
  block: inner,
  negotiated: inner,
  versioned: ({ cases }, path) => first(Object.values(cases), path),
};

function ofMembers({ fields }: SchemaOf<'struct' | 'union' | 'tagged'>, path: Path): Sense | undefined {
  const [name, ...rest] = path;
  const own = name === undefined ? undefined : fields[name];
  if (own !== undefined && own.kind !== 'anonymous') return senseOf(own, rest);
  return first(
    Object.values(fields).filter(({ kind }) => kind === 'anonymous'),
    path,
  );
}

function first(schemas: readonly Schema[], path: Path): Sense | undefined {
  for (const schema of schemas) {
    const sense = senseOf(schema, path);
    if (sense !== undefined) return sense;
  }
  return undefined;
}
