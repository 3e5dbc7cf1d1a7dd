/** Numbers as they are given in specs. */
import { buildError } from './build-error.js';

/** @throws `build-value` for what is no whole number of up to 64 bits. */
export function wordOf(value: number | bigint, path: string): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw buildError('build-value', path, `${value} is no whole number that JavaScript keeps exactly`);
  // What TypeScript does not let through may come from JavaScript.
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw buildError('build-value', path, `${JSON.stringify(value) ?? 'nothing'} is no number`);
  const word = BigInt(value);
  if (word < 0n || word >= 1n << 64n)
    throw buildError('build-value', path, `${word} does not fit into 64 bits`);
  return word;
}
/** A number that has to fit into some bits. @throws `build-value` */
export function smallOf(value: number | bigint, bits: number, path: string): number {
  const word = wordOf(value, path);
  if (word >= 1n << BigInt(bits))
    throw buildError('build-value', path, `${word} does not fit into ${bits} bits`);
  return Number(word);
}
