/** Small things that everything that makes a graph says. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    !Array.isArray(value) &&
    !(Symbol.iterator in value)
  );
}
export function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
export function hexText(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
/** `1 file`, `3 files`. */
export function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
export function countText(list: unknown, unit: string): string {
  return plural(Array.isArray(list) ? list.length : 0, unit);
}
