/** Specs as YAML, as people would write them. */
import { Document, isScalar, type Scalar, visit } from 'yaml';

/** Words that people read in hexadecimal. */
const HEX: ReadonlySet<string> = new Set([
  'token',
  'data',
  'at',
  'addr',
  'base',
  'csum',
  'vm_token',
  'iommufd_token',
  'domain_data',
  'gfn',
  'driver_data',
]);
/** Sizes that are a whole number of these are written with a unit. */
const UNITS: readonly (readonly [bigint, string])[] = [
  [1n << 30n, 'GiB'],
  [1n << 20n, 'MiB'],
  [1n << 10n, 'KiB'],
];
const SIZES: ReadonlySet<string> = new Set(['size', 'page_size', 'offset']);

/** The YAML of a spec: read again, it is the same spec. `comments` stand at its top. */
export function specText(spec: object, comments: readonly string[] = []): string {
  // Releases such as 7.2 are texts, which the writer puts in quotes where they look like numbers.
  const document = new Document(written(spec, ''), { intAsBigInt: true });
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof key !== 'string' || !HEX.has(key) || !isScalar(pair.value)) return;
      // The writer's own name for numbers in hexadecimal.
      if (typeof pair.value.value === 'bigint') (pair.value as Scalar).format = 'HEX';
    },
  });
  if (comments.length > 0) document.commentBefore = comments.map((line) => ` ${line}`).join('\n');
  return document.toString({ lineWidth: 110, flowCollectionPadding: true });
}

/** Numbers as bigints, sizes with their unit, what is not given left out. */
function written(value: unknown, key: string): unknown {
  if (typeof value === 'bigint' || typeof value === 'number') {
    const word = BigInt(value);
    const unit = SIZES.has(key) && word > 0n ? UNITS.find(([size]) => word % size === 0n) : undefined;
    return unit === undefined ? word : `${word / unit[0]} ${unit[1]}`;
  }
  if (Array.isArray(value)) return value.map((element) => written(element, key));
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
        inner === undefined ? [] : [[name, written(inner, name)]],
      ),
    );
  return value;
}
